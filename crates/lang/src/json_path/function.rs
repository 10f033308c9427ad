//! Functions at the end of a path. They see what the path has found: the elements of one array,
//! or all places of an indefinite path.

use serde_json::{Number, Value};

use super::{
    Found,
    find::{from_start, made},
};
use crate::json::{Document, View};

/// A function with its arguments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Function {
    Length,
    Keys,
    Sum,
    Min,
    Max,
    Average,
    Deviation,
    First,
    Last,
    Index(i64),
    Concat,
}

impl Function {
    pub(super) fn named(name: &str, arguments: &[f64]) -> Option<Self> {
        Some(match (name, arguments) {
            ("length" | "size", []) => Self::Length,
            ("keys", []) => Self::Keys,
            ("sum", []) => Self::Sum,
            ("min", []) => Self::Min,
            ("max", []) => Self::Max,
            ("avg", []) => Self::Average,
            ("stddev", []) => Self::Deviation,
            ("first", []) => Self::First,
            ("last", []) => Self::Last,
            ("index", [index]) => Self::Index(cut(*index)),
            ("concat", []) => Self::Concat,
            _ => return None,
        })
    }

    /// The function's value; nothing where it has none.
    pub(super) fn apply(self, found: &Found<'_>) -> Option<Document<'static>> {
        self.value(found).and_then(|value| made(&value))
    }

    fn value(self, found: &Found<'_>) -> Option<Value> {
        if let (Self::Length | Self::Keys, Found::One(one)) = (self, found) {
            return self.of_one((*one)?);
        }
        let items: Vec<View<'_>> = match found {
            Found::One(one) => (*one).filter(|one| one.is_array())?.items().collect(),
            Found::Many(places) => places.clone(),
            Found::Made(made) => made.root().entries().map(|(_, value)| value).collect(),
        };
        match self {
            Self::Length => Some(Value::from(items.len())),
            Self::Keys => None,
            Self::First => items.first().map(|item| item.to_value()),
            Self::Last => items.last().map(|item| item.to_value()),
            Self::Index(index) => items
                .get(from_start(index, items.len())?)
                .map(|item| item.to_value()),
            Self::Concat => {
                let texts = items.iter().filter_map(|item| item.as_str());
                Some(Value::String(texts.collect()))
            }
            Self::Sum | Self::Min | Self::Max | Self::Average | Self::Deviation => self.of_numbers(
                &items
                    .iter()
                    .filter_map(|item| item.as_f64())
                    .collect::<Vec<_>>(),
            ),
        }
    }

    fn of_one(self, one: View<'_>) -> Option<Value> {
        match self {
            Self::Length if one.is_container() => Some(Value::from(one.len())),
            Self::Length => Some(Value::from(one.as_str()?.encode_utf16().count())),
            Self::Keys if one.is_object() => {
                Some(one.entries().map(|(name, _)| Value::from(name)).collect())
            }
            _ => None,
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of elements are far below 2^52"
    )]
    fn of_numbers(self, numbers: &[f64]) -> Option<Value> {
        if numbers.is_empty() {
            return None;
        }
        let count = numbers.len() as f64;
        let sum = numbers.iter().sum::<f64>();
        let number = match self {
            Self::Sum => sum,
            Self::Average => sum / count,
            Self::Min => numbers.iter().copied().fold(f64::INFINITY, f64::min),
            Self::Max => numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Self::Deviation => {
                let squares = numbers.iter().map(|number| number * number).sum::<f64>();
                (squares / count - (sum / count).powi(2)).max(0.0).sqrt()
            }
            _ => return None,
        };
        Number::from_f64(number).map(Value::Number)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a position written with a fraction is cut"
)]
const fn cut(number: f64) -> i64 {
    number as i64
}
