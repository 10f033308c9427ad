//! From rounds to a table: the median of each figure, and each peer's CPU relative to Edgeway.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::load::Sample;
use crate::options::Options;

/// Edgeway's name as a server.
pub(crate) const EDGEWAY: &str = "edgeway";

/// Another build of it.
pub(crate) const BEFORE: &str = "edgeway-before";

struct Row {
    group: String,
    server: &'static str,
    samples: Vec<Sample>,
}

/// The medians of one row.
struct Medians {
    requests_per_second: f64,
    p50_us: Option<f64>,
    p99_us: Option<f64>,
    cpu_us: f64,
}

impl Row {
    fn medians(&self) -> Medians {
        let of = |figure: fn(&Sample) -> f64| median(self.samples.iter().map(figure).collect());
        let timed = |figure: fn(&Sample) -> Option<f64>| {
            let values: Vec<f64> = self.samples.iter().filter_map(figure).collect();
            (!values.is_empty()).then(|| median(values))
        };
        Medians {
            requests_per_second: of(|sample| sample.requests_per_second),
            p50_us: timed(|sample| sample.p50_us),
            p99_us: timed(|sample| sample.p99_us),
            cpu_us: of(|sample| sample.cpu_us),
        }
    }
}

pub(crate) struct Report {
    heading: String,
    rows: Vec<Row>,
}

impl Report {
    pub(crate) fn new(options: &Options) -> Self {
        let Options {
            rounds,
            seconds,
            connections,
            cores,
            ..
        } = options;
        let heading = format!(
            "medians of {rounds} round(s) of {seconds} s; {connections} requests under way; \
             servers on core {}, load and origin on core {}",
            cores.server, cores.load
        );
        Self {
            heading,
            rows: vec![],
        }
    }

    pub(crate) fn add(&mut self, (group, server): (String, &'static str), sample: Sample) {
        let known = self
            .rows
            .iter_mut()
            .find(|row| row.group == group && row.server == server);
        match known {
            Some(row) => row.samples.push(sample),
            None => self.rows.push(Row {
                group,
                server,
                samples: vec![sample],
            }),
        }
    }

    /// Edgeway's CPU per request in the same group, if it was measured.
    fn edgeway_cpu_us(&self, group: &str) -> Option<f64> {
        let row = self
            .rows
            .iter()
            .find(|row| row.group == group && row.server == EDGEWAY)?;
        Some(row.medians().cpu_us)
    }

    /// Edgeway's CPU divided by this row's: below 1.00 Edgeway needs less.
    fn ratio(&self, row: &Row, medians: &Medians) -> Option<f64> {
        self.edgeway_cpu_us(&row.group)
            .filter(|_| row.server != EDGEWAY)
            .map(|edgeway| edgeway / medians.cpu_us)
    }

    pub(crate) fn table(&self) -> String {
        let mut text = format!("{}\n\n", self.heading);
        let header = [
            "scenario",
            "server",
            "req/s",
            "p50 us",
            "p99 us",
            "cpu us/req",
            "edgeway/it",
        ];
        line(&mut text, &header.map(str::to_owned));
        for row in &self.rows {
            let medians = row.medians();
            let ratio = self
                .ratio(row, &medians)
                .map_or("-".to_owned(), |r| format!("{r:.2}"));
            line(
                &mut text,
                &[
                    row.group.clone(),
                    row.server.to_owned(),
                    format!("{:.0}", medians.requests_per_second),
                    whole(medians.p50_us),
                    whole(medians.p99_us),
                    format!("{:.1}", medians.cpu_us),
                    ratio,
                ],
            );
        }
        text
    }

    pub(crate) fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            let medians = row.medians();
            json!({
                "scenario": row.group,
                "server": row.server,
                "rounds": row.samples.len(),
                "requests_per_second": medians.requests_per_second,
                "p50_us": medians.p50_us,
                "p99_us": medians.p99_us,
                "cpu_us_per_request": medians.cpu_us,
                "edgeway_cpu_ratio": self.ratio(row, &medians),
            })
        });
        json!({ "heading": self.heading, "rows": rows.collect::<Vec<_>>() })
    }
}

fn whole(figure: Option<f64>) -> String {
    figure.map_or("-".to_owned(), |figure| format!("{figure:.0}"))
}

fn line(text: &mut String, cells: &[String; 7]) {
    let [group, server, rest @ ..] = cells;
    // Writing to a String cannot fail.
    let _ = write!(text, "{group:<12} {server:<14}");
    for cell in rest {
        let _ = write!(text, " {cell:>10}");
    }
    text.push('\n');
}

/// The middle value; of an even number, the mean of the two in the middle. 0 for none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle).copied().unwrap_or_default();
    if values.len() % 2 == 1 {
        return upper;
    }
    let lower = middle
        .checked_sub(1)
        .and_then(|index| values.get(index))
        .copied();
    f64::midpoint(lower.unwrap_or(upper), upper)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(cpu_us: f64) -> Sample {
        Sample {
            requests_per_second: 10.0,
            p50_us: Some(1.0),
            p99_us: None,
            cpu_us,
        }
    }

    fn row(server: &'static str, cpu: &[f64]) -> Row {
        let samples = cpu.iter().map(|cpu| sample(*cpu)).collect();
        Row {
            group: "cached h1".to_owned(),
            server,
            samples,
        }
    }

    #[test]
    fn medians() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(vec![]), 0.0);
    }

    #[test]
    fn peers_are_shown_relative_to_edgeway() {
        let rows = vec![row(EDGEWAY, &[10.0, 30.0, 20.0]), row("nginx", &[10.0])];
        let report = Report {
            heading: String::new(),
            rows,
        };
        let json = report.json();
        assert_eq!(json["rows"][0]["edgeway_cpu_ratio"], Value::Null);
        assert_eq!(json["rows"][0]["cpu_us_per_request"], 20.0);
        assert_eq!(json["rows"][1]["edgeway_cpu_ratio"], 2.0);
        assert!(report.table().contains("2.00"));
    }
}
