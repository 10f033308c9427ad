//! `rollout`: what is on its way in stages, and deciding by hand.

use http::Method;
use serde_json::Value;

use super::say;
use crate::client::Target;

/// What to do with rollouts.
#[derive(clap::Subcommand)]
pub enum Rollout {
    /// Show what is on its way, and what became of the last ones.
    List(Which),
    /// Take a change back now.
    Abort(One),
    /// Let a change go everywhere now.
    Release(One),
}

/// Of which cluster.
#[derive(clap::Args)]
pub struct Which {
    #[command(flatten)]
    target: Target,
}

/// One rollout.
#[derive(clap::Args)]
pub struct One {
    #[command(flatten)]
    target: Target,
    /// The API's id, as `edgeway rollout list` shows it.
    api: String,
}

pub(super) async fn run(rollout: &Rollout) -> anyhow::Result<()> {
    match rollout {
        Rollout::List(which) => {
            let client = which.target.client()?;
            let answer = client
                .call(Method::GET, "/edgeway/v1/rollouts", None)
                .await?;
            say(&table(&answer))
        }
        Rollout::Abort(one) => one.decide("abort", "is taken back").await,
        Rollout::Release(one) => one.decide("release", "goes everywhere").await,
    }
}

impl One {
    async fn decide(&self, verb: &str, done: &str) -> anyhow::Result<()> {
        let path = format!("/edgeway/v1/rollouts/{}/{verb}", self.api);
        self.target
            .client()?
            .call(Method::POST, &path, None)
            .await?;
        say(&format!("the change of {} {done}", self.api))
    }
}

/// The answer as a person reads it.
fn table(answer: &Value) -> String {
    let list = |name: &str| {
        answer
            .get(name)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    };
    let text = |item: &Value, name: &str| match item.get(name) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let mut lines = Vec::new();
    for item in list("active") {
        lines.push(format!(
            "{}  revision {}  on its way: stage {} (pop {}, region {})  by {}  since {}",
            text(item, "apiId"),
            text(item, "revision"),
            text(item, "stage"),
            text(item, "pop"),
            text(item, "region"),
            text(item, "by"),
            text(item, "beganDate"),
        ));
    }
    for item in list("ended") {
        lines.push(format!(
            "{}  revision {}  {} at stage {} by revision {} ({})  {}",
            text(item, "apiId"),
            text(item, "revision"),
            text(item, "end"),
            text(item, "stage"),
            text(item, "endedRevision"),
            text(item, "endedDate"),
            text(item, "reason"),
        ));
    }
    if lines.is_empty() {
        return "nothing is on its way, and nothing was".to_owned();
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    //! What a person sees.

    #[test]
    fn a_change_that_was_taken_back_says_why() {
        let answer = serde_json::json!({
            "active": [{ "apiId": "a1", "revision": 9, "stage": "pop", "pop": "pop-1",
                "region": "us-east-1", "by": "AKIA1", "beganDate": "monday" }],
            "ended": [{ "apiId": "a2", "revision": 7, "stage": "pop", "end": "rolled_back",
                "reason": "5xx", "endedRevision": 8, "endedDate": "friday" }],
        });
        insta::assert_snapshot!(super::table(&answer), @r"
        a1  revision 9  on its way: stage pop (pop pop-1, region us-east-1)  by AKIA1  since monday
        a2  revision 7  rolled_back at stage pop by revision 8 (friday)  5xx
        ");
    }
}
