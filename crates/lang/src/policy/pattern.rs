//! Texts with wildcards and policy variables, and matching them within a budget.
//!
//! `*` stands for any characters, `?` for one. `${key}` is replaced by a value of the request,
//! `${key, 'text'}` by the text where the request has no such value, and `${*}`, `${?}`, `${$}` are
//! those characters themselves. A variable that stands for nothing makes its pattern match nothing.

use std::{borrow::Cow, cell::Cell};

use super::{
    Context,
    read::{Fail, shown},
};

/// What matching may still cost, in characters looked at.
pub(super) struct Budget(pub(super) Cell<u32>);

/// A text to match against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    parts: Vec<Part>,
    /// Letters of both cases are the same.
    fold: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Token(Token),
    Variable {
        /// Lower case.
        key: String,
        default: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Exact(char),
    Any,
    One,
}

/// What of a text is more than text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Syntax {
    pub(super) wildcards: bool,
    pub(super) variables: bool,
    /// Letters of both cases are the same.
    pub(super) fold: bool,
}

impl Budget {
    /// False once there is nothing left.
    fn spend(&self) -> bool {
        let left = self.0.get();
        self.0.set(left.saturating_sub(1));
        left > 0
    }
}

impl Pattern {
    pub(super) fn parse(text: &str, syntax: Syntax) -> Result<Self, Fail> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if syntax.variables
                && let Some(behind) = rest.strip_prefix("${")
            {
                let (inside, after) = behind
                    .split_once('}')
                    .ok_or_else(|| Fail::here("a policy variable is not closed with '}'"))?;
                parts.push(variable(inside)?);
                rest = after;
                continue;
            }
            parts.push(Part::Token(match first {
                '*' if syntax.wildcards => Token::Any,
                '?' if syntax.wildcards => Token::One,
                other => Token::Exact(other),
            }));
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
        Ok(Self {
            parts,
            fold: syntax.fold,
        })
    }

    /// Whether all of `text` is as the pattern says.
    pub(super) fn matches(&self, text: &str, context: &Context, budget: &Budget) -> bool {
        match self.tokens(context) {
            Some(tokens) => glob(&tokens, text, self.fold, budget),
            None => false,
        }
    }

    /// Whether each of the six parts of an ARN is as that of the pattern: no wildcard reaches over
    /// a colon, but for the last part, which may hold colons itself.
    pub(super) fn matches_arn(&self, text: &str, context: &Context, budget: &Budget) -> bool {
        let Some(tokens) = self.tokens(context) else {
            return false;
        };
        let mut texts = text.splitn(6, ':');
        let colon = |token: &Token| *token == Token::Exact(':');
        let mut parts = tokens.splitn(6, colon);
        loop {
            match (parts.next(), texts.next()) {
                (None, None) => return true,
                (Some(part), Some(text)) if glob(part, text, self.fold, budget) => {}
                _ => return false,
            }
        }
    }

    /// The pattern with its variables filled in, unless one of them stands for nothing.
    fn tokens(&self, context: &Context) -> Option<Cow<'_, [Token]>> {
        let mut tokens = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            match part {
                Part::Token(token) => tokens.push(*token),
                Part::Variable { key, default } => {
                    let value = match context.values(key) {
                        Some([one]) => Some(one),
                        // Amazon replaces variables by keys of one value only.
                        Some(_) | None => default.as_ref(),
                    };
                    tokens.extend(value?.chars().map(Token::Exact));
                }
            }
        }
        Some(Cow::Owned(tokens))
    }
}

fn variable(inside: &str) -> Result<Part, Fail> {
    let plain = match inside {
        "*" => Some('*'),
        "?" => Some('?'),
        "$" => Some('$'),
        _ => None,
    };
    if let Some(plain) = plain {
        return Ok(Part::Token(Token::Exact(plain)));
    }
    let (key, default) = match inside.split_once(',') {
        None => (inside, None),
        Some((key, text)) => {
            let text = text.trim().strip_prefix('\'');
            let text = text.and_then(|text| text.strip_suffix('\''));
            let text = text.ok_or_else(|| Fail::here("a variable's default stands in quotes"))?;
            (key, Some(text.to_owned()))
        }
    };
    let key = key.trim();
    if !key.contains(':') {
        return Err(Fail::here(format!(
            "{:?} is no policy variable",
            shown(inside)
        )));
    }
    Ok(Part::Variable {
        key: key.to_ascii_lowercase(),
        default,
    })
}

/// Wildcard matching that goes back to the last `*` alone: enough, since an earlier one could only
/// take what the last one can.
fn glob(tokens: &[Token], text: &str, fold: bool, budget: &Budget) -> bool {
    let same = |a: char, b: char| a == b || (fold && a.eq_ignore_ascii_case(&b));
    let mut rest = text.chars();
    let mut at = 0;
    let mut back: Option<(usize, std::str::Chars<'_>)> = None;
    loop {
        if !budget.spend() {
            return false;
        }
        let mut next = rest.clone();
        match (tokens.get(at), next.next()) {
            (None, None) => return true,
            (Some(Token::Any), _) => {
                at += 1;
                back = Some((at, rest.clone()));
            }
            (Some(Token::One), Some(_)) => {
                at += 1;
                rest = next;
            }
            (Some(Token::Exact(wanted)), Some(found)) if same(*wanted, found) => {
                at += 1;
                rest = next;
            }
            _ => {
                let Some((again, from)) = back.as_mut() else {
                    return false;
                };
                if from.next().is_none() {
                    return false;
                }
                at = *again;
                rest = from.clone();
            }
        }
    }
}
