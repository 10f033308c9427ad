//! What a region must know of the writes that were acknowledged while nodes were restarted.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde_json::Value;
use tests::{management::Management, rolling::Written, until};

use super::LIMIT;

/// All items of a list that comes in pages.
async fn all(at: &Management, path: &str, (items, token): (&str, &str)) -> Vec<Value> {
    let (mut found, mut next) = (Vec::new(), String::new());
    loop {
        let page = format!("{path}&{token}={next}");
        let answer = at.must(Method::GET, &page, None).await.unwrap();
        found.extend(answer[items].as_array().into_iter().flatten().cloned());
        match answer[token].as_str() {
            Some(more) => more.clone_into(&mut next),
            None => return found,
        }
    }
}

/// What a region has of a writer's work.
pub(super) struct Kept {
    /// Names of keys by their ids.
    keys: BTreeMap<String, String>,
    /// Requests that made keys, by revision.
    made: BTreeMap<u64, String>,
}

impl Kept {
    /// As of now; it may be more than `written` when the writer goes on.
    pub(super) async fn of(at: &Management, written: &Written) -> Self {
        let newest = written.acknowledged.iter().map(|one| one.revision).max();
        until("the region has the last write", LIMIT, || async {
            let status = at.status().await.ok()?;
            (status["revision"].as_u64() >= newest).then_some(())
        })
        .await;
        let keys = all(at, "/apikeys?limit=500", ("item", "position")).await;
        let path = "/edgeway/v1/history?maxResults=500";
        let entries = all(at, path, ("items", "nextToken")).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let made = entries
            .iter()
            .filter(|entry| entry["operation"] == "CreateApiKey");
        Self {
            keys: keys
                .iter()
                .map(|key| (text(&key["id"]), text(&key["name"])))
                .collect(),
            made: made
                .map(|entry| {
                    (
                        entry["revision"].as_u64().unwrap(),
                        text(&entry["requestId"]),
                    )
                })
                .collect(),
        }
    }

    /// Every acknowledged write is there once, under the revision and request that it was
    /// answered with.
    pub(super) fn nothing_lost_or_doubled(&self, written: &Written) {
        let names: BTreeSet<&String> = self.keys.values().collect();
        assert_eq!(names.len(), self.keys.len(), "a write took effect twice");
        for one in &written.acknowledged {
            assert_eq!(self.keys.get(&one.id), Some(&one.name), "lost: {one:?}");
            let request = self.made.get(&one.revision);
            assert_eq!(request, Some(&one.request), "not in the history: {one:?}");
        }
    }

    /// Nothing else is there, but for writes of which it is not known whether they took effect.
    pub(super) fn nothing_more(&self, written: &Written) {
        let acknowledged = written.acknowledged.iter().map(|one| &one.name);
        let failed = written.failed.iter().map(|(name, _)| name);
        let known: BTreeSet<&String> = acknowledged.chain(failed).collect();
        for name in self.keys.values() {
            assert!(known.contains(name), "{name} was never written");
        }
        assert_eq!(
            self.made.len(),
            self.keys.len(),
            "the history tells otherwise"
        );
    }
}
