//! Changes to links as a person writes them: `paris eu-west-1 latency=80 loss=3`, `all seoul cut`.
//!
//! One line is one change, of both directions; with `->` between the hosts, of one.

use anyhow::{Context as _, bail, ensure};

use super::{Links, link::Link};

/// What a person is told.
pub const HELP: &str = "\
HOST HOST SETTING..     both directions; HOST -> HOST SETTING.. is one, `all` is every host
  latency=MS jitter=MS  one way
  loss=PERCENT reorder=PERCENT
  rate=MBIT             0 is without limit; queue=KB waits before it
  cut | mend
  no-udp | udp          drops UDP, or passes it again";

/// Longer than any sensible way.
const MS_MAX: f64 = 60_000.0;

/// Applies one line.
///
/// # Errors
/// What of the line makes no sense; nothing is changed then.
pub fn apply(line: &str, links: &Links, hosts: &[&str]) -> anyhow::Result<()> {
    let mut words = line.split_whitespace().peekable();
    let from = numbers(words.next().context("no host")?, hosts)?;
    let one_way = words.next_if_eq(&"->").is_some();
    let to = numbers(words.next().context("two hosts are needed")?, hosts)?;
    let settings: Vec<Setting> = words.map(setting).collect::<anyhow::Result<_>>()?;
    ensure!(!settings.is_empty(), "no setting");
    let change = |link: &mut Link| settings.iter().for_each(|setting| setting.set(link));
    for (from, to) in from.iter().flat_map(|f| to.iter().map(move |t| (*f, *t))) {
        if one_way {
            links.change_one_way(from, to, change);
        } else {
            links.change(from, to, change);
        }
    }
    Ok(())
}

fn numbers(name: &str, hosts: &[&str]) -> anyhow::Result<Vec<usize>> {
    if name == "all" {
        return Ok((0..hosts.len()).collect());
    }
    let found = hosts.iter().position(|host| *host == name);
    let number = found.with_context(|| format!("no host {name:?}: {}", hosts.join(" ")))?;
    Ok(vec![number])
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Setting {
    LatencyMs(f64),
    JitterMs(f64),
    LossPercent(f64),
    ReorderPercent(f64),
    RateMbit(u32),
    QueueKb(u32),
    Cut(bool),
    NoUdp(bool),
}

fn setting(word: &str) -> anyhow::Result<Setting> {
    let between = |value: &str, max: f64| {
        let number: f64 = value.parse().with_context(|| word.to_owned())?;
        ensure!((0.0..=max).contains(&number), "{word}: 0 to {max}");
        Ok(number)
    };
    let whole = |value: &str| value.parse().with_context(|| word.to_owned());
    Ok(match word.split_once('=') {
        None if word == "cut" => Setting::Cut(true),
        None if word == "mend" => Setting::Cut(false),
        None if word == "no-udp" => Setting::NoUdp(true),
        None if word == "udp" => Setting::NoUdp(false),
        Some(("latency", value)) => Setting::LatencyMs(between(value, MS_MAX)?),
        Some(("jitter", value)) => Setting::JitterMs(between(value, MS_MAX)?),
        Some(("loss", value)) => Setting::LossPercent(between(value, 100.0)?),
        Some(("reorder", value)) => Setting::ReorderPercent(between(value, 100.0)?),
        Some(("rate", value)) => Setting::RateMbit(whole(value)?),
        Some(("queue", value)) => Setting::QueueKb(whole(value)?),
        _ => bail!("{word:?} is no setting\n{HELP}"),
    })
}

impl Setting {
    fn set(self, link: &mut Link) {
        let time = |ms: f64| std::time::Duration::from_secs_f64(ms / 1_000.0);
        match self {
            Self::LatencyMs(ms) => link.latency = time(ms),
            Self::JitterMs(ms) => link.jitter = time(ms),
            Self::LossPercent(percent) => link.loss = percent / 100.0,
            Self::ReorderPercent(percent) => link.reorder = percent / 100.0,
            Self::RateMbit(mbit) => link.rate_bits = u64::from(mbit) * 1_000_000,
            Self::QueueKb(kb) => link.queue_bytes = u64::from(kb) * 1_000,
            Self::Cut(cut) => link.cut = cut,
            Self::NoUdp(no_udp) => link.no_udp = no_udp,
        }
    }
}

#[cfg(test)]
mod tests;
