//! Numbers as Java computes and prints them.

use super::{tree::Operator, value::Value};

/// Computes with two numbers; `None` where Velocity gives nothing: dividing by zero, or something
/// that is not a number. Integers that leave 64 bits become floating.
pub(super) fn compute<'a>(
    operator: Operator,
    left: &Value<'a>,
    right: &Value<'a>,
) -> Option<Value<'a>> {
    if let (Value::Int(left), Value::Int(right)) = (left, right) {
        let exact = match operator {
            Operator::Add => left.checked_add(*right),
            Operator::Subtract => left.checked_sub(*right),
            Operator::Multiply => left.checked_mul(*right),
            Operator::Divide | Operator::Remainder if *right == 0 => return None,
            Operator::Divide => left.checked_div(*right),
            Operator::Remainder => left.checked_rem(*right),
            _ => return None,
        };
        if let Some(exact) = exact {
            return Some(Value::Int(exact));
        }
    }
    let (left, right) = (floating(left)?, floating(right)?);
    let number = match operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide | Operator::Remainder if right == 0.0 => return None,
        Operator::Divide => left / right,
        Operator::Remainder => left % right,
        _ => return None,
    };
    Some(Value::Double(number))
}

/// Compares two numbers; `None` when one is not a number.
pub(super) fn compare(left: &Value<'_>, right: &Value<'_>) -> Option<std::cmp::Ordering> {
    if let (Value::Int(left), Value::Int(right)) = (left, right) {
        return Some(left.cmp(right));
    }
    floating(left)?.partial_cmp(&floating(right)?)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "as Java widens a long to a double"
)]
pub(super) const fn floating(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Double(number) => Some(*number),
        _ => None,
    }
}

/// A floating number cut to an integer, as a cast to `long` does in Java.
#[expect(
    clippy::cast_possible_truncation,
    reason = "cutting is what is asked for; it saturates"
)]
pub(super) const fn cut(number: f64) -> i64 {
    number as i64
}

/// Appends a floating number as `Double.toString` prints it: always with a fraction, and with an
/// exponent below a thousandth and from ten million on.
pub(super) fn print(number: f64, text: &mut String) {
    use std::fmt::Write as _;
    if number.is_nan() {
        text.push_str("NaN");
    } else if number.is_infinite() {
        text.push_str(if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        });
    } else if number == 0.0 || (1e-3..1e7).contains(&number.abs()) {
        // Writing to a text does not fail.
        let _written = write!(text, "{number:?}");
    } else {
        let scientific = format!("{number:e}");
        let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let fraction = if digits.contains('.') { "" } else { ".0" };
        let _written = write!(text, "{digits}{fraction}E{exponent}");
    }
}

#[cfg(test)]
mod tests {
    use super::print;

    #[test]
    fn floating_numbers_print_as_in_java() {
        for (number, expected) in [
            (1.0, "1.0"),
            (-0.5, "-0.5"),
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (0.001, "0.001"),
            (0.000_12, "1.2E-4"),
            (9_999_999.0, "9999999.0"),
            (10_000_000.0, "1.0E7"),
            (1.234_5e20, "1.2345E20"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            let mut text = String::new();
            print(number, &mut text);
            assert_eq!(text, expected);
        }
    }
}
