//! Which operation a method and path stand for.
//!
//! All operations are in tables, those that Amazon has and this version has not included, so that
//! every one of them has a name to answer and to count with.

use percent_encoding::percent_decode_str;
use serve::BoxFuture;

use crate::{
    answer::Answer,
    call::{Call, Write},
    cluster,
    refusal::Refusal,
    v1, v2,
};

/// An operation of the management API.
pub(crate) struct Operation {
    /// As Amazon calls it; also the metric's label.
    pub(crate) name: &'static str,
    method: &'static str,
    /// `{x}` stands for one segment, `{x+}` for the rest of the path; `?name=value` at the end must
    /// be in the query.
    path: &'static str,
    pub(crate) run: Run,
    pub(crate) takes: Takes,
}

/// What an operation's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// A JSON object, or nothing.
    Document,
    /// Any bytes: a file.
    File,
}

/// Kinds of operation.
#[derive(Clone, Copy)]
pub(crate) enum Run {
    /// Looks at one configuration.
    Read(fn(&Call<'_>) -> Result<Answer, Refusal>),
    /// Turns the request into changes.
    Write(fn(&Call<'_>) -> Result<Write, Refusal>),
    /// Waits for something else, then may change something.
    Wait(WaitFn),
    /// Amazon has it, this version has not.
    Unsupported,
}

/// What an operation that waits is run as.
pub(crate) type WaitFn = for<'a> fn(&'a Call<'_>) -> BoxFuture<'a, Result<Waited, Refusal>>;

/// What an operation that waited wants.
pub(crate) enum Waited {
    /// An answer.
    Answer(Answer),
    /// A change, now that it may be made.
    Write(Write),
}

/// A change made from a file.
pub(crate) const fn upload(
    name: &'static str,
    method: &'static str,
    path: &'static str,
    run: fn(&Call<'_>) -> Result<Write, Refusal>,
) -> Operation {
    Operation {
        name,
        method,
        path,
        run: Run::Write(run),
        takes: Takes::File,
    }
}

pub(crate) const fn read(
    name: &'static str,
    path: &'static str,
    run: fn(&Call<'_>) -> Result<Answer, Refusal>,
) -> Operation {
    Operation {
        name,
        method: "GET",
        path,
        run: Run::Read(run),
        takes: Takes::Document,
    }
}

pub(crate) const fn write(
    name: &'static str,
    method: &'static str,
    path: &'static str,
    run: fn(&Call<'_>) -> Result<Write, Refusal>,
) -> Operation {
    Operation {
        name,
        method,
        path,
        run: Run::Write(run),
        takes: Takes::Document,
    }
}

pub(crate) const fn wait(
    name: &'static str,
    method: &'static str,
    path: &'static str,
    run: WaitFn,
) -> Operation {
    Operation {
        name,
        method,
        path,
        run: Run::Wait(run),
        takes: Takes::Document,
    }
}

pub(crate) const fn unsupported(
    name: &'static str,
    method: &'static str,
    path: &'static str,
) -> Operation {
    Operation {
        name,
        method,
        path,
        run: Run::Unsupported,
        // Whatever the body is, it is not looked at.
        takes: Takes::File,
    }
}

/// The operation for a method and a path as sent, with the values of the path's variables.
pub(crate) fn find(
    method: &str,
    path: &str,
    query: &[(String, String)],
) -> Result<(&'static Operation, Vec<String>), Refusal> {
    let segments = decode(path)?;
    let tables = [v2::ABSENT, cluster::OPERATIONS];
    let known = v1::TABLES.iter().chain(v2::TABLES);
    let all = known.chain(&tables).copied().flatten();
    let mut others = Vec::new();
    for operation in all {
        let (pattern, condition) = match operation.path.split_once('?') {
            Some((pattern, condition)) => (pattern, condition.split_once('=')),
            None => (operation.path, None),
        };
        let asked = |(name, value): (&str, &str)| {
            let mut pairs = query.iter();
            pairs.any(|(key, given)| key == name && given == value)
        };
        let Some(arguments) = matched(pattern, &segments).filter(|_| condition.is_none_or(asked))
        else {
            continue;
        };
        if operation.method == method {
            return Ok((operation, arguments));
        }
        others.push(operation.method);
    }
    Err(unknown(method, path, &segments, &others))
}

/// What to say when there is no such operation.
fn unknown(method: &str, path: &str, segments: &[String], others: &[&str]) -> Refusal {
    let first = segments.first().map_or("", String::as_str);
    if !others.is_empty() {
        let known = others.join(", ");
        return Refusal::UnknownOperation(format!("{path} has no {method}, but {known}"));
    }
    if first != "edgeway" {
        return Refusal::UnknownOperation(format!(
            "{method} {path} is unknown; API Gateway v1 is under /restapis and its like, v2 under \
             /v2/, cluster operations are under /edgeway/v1/"
        ));
    }
    let mut known: Vec<&str> = cluster::OPERATIONS
        .iter()
        .map(|operation| operation.path)
        .collect();
    known.dedup();
    Refusal::UnknownOperation(format!("{path} is unknown; known are {}", known.join(", ")))
}

pub(crate) fn decode(path: &str) -> Result<Vec<String>, Refusal> {
    let raw = path.strip_prefix('/').unwrap_or(path);
    let raw = raw.strip_suffix('/').unwrap_or(raw);
    let segments = raw.split('/').map(|segment| {
        let text = percent_decode_str(segment).decode_utf8();
        text.map(|text| text.into_owned())
    });
    segments
        .collect::<Result<_, _>>()
        .map_err(|_| Refusal::bad("the path is no UTF-8 once decoded"))
}

/// The values of the pattern's variables if the path is of its form.
fn matched(pattern: &str, segments: &[String]) -> Option<Vec<String>> {
    let mut arguments = Vec::new();
    let mut rest = segments.iter();
    for part in pattern.trim_start_matches('/').split('/') {
        if part.ends_with("+}") {
            // An ARN whose slashes the client has not encoded.
            let tail: Vec<&str> = rest.map(String::as_str).collect();
            arguments.push(tail.join("/"));
            return (!tail.is_empty()).then_some(arguments);
        }
        let segment = rest.next()?;
        if part.starts_with('{') {
            if segment.is_empty() {
                return None;
            }
            arguments.push(segment.clone());
        } else if part != segment {
            return None;
        }
    }
    if rest.next().is_none() {
        Some(arguments)
    } else {
        None
    }
}

/// Method and path of everything that is carried out, for those that try all of it.
pub(crate) fn all() -> Vec<(&'static str, &'static str)> {
    let known = v1::TABLES.iter().chain(v2::TABLES);
    let all = known.chain(&[cluster::OPERATIONS]).copied().flatten();
    all.map(|one| (one.method, one.path)).collect()
}
