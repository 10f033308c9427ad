//! Regular expressions of templates: Java's syntax, with a bound on backtracking. An expression
//! that is a plain text is searched as one.

use fancy_regex::{Captures, Regex, RegexBuilder};

use super::RenderError;

/// What compiling one while rendering costs of the steps.
pub(super) const COMPILE_STEPS: u64 = 20_000;

/// Backtracking that one match may cost.
const BACKTRACK_MAX: usize = 100_000;

/// Size of one compiled expression in bytes.
const COMPILED_BYTES_MAX: usize = 512 * 1024;

/// Longest expression in bytes.
const PATTERN_BYTES_MAX: usize = 4096;

/// A compiled expression.
#[derive(Debug)]
pub(super) enum Compiled {
    Plain(String),
    /// The expression to search with, and the same for whole texts.
    Regex(Box<(Regex, Regex)>),
    Broken(String),
}

/// An error about an expression.
pub(super) fn error(pattern: &str, what: String) -> RenderError {
    RenderError::Pattern {
        pattern: pattern.chars().take(200).collect(),
        what,
    }
}

impl Compiled {
    pub(super) fn new(pattern: &str) -> Self {
        if pattern.len() > PATTERN_BYTES_MAX {
            return Self::Broken(format!("longer than {PATTERN_BYTES_MAX} bytes"));
        }
        if let Some(plain) = plain(pattern) {
            return Self::Plain(plain);
        }
        let build = |pattern: &str| {
            let mut builder = RegexBuilder::new(pattern);
            builder.backtrack_limit(BACKTRACK_MAX);
            builder.delegate_size_limit(COMPILED_BYTES_MAX);
            builder.build()
        };
        match (build(pattern), build(&format!("\\A(?:{pattern})\\z"))) {
            (Ok(search), Ok(whole)) => Self::Regex(Box::new((search, whole))),
            (Err(problem), _) | (_, Err(problem)) => Self::Broken(problem.to_string()),
        }
    }

    pub(super) fn is_full_match(&self, text: &str) -> Result<bool, String> {
        match self {
            Self::Plain(plain) => Ok(plain == text),
            Self::Regex(regex) => regex
                .1
                .is_match(text)
                .map_err(|problem| problem.to_string()),
            Self::Broken(what) => Err(what.clone()),
        }
    }

    /// Replaces the first `count` matches; gives up when the text would be longer than `limit`.
    pub(super) fn replace(
        &self,
        text: &str,
        with: &str,
        count: usize,
        limit: usize,
    ) -> Result<String, String> {
        let parts = template(with)?;
        let mut replaced = String::with_capacity(text.len());
        let mut done = 0;
        let mut push = |from: usize, to: usize, captures: Option<&Captures<'_, str>>| {
            replaced.push_str(text.get(done..from).unwrap_or_default());
            for part in &parts {
                replaced.push_str(match part {
                    Part::Text(text) => text,
                    Part::Group(number) => group(captures, |it| it.get(*number), text, from, to),
                    Part::Named(name) => group(captures, |it| it.name(name), text, from, to),
                });
            }
            done = to;
            if replaced.len() > limit {
                Err("result is too long".to_owned())
            } else {
                Ok(())
            }
        };
        match self {
            Self::Plain(plain) => {
                for (at, found) in text.match_indices(plain.as_str()).take(count) {
                    push(at, at + found.len(), None)?;
                }
            }
            Self::Regex(regex) => {
                for captures in regex.0.captures_iter(text).take(count) {
                    let captures = captures.map_err(|problem| problem.to_string())?;
                    if let Some(whole) = captures.get(0) {
                        push(whole.start(), whole.end(), Some(&captures))?;
                    }
                }
            }
            Self::Broken(what) => return Err(what.clone()),
        }
        replaced.push_str(text.get(done..).unwrap_or_default());
        Ok(replaced)
    }

    /// As Java splits: a positive limit is the most parts there may be; with none, empty parts at
    /// the end are left away; with a negative one they stay.
    pub(super) fn split(&self, text: &str, limit: i64) -> Result<Vec<String>, String> {
        let most = usize::try_from(limit)
            .ok()
            .filter(|most| *most > 0)
            .unwrap_or(usize::MAX);
        let mut parts: Vec<String> = Vec::new();
        let mut done = 0;
        let mut push = |from: usize, to: usize| {
            // A match of nothing at the start splits nothing.
            if parts.len() + 1 < most && !(to == 0 || (from == to && from == text.len())) {
                parts.push(text.get(done..from).unwrap_or_default().to_owned());
                done = to;
            }
        };
        match self {
            Self::Plain(plain) if plain.is_empty() => {
                text.char_indices().for_each(|(at, _)| push(at, at));
            }
            Self::Plain(plain) => {
                text.match_indices(plain.as_str())
                    .for_each(|(at, it)| push(at, at + it.len()));
            }
            Self::Regex(regex) => {
                for found in regex.0.find_iter(text) {
                    let found = found.map_err(|problem| problem.to_string())?;
                    push(found.start(), found.end());
                }
            }
            Self::Broken(what) => return Err(what.clone()),
        }
        let is_whole = parts.is_empty();
        parts.push(text.get(done..).unwrap_or_default().to_owned());
        while limit == 0 && !is_whole && parts.last().is_some_and(String::is_empty) {
            parts.pop();
        }
        Ok(parts)
    }
}

/// The text that an expression means, if it means one only.
fn plain(pattern: &str) -> Option<String> {
    let mut text = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(char) = chars.next() {
        text.push(match char {
            '\\' => match chars.next()? {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                escaped if escaped.is_ascii_punctuation() => escaped,
                _ => return None,
            },
            '.' | '[' | ']' | '(' | ')' | '{' | '}' | '*' | '+' | '?' | '^' | '$' | '|' => {
                return None;
            }
            char => char,
        });
    }
    Some(text)
}

/// A piece of what matches are replaced with.
enum Part {
    Text(String),
    Group(usize),
    Named(String),
}

/// Reads a replacement: `$1`, `${name}`, and a backslash that takes the next character as it is.
fn template(with: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut chars = with.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\\' => text.push(chars.next().ok_or("replacement ends with a backslash")?),
            '$' => {
                if !text.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut text)));
                }
                let next = chars.next();
                if next == Some('{') {
                    let name: String = chars.by_ref().take_while(|char| *char != '}').collect();
                    parts.push(Part::Named(name));
                    continue;
                }
                let digit = next.and_then(|char| char.to_digit(10));
                let number = digit.ok_or("replacement has a dollar sign without a group")?;
                parts.push(Part::Group(usize::try_from(number).unwrap_or_default()));
            }
            char => text.push(char),
        }
    }
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    Ok(parts)
}

fn group<'t>(
    captures: Option<&Captures<'t, str>>,
    pick: impl FnOnce(&Captures<'t, str>) -> Option<fancy_regex::Match<'t>>,
    text: &'t str,
    from: usize,
    to: usize,
) -> &'t str {
    match captures {
        // A plain text has the whole match only.
        None => text.get(from..to).unwrap_or_default(),
        Some(captures) => pick(captures).map_or("", |found| found.as_str()),
    }
}
