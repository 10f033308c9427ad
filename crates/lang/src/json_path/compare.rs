//! Comparing values as filters do: numbers by value, also with texts that write them; nothing is
//! ordered but numbers among themselves and texts among themselves.

use std::cmp::Ordering;

use serde_json::Value;

use super::filter::Operator;

fn items(side: Option<&Value>) -> &[Value] {
    side.and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// Whether an operator holds between two sides; a side may be missing.
pub(super) fn compare(left: Option<&Value>, operator: Operator, right: Option<&Value>) -> bool {
    let order = |accepted: &[Ordering]| {
        let order = left.zip(right).and_then(|(left, right)| order(left, right));
        order.is_some_and(|order| accepted.contains(&order))
    };
    let is_equal = || match (left, right) {
        (Some(left), Some(right)) => equal(left, right),
        (None, None) => true,
        _ => false,
    };
    let is_in = |value: Option<&Value>, list: &[Value]| {
        value.is_some_and(|value| list.iter().any(|item| equal(item, value)))
    };
    match operator {
        Operator::Equal => is_equal(),
        Operator::Unequal => !is_equal(),
        Operator::Less => order(&[Ordering::Less]),
        Operator::LessEqual => order(&[Ordering::Less, Ordering::Equal]),
        Operator::Greater => order(&[Ordering::Greater]),
        Operator::GreaterEqual => order(&[Ordering::Greater, Ordering::Equal]),
        Operator::In => is_in(left, items(right)),
        Operator::NotIn => !is_in(left, items(right)),
        Operator::SubsetOf => items(left)
            .iter()
            .all(|item| is_in(Some(item), items(right))),
        Operator::AnyOf => items(left)
            .iter()
            .any(|item| is_in(Some(item), items(right))),
        Operator::NoneOf => !items(left)
            .iter()
            .any(|item| is_in(Some(item), items(right))),
        Operator::Contains => match (left, right) {
            (Some(Value::String(text)), Some(Value::String(part))) => text.contains(part.as_str()),
            (Some(Value::Array(list)), right) => is_in(right, list),
            _ => false,
        },
        Operator::Size => length(left).is_some_and(|length| {
            right
                .and_then(Value::as_f64)
                .is_some_and(|size| (size - length).abs() < 0.5)
        }),
        Operator::Empty => {
            length(left).is_some_and(|length| right.and_then(Value::as_bool) == Some(length < 0.5))
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "lengths are far below 2^52")]
fn length(value: Option<&Value>) -> Option<f64> {
    match value? {
        Value::Array(items) => Some(items.len() as f64),
        Value::String(text) => Some(text.chars().count() as f64),
        _ => None,
    }
}

/// Numbers are equal by value, also to texts that write them.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(_), Value::Number(_)) => order(left, right) == Some(Ordering::Equal),
        (Value::Number(number), Value::String(text))
        | (Value::String(text), Value::Number(number)) => text
            .trim()
            .parse::<f64>()
            .ok()
            .zip(number.as_f64())
            .is_some_and(|(a, b)| a == b),
        _ => left == right,
    }
}

fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            if let (Some(left), Some(right)) = (left.as_i64(), right.as_i64()) {
                return Some(left.cmp(&right));
            }
            left.as_f64()?.partial_cmp(&right.as_f64()?)
        }
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => None,
    }
}
