//! Numbers of JSON: exact comparison, division and equality.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use crate::json::{self, View};

/// The number that a value is.
pub(super) fn of(value: View<'_>) -> Option<Number> {
    match value.as_number()? {
        json::Number::Integer(number) => Some(Number::from(number)),
        json::Number::Float(number) => {
            let digits = value.as_integer_digits();
            let whole = digits.and_then(|digits| digits.parse::<u64>().ok());
            whole.map(Number::from).or_else(|| Number::from_f64(number))
        }
    }
}

/// Whether it is written without a fraction. Integers that fit no machine word have become
/// floating, and are so large that they can have none.
pub(super) fn is_integer(number: &Number) -> bool {
    const WORD: f64 = 18_446_744_073_709_551_616.0;
    !number.is_f64() || number.as_f64().is_some_and(|value| value.abs() >= WORD)
}

pub(super) fn compare(one: &Number, other: &Number) -> Ordering {
    if let (Some(one), Some(other)) = (one.as_i128(), other.as_i128()) {
        return one.cmp(&other);
    }
    let value = |number: &Number| number.as_f64().unwrap_or(0.0);
    value(one).total_cmp(&value(other))
}

/// Whether a number is a multiple of another, in decimal as it is written: 0.3 is one of 0.1.
pub(super) fn is_multiple(number: &Number, of: &Number) -> bool {
    if let (Some((number, scale)), Some((of, of_scale))) = (decimal(number), decimal(of)) {
        let common = scale.max(of_scale);
        let scaled = |value: i128, from: u32| {
            10_i128
                .checked_pow(common - from)
                .and_then(|factor| value.checked_mul(factor))
        };
        if let (Some(number), Some(of)) = (scaled(number, scale), scaled(of, of_scale)) {
            return number.checked_rem(of) == Some(0);
        }
    }
    let value = |number: &Number| number.as_f64().unwrap_or(f64::NAN);
    (value(number) / value(of)).fract() == 0.0
}

/// A number as digits, and how many of them are behind the point.
fn decimal(number: &Number) -> Option<(i128, u32)> {
    let text = number.to_string();
    let (digits, power) = match text.split_once(['e', 'E']) {
        Some((digits, power)) => (digits, power.parse::<i32>().ok()?),
        None => (text.as_str(), 0),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let value: i128 = format!("{whole}{part}").parse().ok()?;
    let scale = i32::try_from(part.len()).ok()? - power;
    match u32::try_from(scale) {
        Ok(scale) => Some((value, scale)),
        Err(_) => {
            let factor = 10_i128.checked_pow(scale.unsigned_abs())?;
            Some((value.checked_mul(factor)?, 0))
        }
    }
}

/// Whether a value is the same as one of a schema; numbers by what they are worth, members in any
/// order. `cost` grows by what was looked at.
pub(super) fn equal(one: &Value, other: View<'_>, cost: &mut usize) -> bool {
    *cost += 1;
    match one {
        Value::Number(one) => of(other).is_some_and(|it| compare(one, &it) == Ordering::Equal),
        Value::Array(one) => {
            let mut pairs = one.iter().zip(other.items());
            other.is_array()
                && one.len() == other.len()
                && pairs.all(|(one, other)| equal(one, other, cost))
        }
        Value::Object(one) => {
            let same = |(name, other): (&str, View<'_>), cost: &mut usize| {
                one.get(name).is_some_and(|one| equal(one, other, cost))
            };
            other.is_object()
                && one.len() == other.len()
                && other.entries().all(|member| same(member, cost))
        }
        Value::String(one) => {
            *cost += one.len() / BYTES_AT_ONCE;
            other.as_str() == Some(one)
        }
        Value::Bool(one) => other.as_bool() == Some(*one),
        Value::Null => other.is_null(),
    }
}

/// Bytes of text that are compared as quickly as one value.
const BYTES_AT_ONCE: usize = 64;

/// A text that equal values share, and others do not.
pub(super) fn key(value: View<'_>, out: &mut String) {
    use std::fmt::Write as _;
    if let Some(number) = of(value) {
        let whole = number
            .as_f64()
            .filter(|value| number.is_f64() && value.fract() == 0.0);
        let _ = match whole {
            Some(value) => write!(out, "{value:.0}"),
            None => write!(out, "{number}"),
        };
    } else if value.is_array() {
        out.push('[');
        for item in value.items() {
            key(item, out);
            out.push(',');
        }
        out.push(']');
    } else if value.is_object() {
        let mut sorted: Vec<_> = value.entries().collect();
        sorted.sort_unstable_by_key(|(name, _)| *name);
        out.push('{');
        for (name, member) in sorted {
            let _ = write!(out, "{name:?}:");
            key(member, out);
            out.push(',');
        }
        out.push('}');
    } else if let Some(text) = value.as_str() {
        let _ = write!(out, "{text:?}");
    } else {
        out.push_str(value.written());
    }
}
