//! What follows a backslash.

use super::{
    Dialect, PatternError,
    translate::{END, Reader, literal},
};

/// An escape outside of a class, in the engine's syntax.
pub(super) struct Escaped {
    pub(super) text: String,
    pub(super) intricate: bool,
}

/// What an escape can be in a class as well as outside.
pub(super) enum Item {
    /// One character.
    One(char),
    /// A whole class, with its brackets.
    Set(String),
}

/// After a `\` outside of a class.
pub(super) fn outside(reader: &mut Reader<'_>) -> Result<Escaped, PatternError> {
    let fixed = match reader.peek() {
        Some('b') => Some((r"\b", false)),
        Some('B') => Some((r"\B", false)),
        Some('A') if reader.dialect == Dialect::Java => Some((r"\A", false)),
        Some('z') if reader.dialect == Dialect::Java => Some((r"\z", false)),
        Some('Z') if reader.dialect == Dialect::Java => Some((END, true)),
        Some('G') if reader.dialect == Dialect::Java => Some((r"\G", true)),
        Some('R') if reader.dialect == Dialect::Java => Some((BREAK, true)),
        _ => None,
    };
    if let Some((text, intricate)) = fixed {
        reader.next();
        return Ok(Escaped {
            text: text.to_owned(),
            intricate,
        });
    }
    if let Some(text) = back_reference(reader)? {
        return Ok(Escaped {
            text,
            intricate: true,
        });
    }
    let mut text = String::new();
    match item(reader)? {
        Item::One(one) => literal(&mut text, one),
        Item::Set(set) => text = set,
    }
    Ok(Escaped {
        text,
        intricate: false,
    })
}

/// `\R`.
const BREAK: &str = r"(?:\x{D}\x{A}|[\x{A}\x{B}\x{C}\x{D}\x{85}\x{2028}\x{2029}])";

fn back_reference(reader: &mut Reader<'_>) -> Result<Option<String>, PatternError> {
    if reader.eat("k<") {
        let name = reader.until('>').filter(|name| is_group_name(name));
        let name = name.ok_or_else(|| reader.wrong("a reference without a name"))?;
        return Ok(Some(format!(r"\k<{name}>")));
    }
    let digits: String = reader
        .rest()
        .chars()
        .take_while(char::is_ascii_digit)
        .take(GROUP_DIGITS_MAX)
        .collect();
    if digits.is_empty() || digits.starts_with('0') {
        return Ok(None);
    }
    reader.eat(&digits);
    Ok(Some(format!(r"\{digits}")))
}

/// Most digits of a reference to a group.
const GROUP_DIGITS_MAX: usize = 2;

/// Letters and digits, a letter first.
pub(super) fn is_group_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// After a `\` anywhere.
pub(super) fn item(reader: &mut Reader<'_>) -> Result<Item, PatternError> {
    let Some(one) = reader.next() else {
        return Err(reader.wrong("a '\\' at its end"));
    };
    if let Some(set) = class_of(one, reader.dialect) {
        return Ok(Item::Set(set.to_owned()));
    }
    let found = match one {
        't' => '\t',
        'n' => '\n',
        'r' => '\r',
        'f' => '\u{c}',
        'v' => '\u{b}',
        'a' if reader.dialect == Dialect::Java => '\u{7}',
        'e' if reader.dialect == Dialect::Java => '\u{1b}',
        '0' => octal(reader)?,
        'x' => hexadecimal(reader)?,
        'u' => unicode(reader)?,
        'c' => control(reader)?,
        'p' | 'P' => return property(reader, one == 'P').map(Item::Set),
        // Java keeps letters for itself; ECMA lets them stand for themselves.
        _ if one.is_ascii_alphabetic() && reader.dialect == Dialect::Java => {
            return Err(reader.wrong("an unknown escape"));
        }
        other => other,
    };
    Ok(Item::One(found))
}

/// The classes that one letter names.
const fn class_of(letter: char, dialect: Dialect) -> Option<&'static str> {
    let java = matches!(dialect, Dialect::Java);
    Some(match letter {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        'w' => "[a-zA-Z0-9_]",
        'W' => "[^a-zA-Z0-9_]",
        's' if java => r"[\x{9}-\x{D}\x{20}]",
        'S' if java => r"[^\x{9}-\x{D}\x{20}]",
        's' => {
            r"[\x{9}-\x{D}\x{20}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}\x{FEFF}]"
        }
        'S' => {
            r"[^\x{9}-\x{D}\x{20}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}\x{FEFF}]"
        }
        'h' if java => {
            r"[\x{9}\x{20}\x{A0}\x{1680}\x{180E}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}]"
        }
        'H' if java => {
            r"[^\x{9}\x{20}\x{A0}\x{1680}\x{180E}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}]"
        }
        'v' if java => r"[\x{A}-\x{D}\x{85}\x{2028}\x{2029}]",
        'V' if java => r"[^\x{A}-\x{D}\x{85}\x{2028}\x{2029}]",
        _ => return None,
    })
}

/// `\0n`, `\0nn`, `\0mnn`; nothing behind it is NUL in ECMA.
fn octal(reader: &mut Reader<'_>) -> Result<char, PatternError> {
    let (mut value, mut digits) = (0, 0);
    while let Some(digit) = reader.peek().and_then(|next| next.to_digit(8)) {
        let fits = digits < 2 || digits == 2 && value < 0o40;
        if !fits {
            break;
        }
        value = value * 8 + digit;
        digits += 1;
        reader.next();
    }
    if digits == 0 && reader.dialect == Dialect::Java {
        return Err(reader.wrong("an octal escape without digits"));
    }
    char::from_u32(value).ok_or_else(|| reader.wrong("an escape of no character"))
}

fn hexadecimal(reader: &mut Reader<'_>) -> Result<char, PatternError> {
    let value = if reader.eat("{") {
        let digits = reader.until('}').filter(|digits| digits.len() <= 6);
        digits.and_then(|digits| u32::from_str_radix(&digits, 16).ok())
    } else {
        fixed(reader, 2)
    };
    value
        .and_then(char::from_u32)
        .ok_or_else(|| reader.wrong("an escape of no character"))
}

/// `\uhhhh`, of which two can be one character.
fn unicode(reader: &mut Reader<'_>) -> Result<char, PatternError> {
    let first = fixed(reader, 4);
    let value = match first {
        Some(high @ 0xD800..=0xDBFF) if reader.eat("\\u") => fixed(reader, 4)
            .filter(|low| (0xDC00..=0xDFFF).contains(low))
            .map(|low| 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)),
        other => other,
    };
    value
        .and_then(char::from_u32)
        .ok_or_else(|| reader.wrong("an escape of no character"))
}

fn fixed(reader: &mut Reader<'_>, digits: usize) -> Option<u32> {
    let mut value = 0;
    for _ in 0..digits {
        value = value * 16 + reader.next()?.to_digit(16)?;
    }
    Some(value)
}

fn control(reader: &mut Reader<'_>) -> Result<char, PatternError> {
    reader
        .next()
        .filter(char::is_ascii)
        .and_then(|one| char::from_u32(u32::from(one.to_ascii_uppercase()) ^ 64))
        .ok_or_else(|| reader.wrong("a control escape of no character"))
}

/// `\p{Name}`, `\pL` and their opposites.
fn property(reader: &mut Reader<'_>, negated: bool) -> Result<String, PatternError> {
    let name = if reader.eat("{") {
        reader.until('}')
    } else {
        reader.next().map(String::from)
    };
    let plain = |name: &String| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_=".contains(&byte))
    };
    let name = name
        .filter(plain)
        .ok_or_else(|| reader.wrong("a property without a name"))?;
    let ranges = match name.as_str() {
        "Lower" => "a-z",
        "Upper" => "A-Z",
        "ASCII" => r"\x{0}-\x{7F}",
        "Alpha" => "a-zA-Z",
        "Digit" => "0-9",
        "Alnum" => "a-zA-Z0-9",
        "Punct" => r"\x{21}-\x{2F}\x{3A}-\x{40}\x{5B}-\x{60}\x{7B}-\x{7E}",
        "Graph" => r"\x{21}-\x{7E}",
        "Print" => r"\x{20}-\x{7E}",
        "Blank" => r"\x{9}\x{20}",
        "Cntrl" => r"\x{0}-\x{1F}\x{7F}",
        "XDigit" => "0-9a-fA-F",
        "Space" => r"\x{9}-\x{D}\x{20}",
        "javaLowerCase" => r"\p{Lowercase}",
        "javaUpperCase" => r"\p{Uppercase}",
        "javaWhitespace" => r"\p{White_Space}",
        other => {
            let known = other.strip_prefix("Is").unwrap_or(other);
            let not = if negated { 'P' } else { 'p' };
            return Ok(format!(r"[\{not}{{{known}}}]"));
        }
    };
    let not = if negated { "^" } else { "" };
    Ok(format!("[{not}{ranges}]"))
}
