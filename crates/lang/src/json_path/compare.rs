//! Comparing values as filters do: numbers by value, also with texts that write them; nothing is
//! ordered but numbers among themselves and texts among themselves.

use std::cmp::Ordering;

use super::filter::Operator;
use crate::json::{Number, View};

fn items(side: Option<View<'_>>) -> impl Iterator<Item = View<'_>> {
    side.map(View::items).into_iter().flatten()
}

/// Whether an operator holds between two sides; a side may be missing.
pub(super) fn compare(left: Option<View<'_>>, operator: Operator, right: Option<View<'_>>) -> bool {
    let order = |accepted: &[Ordering]| {
        let order = left.zip(right).and_then(|(left, right)| order(left, right));
        order.is_some_and(|order| accepted.contains(&order))
    };
    let is_equal = || match (left, right) {
        (Some(left), Some(right)) => equal(left, right),
        (None, None) => true,
        _ => false,
    };
    let is_in = |value: Option<View<'_>>, list: Option<View<'_>>| {
        value.is_some_and(|value| items(list).any(|item| equal(item, value)))
    };
    match operator {
        Operator::Equal => is_equal(),
        Operator::Unequal => !is_equal(),
        Operator::Less => order(&[Ordering::Less]),
        Operator::LessEqual => order(&[Ordering::Less, Ordering::Equal]),
        Operator::Greater => order(&[Ordering::Greater]),
        Operator::GreaterEqual => order(&[Ordering::Greater, Ordering::Equal]),
        Operator::In => is_in(left, right),
        Operator::NotIn => !is_in(left, right),
        Operator::SubsetOf => items(left).all(|item| is_in(Some(item), right)),
        Operator::AnyOf => items(left).any(|item| is_in(Some(item), right)),
        Operator::NoneOf => !items(left).any(|item| is_in(Some(item), right)),
        Operator::Contains => match (text(left), text(right)) {
            (Some(text), Some(part)) => text.contains(part),
            _ => is_in(right, left),
        },
        Operator::Size => length(left).is_some_and(|length| {
            right
                .and_then(View::as_f64)
                .is_some_and(|size| (size - length).abs() < 0.5)
        }),
        Operator::Empty => {
            length(left).is_some_and(|length| right.and_then(View::as_bool) == Some(length < 0.5))
        }
    }
}

fn text(value: Option<View<'_>>) -> Option<&str> {
    value.and_then(View::as_str)
}

#[expect(clippy::cast_precision_loss, reason = "lengths are far below 2^52")]
fn length(value: Option<View<'_>>) -> Option<f64> {
    let value = value?;
    if value.is_array() {
        return Some(value.len() as f64);
    }
    value.as_str().map(|text| text.chars().count() as f64)
}

/// Numbers are equal by value, also to texts that write them.
fn equal(left: View<'_>, right: View<'_>) -> bool {
    let written = |text: &str, number: f64| text.trim().parse() == Ok(number);
    match (left.as_f64(), right.as_f64(), left.as_str(), right.as_str()) {
        (Some(_), Some(_), _, _) => order(left, right) == Some(Ordering::Equal),
        (Some(number), _, _, Some(text)) | (_, Some(number), Some(text), _) => {
            written(text, number)
        }
        _ => left.equals(right),
    }
}

fn order(left: View<'_>, right: View<'_>) -> Option<Ordering> {
    if let (Some(Number::Integer(left)), Some(Number::Integer(right))) =
        (left.as_number(), right.as_number())
    {
        return Some(left.cmp(&right));
    }
    if let (Some(left), Some(right)) = (left.as_str(), right.as_str()) {
        return Some(left.cmp(right));
    }
    left.as_f64()?.partial_cmp(&right.as_f64()?)
}
