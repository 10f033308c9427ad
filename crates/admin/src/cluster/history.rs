//! The audit trail, differences between revisions, and taking an API back.

use model::{ApiId, Entry, ItemKey, ItemKind, NotKept, Op, ResourceKind, Revision};
use serde::Serialize;

use super::differ::{self, Field};
use crate::{
    answer::Answer,
    call::{Call, Write},
    clock,
    limits::{DIFFERENCES_MAX, PAGE_ITEMS, PAGE_ITEMS_MAX},
    refusal::Refusal,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListShape<'a> {
    /// The newest there is.
    revision: u64,
    /// The oldest that differences can be shown of and APIs taken back to.
    oldest_kept: u64,
    /// Newest first.
    items: Vec<EntryShape<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EntryShape<'a> {
    revision: u64,
    date: String,
    by: &'a str,
    /// Of the access key, while there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    operation: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    resource: &'a str,
    /// Such as `api/a1b2c3d4e5`.
    changed: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    request_id: &'a str,
    /// Why, in the words of whoever made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OneShape<'a> {
    #[serde(flatten)]
    entry: EntryShape<'a>,
    /// Absent when the revision is too old to tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Vec<ChangeShape>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DiffShape {
    from: u64,
    to: u64,
    changes: Vec<ChangeShape>,
    /// There are more fields than one answer shows.
    truncated: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChangeShape {
    kind: &'static str,
    id: String,
    change: &'static str,
    fields: Vec<Field>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BackShape<'a> {
    api_id: &'a str,
    name: &'a str,
    /// What it is like again.
    to: u64,
}

fn shape<'a>(call: &Call<'a>, entry: &'a Entry) -> EntryShape<'a> {
    let key = call.config.access_keys.get(entry.by.as_str());
    EntryShape {
        revision: entry.revision.0,
        date: clock::iso(entry.at_ms),
        by: &entry.by,
        name: key.map(|key| key.name.as_str()),
        operation: &entry.origin.operation,
        resource: &entry.origin.resource,
        changed: entry.touched.iter().map(named).collect(),
        source: entry.origin.peer.map(|peer| peer.to_string()),
        request_id: &entry.origin.request,
        reason: entry.origin.reason.as_deref(),
    }
}

fn named(key: &ItemKey) -> String {
    match key.id.as_str() {
        "" => key.kind.as_str().to_owned(),
        id => format!("{}/{id}", key.kind.as_str()),
    }
}

pub(super) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let count = match number(call, "maxResults")? {
        None => PAGE_ITEMS,
        Some(count) => usize::try_from(count).unwrap_or(PAGE_ITEMS_MAX),
    };
    let before = number(call, "nextToken")?.unwrap_or(u64::MAX);
    let api = call.query("apiId").filter(|api| !api.is_empty());
    let wanted = |entry: &&Entry| {
        let same = |key: &ItemKey, api: &str| key.kind == ItemKind::Api && key.id == api;
        let about = api.is_none_or(|api| entry.touched.iter().any(|key| same(key, api)));
        entry.revision.0 < before && about
    };
    let mut entries = call.config.history.entries().rev().filter(wanted);
    let shown: Vec<&Entry> = entries
        .by_ref()
        .take(count.clamp(1, PAGE_ITEMS_MAX))
        .collect();
    let more = entries.next().is_some();
    let last = shown.last().filter(|_| more);
    Answer::ok(&ListShape {
        revision: call.config.revision.0,
        oldest_kept: call.config.oldest_kept().0,
        next_token: last.map(|entry| entry.revision.to_string()),
        items: shown.into_iter().map(|entry| shape(call, entry)).collect(),
    })
}

pub(super) fn show(call: &Call<'_>) -> Result<Answer, Refusal> {
    let text = call.argument(0);
    let missing = || Refusal::NotFound {
        kind: ResourceKind::Cluster,
        message: format!("revision {text} is not in the audit trail"),
    };
    let asked: u64 = text.parse().map_err(|_| missing())?;
    let mut entries = call.config.history.entries();
    let entry = entries.find(|entry| entry.revision.0 == asked);
    let entry = entry.ok_or_else(missing)?;
    let mut room = DIFFERENCES_MAX;
    let before = Revision(asked.saturating_sub(1));
    let kept = before >= call.config.oldest_kept();
    let changes = kept.then(|| changes(call, (before, Revision(asked)), &mut room));
    Answer::ok(&OneShape {
        entry: shape(call, entry),
        changes: changes.transpose()?,
    })
}

pub(super) fn diff(call: &Call<'_>) -> Result<Answer, Refusal> {
    let required = |name: &str| {
        let given = number(call, name)?;
        given.ok_or_else(|| Refusal::bad(format!("{name} must be given: a revision's number")))
    };
    let (from, to) = (required("from")?, required("to")?);
    let mut room = DIFFERENCES_MAX;
    let changes = changes(call, (Revision(from), Revision(to)), &mut room)?;
    Answer::ok(&DiffShape {
        from,
        to,
        changes,
        truncated: room == 0,
    })
}

fn changes(
    call: &Call<'_>,
    (from, to): (Revision, Revision),
    room: &mut usize,
) -> Result<Vec<ChangeShape>, Refusal> {
    let differences = call.config.differences(from, to);
    let differences = differences.map_err(|gone| Refusal::bad(gone.to_string()))?;
    let api = call.query("apiId").filter(|api| !api.is_empty());
    let mut changes = Vec::new();
    for one in differences {
        if api.is_some_and(|api| one.key.kind != ItemKind::Api || one.key.id != api) {
            continue;
        }
        changes.push(ChangeShape {
            kind: one.key.kind.as_str(),
            id: one.key.id,
            change: match (&one.before, &one.after) {
                (None, _) => "created",
                (Some(_), None) => "deleted",
                (Some(_), Some(_)) => "changed",
            },
            fields: differ::fields(one.before.as_ref(), one.after.as_ref(), room),
        });
    }
    Ok(changes)
}

pub(super) fn roll_back(call: &Call<'_>) -> Result<Write, Refusal> {
    let id = ApiId::from(call.argument(0));
    let to = call.document.integer("revision", 0, i64::MAX)?;
    let to = to.ok_or_else(|| Refusal::bad("revision must be given"))?;
    let to = Revision(u64::try_from(to).unwrap_or_default());
    // Said here already, in the words of a request; the change itself decides.
    let then = call.config.api_at(&id, to);
    let then = then.map_err(|gone: NotKept| Refusal::bad(gone.to_string()))?;
    if then.is_none() {
        return Err(Refusal::NotFound {
            kind: ResourceKind::Api,
            message: format!("There was no API {id} at revision {to}"),
        });
    }
    let op = Op::RollBackApi(id.clone(), to);
    Ok(Write::showing(op, move |config| {
        let api = config.apis.get(&id);
        let api = api.ok_or_else(|| Refusal::not_found(ResourceKind::Api, id.as_str()))?;
        Answer::ok(&BackShape {
            api_id: id.as_str(),
            name: &api.name,
            to: to.0,
        })
    }))
}

fn number(call: &Call<'_>, name: &str) -> Result<Option<u64>, Refusal> {
    let Some(text) = call.query(name).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let read = text.parse().map(Some);
    read.map_err(|_| Refusal::bad(format!("{name} must be a whole number")))
}
