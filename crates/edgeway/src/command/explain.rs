//! `explain`: why the cluster does what it does.

use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::say;
use crate::client::Target;

/// What can be explained.
#[derive(clap::Subcommand)]
pub enum Explain {
    /// Why DNS answers a client as it does.
    Dns(Options),
}

/// Options of `explain dns`.
#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    target: Target,
    /// The name that is asked for.
    name: String,
    /// The client's address or prefix.
    #[arg(long)]
    from: String,
    /// The whole answer, for programs.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(explain: &Explain) -> anyhow::Result<()> {
    let Explain::Dns(options) = explain;
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let (name, from) = (encoded(&options.name), encoded(&options.from));
    let path = format!("/edgeway/v1/explain/dns?from={from}&name={name}");
    let answer = options
        .target
        .client()?
        .call(Method::GET, &path, None)
        .await?;
    if options.json {
        return say(&serde_json::to_string_pretty(&answer)?);
    }
    say(&table(&answer))
}

/// The answer as a person reads it.
fn table(answer: &Value) -> String {
    let text = |pointer: &str| shown(answer.pointer(pointer));
    let addresses = answer.get("addresses").and_then(Value::as_array);
    let addresses: Vec<String> = addresses
        .into_iter()
        .flatten()
        .map(|one| shown(Some(one)))
        .collect();
    let because = match answer.get("because").and_then(Value::as_str) {
        Some("measured") => "measured latency",
        Some("database") => "the nearest by the location database",
        Some("coordinates") => "the nearest by coordinates",
        _ => "nothing is known of the client: spread by name",
    };
    let spilled = answer.get("spilled").filter(|one| one.is_object());
    let spilled = spilled.map(|_| {
        let share = percent(answer.pointer("/spilled/sharePerMille"));
        let from = text("/spilled/from");
        format!("         {from} is over its load cap: {share} of its clients stay")
    });
    let mut lines = vec![
        format!("{} from {}", text("/name"), text("/from")),
        format!("answer   {} ({})", text("/chosen"), addresses.join(", ")),
        format!(
            "because  {because}; scope /{}; map epoch {}",
            text("/scope"),
            text("/mapEpoch")
        ),
    ];
    lines.extend(spilled);
    if answer.get("row").is_some_and(Value::is_object) {
        let own = answer.pointer("/row/own").and_then(Value::as_bool);
        let own = if own == Some(true) {
            "by its own samples"
        } else {
            "as the wider prefix"
        };
        lines.push(format!(
            "row      {} home {} {own}",
            text("/row/prefix"),
            text("/row/home")
        ));
        if answer
            .pointer("/row/challenger")
            .is_some_and(Value::is_string)
        {
            let (name, epochs) = (text("/row/challenger"), text("/row/challengerEpochs"));
            lines.push(format!(
                "         {name} better for {epochs} epochs; moves at 3"
            ));
        }
        if answer.pointer("/row/explore").is_some_and(Value::is_string) {
            lines.push(format!(
                "         2 % of answers explore {}",
                text("/row/explore")
            ));
        }
    }
    lines.extend(candidates(answer));
    lines.join("\n")
}

fn candidates(answer: &Value) -> Vec<String> {
    let head = [
        "PLACE",
        "HEALTH",
        "ESTIMATE MS",
        "SAMPLES",
        "BY DISTANCE MS",
        "TAKES",
    ];
    let mut lines = vec![line(head.map(str::to_owned))];
    let candidates = answer.get("candidates").and_then(Value::as_array);
    for one in candidates.into_iter().flatten() {
        let cell = |name: &str| shown(one.get(name));
        let ms = |name: &str| {
            let ms = one.get(name).and_then(Value::as_f64);
            ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1}"))
        };
        lines.push(line([
            cell("name"),
            cell("health"),
            ms("estimateMs"),
            cell("samples"),
            ms("expectedMs"),
            percent(one.get("sharePerMille")),
        ]));
    }
    lines
}

fn line([place, health, estimate, samples, expected, takes]: [String; 6]) -> String {
    format!("{place:<16} {health:<10} {estimate:>11} {samples:>8} {expected:>15} {takes:>7}")
}

/// Thousandths as a person reads them.
fn percent(of_mille: Option<&Value>) -> String {
    let of_mille = of_mille.and_then(Value::as_u64);
    of_mille.map_or_else(
        || "-".to_owned(),
        |share| format!("{}.{} %", share / 10, share % 10),
    )
}

fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    //! What a person sees.

    #[test]
    fn a_measured_answer_shows_its_row_and_all_candidates() {
        let answer = serde_json::json!({
            "name": "a.example", "from": "203.0.113.0/24", "kind": "pop", "because": "measured",
            "chosen": "pop-2", "addresses": ["192.0.2.2"], "scope": 24, "mapEpoch": 7,
            "spilled": { "from": "pop-1", "sharePerMille": 385 },
            "row": { "prefix": "203.0.113.0/24", "home": "pop-2", "own": true,
                     "explore": null, "challenger": "pop-1", "challengerEpochs": 2 },
            "candidates": [
                { "name": "pop-1", "health": "up", "estimateMs": 80.25, "samples": 40,
                  "expectedMs": 30.0, "sharePerMille": 385 },
                { "name": "pop-2", "health": "up", "estimateMs": 20.5, "samples": 31,
                  "expectedMs": null, "sharePerMille": 1000 },
            ],
        });
        insta::assert_snapshot!(super::table(&answer), @r"
        a.example from 203.0.113.0/24
        answer   pop-2 (192.0.2.2)
        because  measured latency; scope /24; map epoch 7
                 pop-1 is over its load cap: 38.5 % of its clients stay
        row      203.0.113.0/24 home pop-2 by its own samples
                 pop-1 better for 2 epochs; moves at 3
        PLACE            HEALTH     ESTIMATE MS  SAMPLES  BY DISTANCE MS   TAKES
        pop-1            up                80.2       40            30.0  38.5 %
        pop-2            up                20.5       31               - 100.0 %
        ");
    }
}
