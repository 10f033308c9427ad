//! `ImportApiKeys`: keys from a CSV file.
//!
//! The first line names the columns, in any order and case: `name` and `key` must be there,
//! `description`, `enabled` and `usageplanIds` (`[a;b]`) may be. A line that cannot be imported is
//! a warning, unless the caller wants warnings to fail.

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use model::{
    Op, UsagePlanId,
    rest::{ApiKey, Seen, SharedKey, SharedPart},
};
use serde_json::Value;

use super::{
    api_keys::{ApiKeys, value},
    kind::{Key, Kind, Part},
    view::View,
};
use crate::{
    answer::Answer,
    call::{Call, Write},
    ids,
    refusal::Refusal,
};

/// Keys in one file.
const IMPORTED_MAX: usize = 1_000;

/// What a file leads to.
#[derive(Default)]
struct Import {
    ops: Vec<Op>,
    values: BTreeSet<String>,
    made: Vec<Value>,
    warnings: Vec<Value>,
}

pub(super) fn import(call: &Call<'_>) -> Result<Write, Refusal> {
    let text = std::str::from_utf8(call.body);
    let text = text.map_err(|_| Refusal::bad("the file is not UTF-8"))?;
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let columns = cells(lines.next().unwrap_or_default());
    let columns: Vec<String> = columns
        .iter()
        .map(|name| name.to_ascii_lowercase())
        .collect();
    for needed in ["name", "key"] {
        if !columns.iter().any(|column| column == needed) {
            return Err(Refusal::bad(format!("the file has no column {needed}")));
        }
    }
    let mut import = Import::default();
    for (at, line) in lines.enumerate() {
        if at >= IMPORTED_MAX {
            return Err(Refusal::bad(format!(
                "at most {IMPORTED_MAX} keys can be imported"
            )));
        }
        let row = columns.iter().cloned().zip(cells(line));
        let row: BTreeMap<String, String> = row.filter(|(_, cell)| !cell.is_empty()).collect();
        import.add(call, at + 2, &row)?;
    }
    if call.query("failonwarnings") == Some("true")
        && let Some(first) = import.warnings.first()
    {
        return Err(Refusal::bad(first.as_str().unwrap_or_default()));
    }
    let shown = View::default()
        .put("ids", import.made)
        .put("warnings", import.warnings)
        .done();
    Ok(Write {
        ops: import.ops,
        render: Box::new(move |_| Answer::json(StatusCode::CREATED, &shown)),
    })
}

impl Import {
    fn add(
        &mut self,
        call: &Call<'_>,
        line: usize,
        row: &BTreeMap<String, String>,
    ) -> Result<(), Refusal> {
        let text = value(row.get("key").cloned().unwrap_or_default())?;
        let mut known = call.config.api_keys.values();
        let known = known.any(|known| known.value == text);
        if known || !self.values.insert(text.clone()) {
            self.warn(line, "API Key already exists");
            return Ok(());
        }
        let enabled = row.get("enabled");
        let key = ApiKey {
            id: ids::long().into(),
            value: text,
            name: row.get("name").cloned(),
            customer_id: None,
            description: row.get("description").cloned(),
            enabled: enabled.is_none_or(|word| word.eq_ignore_ascii_case("true")),
            created_ms: call.now_ms,
            updated_ms: call.now_ms,
            stage_keys: Vec::new(),
            tags: BTreeMap::new(),
        };
        let id = key.id.clone();
        let shared = Key::Shared(SharedKey::ApiKey(id.clone()));
        self.ops
            .push(shared.change(Seen::Nothing, Some(ApiKeys::part(key))));
        self.made.push(id.as_str().into());
        let plans = row.get("usageplanids").map_or("", String::as_str);
        let plans = plans
            .trim_matches(['[', ']'])
            .split([';', ','])
            .map(str::trim);
        for plan in plans.filter(|plan| !plan.is_empty()) {
            if !call.config.usage_plans.contains_key(plan) {
                self.warn(line, &format!("no usage plan {plan}"));
                continue;
            }
            let link = SharedKey::UsagePlanKey(UsagePlanId::from(plan), id.clone());
            let part = Some(Part::Shared(SharedPart::UsagePlanKey));
            self.ops.push(Key::Shared(link).change(Seen::Nothing, part));
        }
        Ok(())
    }

    fn warn(&mut self, line: usize, text: &str) {
        self.warnings.push(format!("line {line}: {text}").into());
    }
}

/// The cells of a CSV line; quotes may hold commas, and two quotes stand for one.
fn cells(line: &str) -> Vec<String> {
    let (mut all, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = line.trim().chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => all.push(std::mem::take(&mut cell).trim().to_owned()),
            other => cell.push(other),
        }
    }
    all.push(cell.trim().to_owned());
    all
}
