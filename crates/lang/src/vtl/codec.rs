//! The codings of `$util`: form encoding, base64, and texts of JavaScript.

use std::fmt::Write as _;

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// As `java.net.URLEncoder` does: a blank is a plus sign, and `-_.*` stay.
pub(super) fn url_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() + text.len() / 2);
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' => {
                encoded.push(char::from(byte));
            }
            b' ' => encoded.push('+'),
            _ => {
                let _written = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

/// As `java.net.URLDecoder` does; bytes that are not UTF-8 become replacement characters. `None`
/// when a percent sign is not followed by two digits.
pub(super) fn url_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Base64 of the text's UTF-8 bytes, with padding.
pub(super) fn base64_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len().div_ceil(3) * 4);
    for chunk in text.as_bytes().chunks(3) {
        let byte = |at| chunk.get(at).copied().map_or(0, u32::from);
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let index = bits >> (18 - 6 * digit) & 63;
            let symbol = usize::try_from(index)
                .ok()
                .and_then(|index| BASE64.get(index));
            let is_padding = digit > chunk.len();
            encoded.push(if is_padding {
                '='
            } else {
                symbol.copied().map_or('=', char::from)
            });
        }
    }
    encoded
}

/// The text behind base64, standard or URL-safe; line breaks and other characters that are not
/// of the alphabet are skipped, as Java's MIME decoder does.
pub(super) fn base64_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for byte in text.bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => break,
            _ => continue,
        };
        bits = (bits << 6 | u32::from(six)) & 0x00ff_ffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).unwrap_or_default());
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// As `StringEscapeUtils.escapeJavaScript` of Apache Commons Lang does: both quotes, the backslash
/// and the slash get one, and everything outside printable ASCII becomes `\uXXXX`.
pub(super) fn escape_java_script(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    for unit in text.chars() {
        match unit {
            '\'' | '"' | '\\' | '/' => {
                escaped.push('\\');
                escaped.push(unit);
            }
            '\u{8}' => escaped.push_str("\\b"),
            '\n' => escaped.push_str("\\n"),
            '\t' => escaped.push_str("\\t"),
            '\u{c}' => escaped.push_str("\\f"),
            '\r' => escaped.push_str("\\r"),
            ' '..='\u{7f}' => escaped.push(unit),
            _ => {
                for unit in unit.encode_utf16(&mut [0; 2]) {
                    let _written = write!(escaped, "\\u{unit:04X}");
                }
            }
        }
    }
    escaped
}
