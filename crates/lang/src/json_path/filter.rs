//! Filters: conditions on each element, `[?(@.price < 10 && @.title =~ /the.*/i)]`.

use serde_json::Value;

use super::{
    Found, Path, PathError,
    compare::compare,
    find::{Search, made},
    parse::Cursor,
};
use crate::json::{Document, View};

/// Backtracking that one match of a regular expression may cost.
const BACKTRACK_MAX: usize = 100_000;

/// A condition.
#[derive(Debug)]
pub(super) enum Filter {
    Any(Vec<Self>),
    All(Vec<Self>),
    Not(Box<Self>),
    Exists(Operand),
    Compare(Operand, Operator, Operand),
    Matches(Operand, fancy_regex::Regex),
}

/// A side of a comparison.
#[derive(Debug)]
pub(super) enum Operand {
    Literal(Document<'static>),
    /// A path from the element at hand, `@`.
    Element(Path),
    /// A path from the document's root, `$`.
    Root(Path),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    Unequal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    NotIn,
    SubsetOf,
    AnyOf,
    NoneOf,
    Contains,
    Size,
    Empty,
}

/// As written, longest first where one begins with the other.
const OPERATORS: [(&str, Operator); 16] = [
    ("===", Operator::Equal),
    ("!==", Operator::Unequal),
    ("==", Operator::Equal),
    ("!=", Operator::Unequal),
    ("<=", Operator::LessEqual),
    (">=", Operator::GreaterEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
    ("in ", Operator::In),
    ("nin ", Operator::NotIn),
    ("subsetof ", Operator::SubsetOf),
    ("anyof ", Operator::AnyOf),
    ("noneof ", Operator::NoneOf),
    ("contains ", Operator::Contains),
    ("size ", Operator::Size),
    ("empty ", Operator::Empty),
];

/// Parses a condition, up to what cannot belong to it.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Filter, PathError> {
    cursor.deeper()?;
    let mut any = vec![all(cursor)?];
    loop {
        cursor.skip_space();
        if !cursor.take("||") {
            break;
        }
        any.push(all(cursor)?);
    }
    cursor.shallower();
    Ok(if any.len() == 1 {
        any.swap_remove(0)
    } else {
        Filter::Any(any)
    })
}

fn all(cursor: &mut Cursor<'_>) -> Result<Filter, PathError> {
    let mut all = vec![term(cursor)?];
    loop {
        cursor.skip_space();
        if !cursor.take("&&") {
            break;
        }
        all.push(term(cursor)?);
    }
    Ok(if all.len() == 1 {
        all.swap_remove(0)
    } else {
        Filter::All(all)
    })
}

fn term(cursor: &mut Cursor<'_>) -> Result<Filter, PathError> {
    cursor.skip_space();
    if cursor.take("!") {
        cursor.deeper()?;
        let inner = term(cursor)?;
        cursor.shallower();
        return Ok(Filter::Not(Box::new(inner)));
    }
    if cursor.take("(") {
        let inner = parse(cursor)?;
        cursor.skip_space();
        cursor.expect(")")?;
        return Ok(inner);
    }
    let left = operand(cursor)?;
    cursor.skip_space();
    if cursor.take("=~") {
        cursor.skip_space();
        return Ok(Filter::Matches(left, regex(cursor)?));
    }
    for (sign, operator) in OPERATORS {
        if cursor.take(sign) {
            cursor.skip_space();
            return Ok(Filter::Compare(left, operator, operand(cursor)?));
        }
    }
    Ok(Filter::Exists(left))
}

fn operand(cursor: &mut Cursor<'_>) -> Result<Operand, PathError> {
    match cursor.peek() {
        Some(b'@') => {
            cursor.at += 1;
            cursor.deeper()?;
            let path = cursor.path(false)?;
            cursor.shallower();
            Ok(Operand::Element(path))
        }
        Some(b'$') => {
            cursor.at += 1;
            cursor.deeper()?;
            let path = cursor.path(false)?;
            cursor.shallower();
            Ok(Operand::Root(path))
        }
        Some(b'\'' | b'"') => {
            let text = cursor.quoted()?;
            literal(cursor, &Value::String(text))
        }
        Some(b'[') => {
            let list = list(cursor)?;
            literal(cursor, &list)
        }
        _ => {
            let scalar = scalar(cursor)?;
            literal(cursor, &scalar)
        }
    }
}

fn literal(cursor: &Cursor<'_>, value: &Value) -> Result<Operand, PathError> {
    let document = made(value).map(Operand::Literal);
    document.ok_or_else(|| cursor.fail("value cannot be used"))
}

fn list(cursor: &mut Cursor<'_>) -> Result<Value, PathError> {
    cursor.expect("[")?;
    let mut items = Vec::new();
    loop {
        cursor.skip_space();
        if cursor.take("]") {
            return Ok(Value::Array(items));
        }
        items.push(match cursor.peek() {
            Some(b'\'' | b'"') => Value::String(cursor.quoted()?),
            _ => scalar(cursor)?,
        });
        cursor.skip_space();
        if !cursor.take(",") {
            cursor.expect("]")?;
            return Ok(Value::Array(items));
        }
    }
}

fn scalar(cursor: &mut Cursor<'_>) -> Result<Value, PathError> {
    for (word, value) in [
        ("true", Value::Bool(true)),
        ("false", Value::Bool(false)),
        ("null", Value::Null),
    ] {
        if cursor.take(word) {
            return Ok(value);
        }
    }
    Ok(Value::from(cursor.number()?))
}

/// `/expression/flags`; a backslash before a slash is not part of it.
fn regex(cursor: &mut Cursor<'_>) -> Result<fancy_regex::Regex, PathError> {
    cursor.expect("/")?;
    let rest = cursor.rest();
    let mut is_escaped = false;
    let end = rest.find(|c| {
        let is_end = c == '/' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    });
    let Some(end) = end else {
        return Err(cursor.fail("the closing slash is missing"));
    };
    let source = rest.get(..end).unwrap_or_default().replace("\\/", "/");
    cursor.at += end + 1;
    let mut flags = String::new();
    while let Some(flag @ (b'i' | b'm' | b's' | b'x')) = cursor.peek() {
        flags.push(char::from(flag));
        cursor.at += 1;
    }
    let flags = if flags.is_empty() {
        flags
    } else {
        format!("(?{flags})")
    };
    // The whole value has to match.
    fancy_regex::RegexBuilder::new(&format!("{flags}^(?:{source})$"))
        .backtrack_limit(BACKTRACK_MAX)
        .build()
        .map_err(|_| cursor.fail("the regular expression cannot be understood"))
}

impl Filter {
    /// Whether an element meets the condition.
    pub(super) fn accepts<'a>(
        &self,
        search: &mut Search<'a, '_>,
        element: View<'a>,
    ) -> Result<bool, PathError> {
        search.spend(1)?;
        match self {
            Self::Any(filters) => {
                for filter in filters {
                    if filter.accepts(search, element)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::All(filters) => {
                for filter in filters {
                    if !filter.accepts(search, element)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Not(filter) => Ok(!filter.accepts(search, element)?),
            Self::Exists(operand) => Ok(match operand.value(search, element)? {
                Side::Missing => false,
                Side::Place(_) | Side::Made(_) => true,
            }),
            Self::Matches(operand, regex) => {
                let side = operand.value(search, element)?;
                let Some(value) = side.view() else {
                    return Ok(false);
                };
                if let Some(text) = value.as_str() {
                    search.spend(text.len() / 16)?;
                    return Ok(regex.is_match(text).unwrap_or(false));
                }
                let is_plain = !value.is_container() && !value.is_null();
                let text = || value.to_value().to_string();
                Ok(is_plain && regex.is_match(&text()).unwrap_or(false))
            }
            Self::Compare(left, operator, right) => {
                let left = left.value(search, element)?;
                let right = right.value(search, element)?;
                let cost = weight(left.view()).saturating_mul(weight(right.view()));
                search.spend(cost)?;
                Ok(compare(left.view(), *operator, right.view()))
            }
        }
    }
}

/// What comparing or copying this value may cost: about the number of values in it.
fn weight(value: Option<View<'_>>) -> usize {
    value.map_or(0, |value| {
        value.weight() + value.as_str().map_or(0, |text| text.len() / 64)
    })
}

/// A side of a comparison for one element.
enum Side<'v> {
    Missing,
    Place(View<'v>),
    Made(Document<'static>),
}

impl Side<'_> {
    fn view(&self) -> Option<View<'_>> {
        match self {
            Self::Missing => None,
            Self::Place(value) => Some(*value),
            Self::Made(value) => Some(value.root()),
        }
    }
}

impl Operand {
    fn value<'s, 'a: 's>(
        &'s self,
        search: &mut Search<'a, '_>,
        element: View<'a>,
    ) -> Result<Side<'s>, PathError> {
        let (path, start) = match self {
            Self::Literal(value) => return Ok(Side::Place(value.root())),
            Self::Element(path) => (path, element),
            Self::Root(path) => (path, search.root),
        };
        let found = search.follow(path, start)?;
        let side = |made: Option<Document<'static>>| made.map_or(Side::Missing, Side::Made);
        if let Some(function) = path.function {
            return Ok(side(function.apply(&found)));
        }
        Ok(match found {
            Found::One(None) => Side::Missing,
            Found::One(Some(place)) => Side::Place(place),
            Found::Many(places) => {
                for place in &places {
                    search.spend(weight(Some(*place)))?;
                }
                side(made(&places.into_iter().map(View::to_value).collect()))
            }
            Found::Made(value) => Side::Made(value),
        })
    }
}
