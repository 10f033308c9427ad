//! The formats of draft 4. Unknown ones mean nothing.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::pattern_java::Pattern;

/// What a string must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    DateTime,
    Email,
    Hostname,
    Ipv4,
    Ipv6,
    Regex,
    Uri,
}

const ALL: [Format; 7] = [
    Format::DateTime,
    Format::Email,
    Format::Hostname,
    Format::Ipv4,
    Format::Ipv6,
    Format::Regex,
    Format::Uri,
];

impl Format {
    pub(super) fn read(name: &str) -> Option<Self> {
        ALL.into_iter().find(|format| format.name() == name)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::DateTime => "date-time",
            Self::Email => "email",
            Self::Hostname => "hostname",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Regex => "regex",
            Self::Uri => "uri",
        }
    }

    pub(super) fn fits(self, text: &str) -> bool {
        match self {
            Self::DateTime => date_time(text).is_some(),
            Self::Email => text.rsplit_once('@').is_some_and(|(user, host)| {
                !user.is_empty() && !host.is_empty() && !text.contains(char::is_whitespace)
            }),
            Self::Hostname => hostname(text),
            Self::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
            Self::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
            Self::Regex => Pattern::parse_ecma(text).is_ok(),
            Self::Uri => uri(text),
        }
    }
}

/// `2026-11-21T03:00:00.5+01:00`, as of RFC 3339.
fn date_time(text: &str) -> Option<()> {
    let (date, time) = text.split_once(['T', 't'])?;
    let mut parts = date.splitn(3, '-');
    let year = digits(parts.next()?, 4)?;
    let month = digits(parts.next()?, 2)?;
    let day = digits(parts.next()?, 2)?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if !(1..=days).contains(&day) {
        return None;
    }
    let zone = time.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = time.split_at(zone);
    let (clock, fraction) = match clock.split_once('.') {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (clock, None),
    };
    if fraction.is_some_and(|part| part.is_empty() || !part.bytes().all(|one| one.is_ascii_digit()))
    {
        return None;
    }
    let mut parts = clock.splitn(3, ':');
    let hour = digits(parts.next()?, 2)?;
    let minute = digits(parts.next()?, 2)?;
    let second = digits(parts.next()?, 2)?;
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    zone_fits(zone).then_some(())
}

/// `Z`, `+hh:mm` and the `+hhmm` of Java.
fn zone_fits(zone: &str) -> bool {
    if zone.eq_ignore_ascii_case("z") {
        return true;
    }
    let Some(offset) = zone.strip_prefix(['+', '-']) else {
        return false;
    };
    let (hours, minutes) = match offset.split_once(':') {
        Some(parts) => parts,
        None => match offset.split_at_checked(2) {
            Some(parts) => parts,
            None => return false,
        },
    };
    digits(hours, 2).is_some_and(|hours| hours < 24)
        && digits(minutes, 2).is_some_and(|minutes| minutes < 60)
}

fn digits(text: &str, count: usize) -> Option<u32> {
    let fits = text.len() == count && text.bytes().all(|one| one.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}

fn hostname(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|one| one.is_ascii_alphanumeric() || one == b'-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// A scheme, and no character that no URI has.
fn uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|one| one.is_ascii_alphanumeric() || b"+-.".contains(&one))
        && !rest.is_empty()
        && rest
            .bytes()
            .all(|one| one.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&one))
}
