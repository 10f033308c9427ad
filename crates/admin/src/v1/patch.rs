//! `patchOperations`: RFC 6902 as API Gateway v1 understands it.
//!
//! What may be done to which path is data (`Rule`, one table for each kind of thing); the engine
//! alters the thing's JSON view, which is then read again as if it had been created so. Values are
//! texts, whatever the type of the field; `~1` stands for `/` and `~0` for `~`.

use serde_json::{Map, Value};

use crate::{call::Call, refusal::Refusal};

/// What may be done to a path.
pub(super) struct Rule {
    /// `*` stands for any segment.
    path: &'static str,
    verbs: &'static [Verb],
    holds: Holds,
}

/// What a path leads to.
#[derive(Clone, Copy)]
pub(super) enum Holds {
    Text,
    Flag,
    Whole,
    Double,
    /// A list of texts: the value or the next segment is the item.
    List,
    /// An entry of an object of texts.
    Entry(Absent),
    /// An entry of an object of booleans.
    FlagEntry,
    /// A whole object, which can only be removed.
    Object,
}

/// What to say of an entry that is to be altered and is not there.
#[derive(Clone, Copy)]
pub(super) enum Absent {
    Parameter,
    ContentType,
    /// Nothing: it is added.
    Added,
}

/// Kinds of patch operation that are ever honoured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Add,
    Replace,
    Remove,
    Copy,
}

/// The sets of verbs that the support matrix knows.
pub(super) const R: &[Verb] = &[Verb::Replace];
pub(super) const AR: &[Verb] = &[Verb::Add, Verb::Replace];
pub(super) const AD: &[Verb] = &[Verb::Add, Verb::Remove];
pub(super) const RD: &[Verb] = &[Verb::Replace, Verb::Remove];
pub(super) const ARD: &[Verb] = &[Verb::Add, Verb::Replace, Verb::Remove];
pub(super) const D: &[Verb] = &[Verb::Remove];

pub(super) const fn rule(path: &'static str, verbs: &'static [Verb], holds: Holds) -> Rule {
    Rule { path, verbs, holds }
}

/// One operation of a patch.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) verb: Verb,
    /// As sent.
    pub(super) path: String,
    /// Its segments, unescaped.
    pub(super) segments: Vec<String>,
    pub(super) from: Option<String>,
    /// Empty counts as none, but for texts that may be empty.
    pub(super) value: Option<String>,
}

/// Words as Amazon's refusals list them.
const VERBS: [&str; 6] = ["add", "remove", "move", "test", "replace", "copy"];

/// Operations of one request. Amazon has no stated limit; a request has 6 MB.
const STEPS_MAX: usize = 10_000;

/// The operations that a request holds.
pub(super) fn steps(call: &Call<'_>) -> Result<Vec<Step>, Refusal> {
    let all = call
        .document
        .objects("patchOperations")?
        .unwrap_or_default();
    if all.len() > STEPS_MAX {
        return Err(Refusal::bad(format!(
            "at most {STEPS_MAX} patchOperations are allowed"
        )));
    }
    let read = |(at, one): (usize, &crate::document::Document)| {
        let word = one.text("op")?.unwrap_or_default();
        let verb = match word.as_str() {
            "add" => Verb::Add,
            "replace" => Verb::Replace,
            "remove" => Verb::Remove,
            "copy" => Verb::Copy,
            "move" | "test" => {
                return Err(Refusal::bad(
                    "Invalid patch operation specified. Must be one of: [add, remove, replace, \
                     copy]",
                ));
            }
            other => {
                let input = super::input_name(call.operation);
                let place = format!("{input}.patchOperations.{}.member.op", at + 1);
                return Err(Refusal::not_in_set(other, &place, &VERBS));
            }
        };
        let path = one.text("path")?;
        let path = path.ok_or_else(|| Refusal::bad("Invalid patch path null"))?;
        let Some(rest) = path.strip_prefix('/') else {
            return Err(Refusal::bad(format!("Invalid patch path {path}")));
        };
        let segments = rest.split('/').map(unescaped).collect();
        Ok(Step {
            verb,
            segments,
            from: one.text("from")?,
            value: one.text("value")?,
            path,
        })
    };
    all.iter().enumerate().map(read).collect()
}

pub(super) fn unescaped(segment: &str) -> String {
    segment.replace("~1", "/").replace("~0", "~")
}

/// Alters the view as the steps say, one after the other.
pub(super) fn apply(view: Value, rules: &[Rule], steps: &[Step]) -> Result<Value, Refusal> {
    let Value::Object(mut view) = view else {
        return Ok(view);
    };
    for step in steps {
        let Some(rule) = rules.iter().find(|rule| rule.matches(&step.segments)) else {
            return Err(unknown(rules, step));
        };
        if !rule.verbs.contains(&step.verb) {
            let words: Vec<&str> = rule.verbs.iter().map(|verb| verb.word()).collect();
            return Err(Refusal::bad(format!(
                "Invalid patch operation specified. Must be one of: [{}]",
                words.join(", ")
            )));
        }
        rule.perform(&mut view, step)?;
    }
    Ok(Value::Object(view))
}

/// Whether any rule has the step's path.
pub(super) fn known(rules: &[Rule], step: &Step) -> bool {
    rules.iter().any(|rule| rule.matches(&step.segments))
}

/// No rule has the path.
fn unknown(rules: &[Rule], step: &Step) -> Refusal {
    let verb = step.verb.word();
    let known = rules.iter().filter(|rule| rule.verbs.contains(&step.verb));
    let known: Vec<&str> = known.map(|rule| rule.path.trim_end_matches("/*")).collect();
    let path = &step.path;
    let place = format!("Invalid patch path  '{path}' specified for op '{verb}'.");
    Refusal::bad(if known.is_empty() {
        format!("{place} Please choose supported operations")
    } else {
        format!("{place} Must be one of: [{}]", known.join(", "))
    })
}

impl Rule {
    fn matches(&self, segments: &[String]) -> bool {
        let parts: Vec<&str> = self.path.trim_start_matches('/').split('/').collect();
        let fits = |(part, segment): (&&str, &String)| *part == "*" || *part == segment;
        let extra = segments.len().checked_sub(parts.len());
        let length = match self.holds {
            Holds::List => matches!(extra, Some(0 | 1)),
            _ => extra == Some(0),
        };
        length && parts.iter().zip(segments).all(fits)
    }

    fn perform(&self, view: &mut Map<String, Value>, step: &Step) -> Result<(), Refusal> {
        let depth = self.path.matches('/').count();
        let own = step.segments.get(..depth).unwrap_or_default();
        let Some((last, above)) = own.split_last() else {
            return Ok(());
        };
        let mut at = view;
        for name in above {
            let below = at.entry(name.clone()).or_insert(Value::Null);
            if !below.is_object() {
                *below = Value::Object(Map::new());
            }
            let Value::Object(fields) = below else {
                return Ok(());
            };
            at = fields;
        }
        if let Holds::List = self.holds {
            return listed(at, last, step, step.segments.get(depth));
        }
        if step.verb != Verb::Add && !at.contains_key(last) {
            self.absent(step)?;
        }
        let value = match step.verb {
            Verb::Remove => None,
            Verb::Add | Verb::Replace | Verb::Copy => step.value.as_deref(),
        };
        match value.map(|value| self.typed(value, step)).transpose()? {
            Some(value) => at.insert(last.clone(), value),
            None => at.remove(last),
        };
        Ok(())
    }

    fn absent(&self, _step: &Step) -> Result<(), Refusal> {
        let text = match self.holds {
            Holds::Entry(Absent::Parameter) | Holds::FlagEntry => {
                "Invalid parameter name specified"
            }
            Holds::Entry(Absent::ContentType) => "Content-Type specified was not found",
            Holds::Entry(Absent::Added)
            | Holds::Text
            | Holds::Flag
            | Holds::Whole
            | Holds::Double
            | Holds::List
            | Holds::Object => return Ok(()),
        };
        Err(Refusal::Missing(text.to_owned()))
    }

    /// A value as the field's type.
    fn typed(&self, value: &str, step: &Step) -> Result<Value, Refusal> {
        let wrong = || {
            let path = &step.path;
            Refusal::bad(format!(
                "Invalid patch value '{value}' specified for path {path}"
            ))
        };
        match self.holds {
            Holds::Text | Holds::Entry(_) => Ok(value.into()),
            Holds::Flag | Holds::FlagEntry => match value.to_ascii_lowercase().as_str() {
                "true" => Ok(true.into()),
                "false" => Ok(false.into()),
                _ => Err(wrong()),
            },
            Holds::Whole => value.parse::<i64>().map(Value::from).map_err(|_| wrong()),
            Holds::Double => match value.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(number.into()),
                _ => Err(wrong()),
            },
            Holds::List | Holds::Object => Err(wrong()),
        }
    }
}

/// Adds to a list, removes from it, or puts one item in another's place.
fn listed(
    fields: &mut Map<String, Value>,
    name: &str,
    step: &Step,
    item: Option<&String>,
) -> Result<(), Refusal> {
    let list = fields
        .entry(name.to_owned())
        .or_insert_with(|| Value::Array(Vec::new()));
    let Value::Array(items) = list else {
        return Ok(());
    };
    let value = step.value.as_ref().filter(|value| !value.is_empty());
    let known = |items: &[Value], wanted: &str| items.iter().position(|item| item == wanted);
    let missing = || Refusal::Missing("Invalid parameter name specified".to_owned());
    match step.verb {
        Verb::Add => {
            let new = value.or(item).ok_or_else(missing)?;
            if known(items, new).is_none() {
                items.push(new.as_str().into());
            }
        }
        Verb::Replace => match (item, value) {
            (Some(old), Some(new)) => {
                let at = known(items, old).ok_or_else(missing)?;
                if let Some(slot) = items.get_mut(at) {
                    *slot = new.as_str().into();
                }
            }
            // The whole list, as the comma-separated text that clients send.
            (None, Some(new)) => {
                *items = new.split(',').map(|item| item.trim().into()).collect();
            }
            (_, None) => return Err(missing()),
        },
        Verb::Remove => {
            let old = item.or(value).ok_or_else(missing)?;
            let at = known(items, old).ok_or_else(missing)?;
            items.remove(at);
        }
        Verb::Copy => {}
    }
    Ok(())
}

impl Verb {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Replace => "replace",
            Self::Remove => "remove",
            Self::Copy => "copy",
        }
    }
}
