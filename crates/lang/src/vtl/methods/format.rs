//! `String.format`, for the conversions that templates use: `%s %d %f %e %x %c %b %n %%` with
//! `-`, `0`, `+`, `,`, a width and a precision. Anything else is an error.

use super::{Arguments, Called};
use crate::vtl::{
    number,
    render::Renderer,
    value::{Text, Value},
};

/// Largest width or precision.
const WIDTH_MAX: usize = 1000;

/// One conversion: what stands between the percent sign and its letter.
#[derive(Debug, Default)]
struct Conversion {
    argument: Option<usize>,
    is_left: bool,
    has_zeros: bool,
    has_plus: bool,
    has_groups: bool,
    width: usize,
    precision: Option<usize>,
}

/// Formats as `$template.format(arguments)` does: the text the method is called on counts for
/// nothing, the first argument is the pattern.
pub(super) fn format<'a>(
    renderer: &mut Renderer<'a, '_>,
    called_on: &Text<'a>,
    arguments: &Arguments<'a>,
    pattern: usize,
) -> Called<String> {
    let pattern_text = renderer.text_of(&arguments.at(pattern))?;
    let refuse = |renderer: &Renderer<'a, '_>| renderer.refuse("format", called_on);
    let mut made = String::new();
    let mut next = pattern + 1;
    let mut parts = pattern_text.as_str().split('%');
    made.push_str(parts.next().unwrap_or_default());
    let mut after_percent = false;
    for part in parts {
        if std::mem::take(&mut after_percent) {
            made.push_str(part);
            continue;
        }
        if part.is_empty() {
            made.push('%');
            after_percent = true;
            continue;
        }
        let Some((conversion, letter, rest)) = parse(part) else {
            return Err(refuse(renderer));
        };
        if letter == 'n' {
            made.push('\n');
        } else {
            let number = conversion.argument.map_or(next, |number| pattern + number);
            next += usize::from(conversion.argument.is_none());
            let value = arguments.at(number);
            let Some(text) = convert(renderer, &conversion, letter, &value)? else {
                return Err(refuse(renderer));
            };
            renderer.charge(text.len())?;
            pad(&conversion, &text, &mut made);
        }
        made.push_str(rest);
    }
    Ok(made)
}

fn parse(part: &str) -> Option<(Conversion, char, &str)> {
    let mut conversion = Conversion::default();
    let mut rest = part;
    if let Some((digits, behind)) = rest.split_once('$')
        && let Ok(number) = digits.parse::<usize>()
    {
        conversion.argument = Some(number.min(WIDTH_MAX));
        rest = behind;
    }
    loop {
        let flag = match rest.chars().next()? {
            '-' => &mut conversion.is_left,
            '0' => &mut conversion.has_zeros,
            '+' => &mut conversion.has_plus,
            ',' => &mut conversion.has_groups,
            _ => break,
        };
        *flag = true;
        rest = rest.get(1..)?;
    }
    let (width, behind) = digits(rest)?;
    conversion.width = width.unwrap_or_default();
    rest = behind;
    if let Some(behind) = rest.strip_prefix('.') {
        let (precision, behind) = digits(behind)?;
        conversion.precision = precision;
        rest = behind;
    }
    let letter = rest.chars().next()?;
    Some((conversion, letter, rest.get(letter.len_utf8()..)?))
}

fn digits(rest: &str) -> Option<(Option<usize>, &str)> {
    let length = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (digits, behind) = rest.split_at_checked(length)?;
    if digits.is_empty() {
        return Some((None, behind));
    }
    let number = digits.parse().ok().filter(|number| *number <= WIDTH_MAX)?;
    Some((Some(number), behind))
}

fn convert<'a>(
    renderer: &mut Renderer<'a, '_>,
    conversion: &Conversion,
    letter: char,
    value: &Value<'a>,
) -> Called<Option<String>> {
    let text = renderer.text_of(value)?;
    let text = if value.is_null() {
        "null"
    } else {
        text.as_str()
    };
    Ok(match (letter, value) {
        ('s' | 'S' | 'b' | 'B', _) => {
            let cut = conversion.precision.unwrap_or(usize::MAX);
            let text: String = text.chars().take(cut).collect();
            Some(if letter.is_ascii_uppercase() {
                text.to_uppercase()
            } else {
                text
            })
        }
        ('c', Value::Text(_)) => Some(text.chars().take(1).collect()),
        ('d', Value::Int(number)) => Some(signed(
            conversion,
            *number < 0,
            &number.unsigned_abs().to_string(),
        )),
        ('x', Value::Int(number)) => Some(format!("{number:x}")),
        ('X', Value::Int(number)) => Some(format!("{number:X}")),
        ('o', Value::Int(number)) => Some(format!("{number:o}")),
        ('f' | 'e', _) => number::floating(value)
            .filter(|number| number.is_finite())
            .map(|number| {
                let precision = conversion.precision.unwrap_or(6);
                let size = number.abs();
                let text = if letter == 'f' {
                    format!("{size:.precision$}")
                } else {
                    exponent(size, precision)
                };
                signed(conversion, number.is_sign_negative(), &text)
            }),
        _ => None,
    })
}

/// `1.5e+03`: with a sign and two digits at least.
fn exponent(number: f64, precision: usize) -> String {
    let text = format!("{number:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let size = exponent.trim_start_matches('-');
    let sign = if exponent.starts_with('-') { '-' } else { '+' };
    format!("{digits}e{sign}{size:0>2}")
}

/// Puts the sign, the groups and the zeros to a number.
fn signed(conversion: &Conversion, is_negative: bool, digits: &str) -> String {
    let (whole, fraction) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    let mut grouped = String::with_capacity(digits.len() * 2);
    for (number, digit) in whole.chars().enumerate() {
        if conversion.has_groups && number > 0 && (whole.len() - number) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped.push_str(fraction);
    let sign = match (is_negative, conversion.has_plus) {
        (true, _) => "-",
        (false, true) => "+",
        (false, false) => "",
    };
    let width = conversion.width.saturating_sub(sign.len());
    if conversion.has_zeros {
        return format!("{sign}{grouped:0>width$}");
    }
    format!("{sign}{grouped}")
}

fn pad(conversion: &Conversion, text: &str, made: &mut String) {
    let missing = conversion.width.saturating_sub(text.chars().count());
    if !conversion.is_left {
        made.extend(std::iter::repeat_n(' ', missing));
    }
    made.push_str(text);
    if conversion.is_left {
        made.extend(std::iter::repeat_n(' ', missing));
    }
}
