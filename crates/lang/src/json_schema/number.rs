//! Numbers of JSON: exact comparison, division and equality.

use std::cmp::Ordering;

use serde_json::{Number, Value};

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

/// Whether two values are the same; numbers by what they are worth, members in any order. `cost`
/// grows by what was looked at.
pub(super) fn equal(one: &Value, other: &Value, cost: &mut usize) -> bool {
    *cost += 1;
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => compare(one, other) == Ordering::Equal,
        (Value::Array(one), Value::Array(other)) => {
            let mut pairs = one.iter().zip(other);
            one.len() == other.len() && pairs.all(|(one, other)| equal(one, other, cost))
        }
        (Value::Object(one), Value::Object(other)) => {
            let same = |(name, one): (&String, &Value), cost: &mut usize| {
                other.get(name).is_some_and(|other| equal(one, other, cost))
            };
            one.len() == other.len() && one.iter().all(|member| same(member, cost))
        }
        (Value::String(one), Value::String(other)) => {
            *cost += one.len() / BYTES_AT_ONCE;
            one == other
        }
        _ => one == other,
    }
}

/// Bytes of text that are compared as quickly as one value.
const BYTES_AT_ONCE: usize = 64;

/// A text that equal values share, and others do not.
pub(super) fn key(value: &Value, out: &mut String) {
    use std::fmt::Write as _;
    match value {
        Value::Number(number) => {
            let whole = number
                .as_f64()
                .filter(|value| number.is_f64() && value.fract() == 0.0);
            let _ = match whole {
                Some(value) => write!(out, "{value:.0}"),
                None => write!(out, "{number}"),
            };
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                key(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            out.push('{');
            for (name, member) in sorted {
                let _ = write!(out, "{name:?}:");
                key(member, out);
                out.push(',');
            }
            out.push('}');
        }
        other => {
            let _ = write!(out, "{other}");
        }
    }
}
