//! Reading a document. Whatever is not understood is refused, with the place where it stands:
//! a condition that was skipped would allow too much.

use std::fmt;

use super::{
    DOCUMENT_BYTES_MAX, Kind, STATEMENTS_MAX, Statement, TEXTS_MAX, Texts,
    condition::{Condition, Operator},
    json::Json,
    pattern::{Pattern, Syntax},
    principal::{Principal, Principals},
};

/// Why a text is no policy. `Display` says where and what.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("policy at {path}: {reason}")]
pub struct PolicyError {
    /// Such as `$.Statement[0].Condition.Bool.aws:SecureTransport[1]`.
    pub path: String,
    /// What is wrong there.
    pub reason: String,
}

/// A refusal whose place is still being put together, innermost part last.
#[derive(Debug)]
pub(super) struct Fail {
    reason: String,
    /// Innermost first.
    path: Vec<String>,
}

type Members = [(String, Json)];

impl Fail {
    pub(super) fn here(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            path: Vec::new(),
        }
    }

    fn below(mut self, part: impl fmt::Display) -> Self {
        self.path.push(part.to_string());
        self
    }

    fn wanted(what: &str, found: &Json) -> Self {
        Self::here(format!("expected {what}, found {}", found.kind()))
    }
}

/// What is common to the whole document.
struct Reader {
    kind: Kind,
    /// Whether the document's version knows policy variables.
    variables: bool,
    /// Texts that may still be read.
    room: usize,
}

pub(super) fn document(text: &str, kind: Kind) -> Result<Vec<Statement>, PolicyError> {
    let read = || {
        if text.len() > DOCUMENT_BYTES_MAX {
            let reason = format!("a policy has at most {DOCUMENT_BYTES_MAX} bytes");
            return Err(Fail::here(reason));
        }
        let json: Json =
            serde_json::from_str(text).map_err(|error| Fail::here(format!("no JSON: {error}")))?;
        statements(&json, kind)
    };
    read().map_err(|fail| PolicyError {
        path: fail
            .path
            .iter()
            .rev()
            .fold("$".to_owned(), |path, part| path + part),
        reason: fail.reason,
    })
}

fn statements(json: &Json, kind: Kind) -> Result<Vec<Statement>, Fail> {
    let members = object(json, &["Version", "Id", "Statement"])?;
    let variables = match member(members, "Version") {
        None => false,
        Some(Json::Text(text)) if text == "2012-10-17" => true,
        Some(Json::Text(text)) if text == "2008-10-17" => false,
        Some(_) => {
            let reason = "the version is \"2012-10-17\" or \"2008-10-17\"";
            return Err(Fail::here(reason).below(".Version"));
        }
    };
    if let Some(id @ (Json::List(_) | Json::Object(_))) = member(members, "Id") {
        return Err(Fail::wanted("a string", id).below(".Id"));
    }
    let mut reader = Reader {
        kind,
        variables,
        room: TEXTS_MAX,
    };
    let found = member(members, "Statement");
    let found = found.ok_or_else(|| Fail::here("a policy needs a Statement"))?;
    let below = |fail: Fail| fail.below(".Statement");
    let Json::List(list) = found else {
        return Ok(vec![reader.statement(found).map_err(below)?]);
    };
    if list.is_empty() || list.len() > STATEMENTS_MAX {
        let reason = format!("a policy has 1 to {STATEMENTS_MAX} statements");
        return Err(below(Fail::here(reason)));
    }
    let one = |(at, json)| {
        let read: Result<Statement, Fail> = reader.statement(json);
        read.map_err(|fail| below(fail.below(format_args!("[{at}]"))))
    };
    list.iter().enumerate().map(one).collect()
}

const STATEMENT: [&str; 9] = [
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

impl Reader {
    fn statement(&mut self, json: &Json) -> Result<Statement, Fail> {
        let members = object(json, &STATEMENT)?;
        if let Some(sid) = member(members, "Sid") {
            name(sid).map_err(|fail| fail.below(".Sid"))?;
        }
        let allows = match member(members, "Effect") {
            Some(Json::Text(text)) if text == "Allow" => true,
            Some(Json::Text(text)) if text == "Deny" => false,
            _ => return Err(Fail::here("\"Allow\" or \"Deny\" is needed").below(".Effect")),
        };
        let actions = Syntax {
            wildcards: true,
            variables: false,
            fold: true,
        };
        let resources = Syntax {
            wildcards: true,
            variables: self.variables,
            fold: false,
        };
        Ok(Statement {
            allows,
            principals: self.principals(members)?,
            actions: self.texts(members, ["Action", "NotAction"], actions, action)?,
            resources: self.texts(members, ["Resource", "NotResource"], resources, resource)?,
            conditions: match member(members, "Condition") {
                Some(json) => self
                    .conditions(json)
                    .map_err(|fail| fail.below(".Condition"))?,
                None => Vec::new(),
            },
        })
    }

    /// Exactly one of two members, the second of which is the negated one.
    fn texts(
        &mut self,
        members: &Members,
        [plain, negated]: [&str; 2],
        syntax: Syntax,
        check: fn(&str) -> Result<(), Fail>,
    ) -> Result<Texts, Fail> {
        let (name, json, negated) = match (member(members, plain), member(members, negated)) {
            (Some(json), None) => (plain, json, false),
            (None, Some(json)) => (negated, json, true),
            _ => {
                let reason = format!("a statement has either {plain} or {negated}");
                return Err(Fail::here(reason));
            }
        };
        let mut patterns = Vec::new();
        let read = self.each(json, |text| {
            check(text)?;
            patterns.push(Pattern::parse(text, syntax)?);
            Ok(())
        });
        read.map_err(|fail| fail.below(format_args!(".{name}")))?;
        Ok(Texts { negated, patterns })
    }

    fn principals(&mut self, members: &Members) -> Result<Option<Principals>, Fail> {
        let pair = (
            member(members, "Principal"),
            member(members, "NotPrincipal"),
        );
        let (json, negated, name) = match (self.kind, pair) {
            (Kind::Identity, (None, None)) => return Ok(None),
            (Kind::Identity, _) => {
                return Err(Fail::here("a policy of a key names no principal"));
            }
            (Kind::Resource, (Some(json), None)) => (json, false, ".Principal"),
            (Kind::Resource, (None, Some(json))) => (json, true, ".NotPrincipal"),
            (Kind::Resource, _) => {
                let reason = "a statement has either Principal or NotPrincipal";
                return Err(Fail::here(reason));
            }
        };
        let list = self.principal_list(json).map_err(|fail| fail.below(name))?;
        Ok(Some(Principals { negated, list }))
    }

    fn principal_list(&mut self, json: &Json) -> Result<Vec<Principal>, Fail> {
        let kinds = match json {
            Json::Text(text) if text == "*" => return Ok(vec![Principal::Everyone]),
            Json::Object(kinds) if !kinds.is_empty() => kinds,
            other => return Err(Fail::wanted("\"*\" or an object of principals", other)),
        };
        let mut list = Vec::new();
        for (kind, json) in kinds {
            let read = self.each(json, |text| {
                let known = Principal::parse(kind, text);
                list.push(known.ok_or_else(|| Fail::here("there is no such kind of principal"))?);
                Ok(())
            });
            read.map_err(|fail| fail.below(format_args!(".{kind}")))?;
        }
        Ok(list)
    }

    fn conditions(&mut self, json: &Json) -> Result<Vec<Condition>, Fail> {
        let Json::Object(operators) = json else {
            return Err(Fail::wanted("an object", json));
        };
        once(operators)?;
        let mut conditions = Vec::new();
        for (text, json) in operators {
            let below = |fail: Fail| fail.below(format_args!(".{text}"));
            let operator = Operator::parse(text, self.variables);
            let operator =
                operator.ok_or_else(|| below(Fail::here("there is no such condition operator")))?;
            let Json::Object(keys) = json else {
                return Err(below(Fail::wanted("an object", json)));
            };
            once(keys).map_err(below)?;
            for (key, json) in keys {
                let condition = self.condition(operator, key, json);
                conditions.push(condition.map_err(|f| below(f.below(format_args!(".{key}"))))?);
            }
        }
        Ok(conditions)
    }

    fn condition(&mut self, operator: Operator, key: &str, json: &Json) -> Result<Condition, Fail> {
        if !key.contains(':') || key.len() > 256 {
            return Err(Fail::here("a condition key is such as aws:SourceIp"));
        }
        let variables = self.variables;
        let mut condition = Condition::new(operator, key);
        self.each(json, |text| condition.or(text, variables))?;
        Ok(condition)
    }

    /// A text or a list of texts that is not empty.
    fn each(
        &mut self,
        json: &Json,
        mut take: impl FnMut(&str) -> Result<(), Fail>,
    ) -> Result<(), Fail> {
        let Json::List(list) = json else {
            return self.one(json, &mut take);
        };
        if list.is_empty() {
            return Err(Fail::here("the list is empty"));
        }
        for (at, json) in list.iter().enumerate() {
            let taken = self.one(json, &mut take);
            taken.map_err(|fail| fail.below(format_args!("[{at}]")))?;
        }
        Ok(())
    }

    fn one(
        &mut self,
        json: &Json,
        take: &mut impl FnMut(&str) -> Result<(), Fail>,
    ) -> Result<(), Fail> {
        let left = self.room.checked_sub(1);
        self.room =
            left.ok_or_else(|| Fail::here(format!("a policy has at most {TEXTS_MAX} texts")))?;
        match json {
            Json::Text(text) | Json::Number(text) => take(text),
            Json::Bool(true) => take("true"),
            Json::Bool(false) => take("false"),
            other => Err(Fail::wanted("a string", other)),
        }
    }
}

/// The members of an object, each of them known and given once.
fn object<'j>(json: &'j Json, known: &[&str]) -> Result<&'j Members, Fail> {
    let Json::Object(members) = json else {
        return Err(Fail::wanted("an object", json));
    };
    once(members)?;
    match members
        .iter()
        .find(|(name, _)| !known.contains(&name.as_str()))
    {
        Some((name, _)) => {
            let reason = format!("there is no such element; known are {}", known.join(", "));
            Err(Fail::here(reason).below(format_args!(".{name}")))
        }
        None => Ok(members),
    }
}

fn once(members: &Members) -> Result<(), Fail> {
    let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    match names.array_windows().find(|[a, b]| a == b) {
        Some([name, _]) => Err(Fail::here("it is given twice").below(format_args!(".{name}"))),
        None => Ok(()),
    }
}

fn member<'j>(members: &'j Members, name: &str) -> Option<&'j Json> {
    let found = members.iter().find(|(known, _)| known == name);
    found.map(|(_, json)| json)
}

fn name(json: &Json) -> Result<(), Fail> {
    match json {
        Json::Text(text) if text.len() <= 256 => Ok(()),
        other => Err(Fail::wanted("a string of at most 256 bytes", other)),
    }
}

/// `*` or `service:name`.
fn action(text: &str) -> Result<(), Fail> {
    let shape = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '*' | '?' | '.');
    let good = match text.split_once(':') {
        None => text == "*",
        Some((service, name)) => {
            let full = !service.is_empty() && !name.is_empty();
            full && service.chars().all(shape) && name.chars().all(shape)
        }
    };
    if good {
        return Ok(());
    }
    let reason = format!(
        "{:?} is no action: write such as apigateway:GET",
        shown(text)
    );
    Err(Fail::here(reason))
}

/// `*`, an ARN, or the short form of `execute-api:` in the policy of an API.
fn resource(text: &str) -> Result<(), Fail> {
    let parts = text.splitn(6, ':').count();
    if text == "*" || text.starts_with("execute-api:") || (text.starts_with("arn:") && parts == 6) {
        return Ok(());
    }
    // `arn:aws:apigateway:*` is accepted by Amazon as well: the last wildcard takes the rest.
    if text.starts_with("arn:") && text.ends_with('*') {
        return Ok(());
    }
    let reason = format!("{:?} is no resource: write an ARN or *", shown(text));
    Err(Fail::here(reason))
}

/// The beginning of a text, for a refusal.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}
