//! The value of a DNS record as text, in the form of zone files (RFC 1035, section 5.1): read at
//! the border, and shown again so that what is shown can be put back.
//!
//! Deliberately no escapes for arbitrary bytes other than `\"`, `\\` and `\DDD`, and of the
//! parameters of HTTPS and SVCB records only those a gateway's zone needs by name; others are
//! written `keyNNN="..."`.

use std::{
    fmt::Write,
    net::{Ipv4Addr, Ipv6Addr},
};

use model::{RecordValue, Service};

use super::zones::dns_name;
use crate::refusal::Refusal;

/// Longest value text.
pub(super) const VALUE_BYTES_MAX: usize = 4_096;
/// What may be given as `type`.
pub(super) const KINDS: &str = "A, AAAA, CAA, CNAME, DS, HTTPS, MX, NS, SRV, SVCB or TXT";
/// Longest string of a TXT record; longer texts become several.
const TEXT_BYTES_MAX: usize = 255;

/// Reads a value of type `kind`; none for a type that there is not.
pub(super) fn read(kind: &str, text: &str) -> Result<Option<RecordValue>, Refusal> {
    let words = words(text).ok_or_else(|| bad(kind, text))?;
    let mut words = Words {
        kind,
        text,
        words: words.into_iter(),
    };
    let value = match kind {
        "A" => RecordValue::A(words.parse()?),
        "AAAA" => RecordValue::Aaaa(words.parse()?),
        "CNAME" => RecordValue::Cname(dns_name(&words.text()?)?),
        "NS" => RecordValue::Ns(dns_name(&words.text()?)?),
        "MX" => RecordValue::Mx {
            preference: words.parse()?,
            exchange: words.target()?,
        },
        "TXT" => RecordValue::Txt(words.texts()?),
        "SRV" => RecordValue::Srv {
            priority: words.parse()?,
            weight: words.parse()?,
            port: words.parse()?,
            target: words.target()?,
        },
        "CAA" => RecordValue::Caa {
            flags: words.parse()?,
            tag: words.tag()?,
            value: words.next()?.bytes,
        },
        "DS" => RecordValue::Ds {
            tag: words.parse()?,
            algorithm: words.parse()?,
            digest_type: words.parse()?,
            digest: words.hex()?,
        },
        "HTTPS" => RecordValue::Https(words.service()?),
        "SVCB" => RecordValue::Svcb(words.service()?),
        _ => return Ok(None),
    };
    if words.words.next().is_some() {
        return Err(bad(kind, text));
    }
    Ok(Some(value))
}

/// The type's name and the value as text.
pub(super) fn show(value: &RecordValue) -> (&'static str, String) {
    match value {
        RecordValue::A(address) => ("A", address.to_string()),
        RecordValue::Aaaa(address) => ("AAAA", address.to_string()),
        RecordValue::Cname(name) => ("CNAME", name.clone()),
        RecordValue::Ns(name) => ("NS", name.clone()),
        RecordValue::Mx {
            preference,
            exchange,
        } => ("MX", format!("{preference} {exchange}")),
        RecordValue::Txt(texts) => {
            let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
            ("TXT", texts.join(" "))
        }
        RecordValue::Srv {
            priority,
            weight,
            port,
            target,
        } => ("SRV", format!("{priority} {weight} {port} {target}")),
        RecordValue::Caa { flags, tag, value } => {
            ("CAA", format!("{flags} {tag} {}", quoted(value)))
        }
        RecordValue::Ds {
            tag,
            algorithm,
            digest_type,
            digest,
        } => {
            let digest = hex(digest);
            ("DS", format!("{tag} {algorithm} {digest_type} {digest}"))
        }
        RecordValue::Https(service) => ("HTTPS", show_service(service)),
        RecordValue::Svcb(service) => ("SVCB", show_service(service)),
    }
}

fn bad(kind: &str, text: &str) -> Refusal {
    Refusal::bad(format!("{text} is no value of a {kind} record"))
}

/// A word of a value.
#[derive(Clone, Debug, Default)]
struct Word {
    bytes: Vec<u8>,
    quoted: bool,
}

/// Splits at blanks outside quotes and takes quotes and escapes away; none if a quote or an escape
/// has no end.
fn words(text: &str) -> Option<Vec<Word>> {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut inside = false;
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => {
                inside = !inside;
                word.get_or_insert_default().quoted = true;
            }
            b' ' | b'\t' if !inside => words.extend(word.take()),
            b'\\' => {
                let escaped = match bytes.next()? {
                    first @ b'0'..=b'9' => {
                        let digits = [first, bytes.next()?, bytes.next()?];
                        std::str::from_utf8(&digits).ok()?.parse::<u8>().ok()?
                    }
                    other => other,
                };
                word.get_or_insert_default().bytes.push(escaped);
            }
            other => word.get_or_insert_default().bytes.push(other),
        }
    }
    words.extend(word);
    (!inside).then_some(words)
}

/// The words of a value that is being read.
struct Words<'a> {
    kind: &'a str,
    text: &'a str,
    words: std::vec::IntoIter<Word>,
}

impl Words<'_> {
    fn bad(&self) -> Refusal {
        bad(self.kind, self.text)
    }

    fn next(&mut self) -> Result<Word, Refusal> {
        self.words.next().ok_or_else(|| self.bad())
    }

    fn text(&mut self) -> Result<String, Refusal> {
        String::from_utf8(self.next()?.bytes).map_err(|_| self.bad())
    }

    fn parse<T: std::str::FromStr>(&mut self) -> Result<T, Refusal> {
        self.text()?.parse().map_err(|_| self.bad())
    }

    /// A host, or `.` for none.
    fn target(&mut self) -> Result<String, Refusal> {
        let text = self.text()?;
        if text == "." {
            return Ok(text);
        }
        dns_name(&text)
    }

    fn tag(&mut self) -> Result<String, Refusal> {
        let tag = self.text()?.to_ascii_lowercase();
        let plain = (1..=15).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric());
        plain.then_some(tag).ok_or_else(|| self.bad())
    }

    fn hex(&mut self) -> Result<Vec<u8>, Refusal> {
        let text: Vec<u8> = self.words.by_ref().flat_map(|word| word.bytes).collect();
        let digit = |byte: &u8| char::from(*byte).to_digit(16);
        let pair = |pair: &[u8]| match pair {
            [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
            _ => None,
        };
        let bytes: Option<Vec<u8>> = text.chunks(2).map(pair).collect();
        bytes
            .filter(|bytes| !bytes.is_empty())
            .ok_or_else(|| self.bad())
    }

    /// Without quotes, the whole text is one string.
    fn texts(&mut self) -> Result<Vec<Vec<u8>>, Refusal> {
        let words: Vec<Word> = self.words.by_ref().collect();
        let split = |bytes: &[u8]| -> Vec<Vec<u8>> {
            if bytes.is_empty() {
                return vec![Vec::new()];
            }
            bytes.chunks(TEXT_BYTES_MAX).map(<[u8]>::to_vec).collect()
        };
        if words.iter().any(|word| word.quoted) {
            return Ok(words.iter().flat_map(|word| split(&word.bytes)).collect());
        }
        if words.is_empty() {
            return Err(self.bad());
        }
        Ok(split(self.text.trim().as_bytes()))
    }

    fn service(&mut self) -> Result<Service, Refusal> {
        let priority = self.parse()?;
        let target = self.target()?;
        let mut service = Service {
            priority,
            target,
            params: std::collections::BTreeMap::new(),
        };
        while let Some(word) = self.words.next() {
            let text = String::from_utf8(word.bytes).map_err(|_| self.bad())?;
            let (key, value) = text.split_once('=').unwrap_or((&text, ""));
            let (key, value) = param(key, value).ok_or_else(|| self.bad())?;
            if service.params.insert(key, value).is_some() {
                return Err(self.bad());
            }
        }
        Ok(service)
    }
}

/// Keys of the parameters with names.
const PARAMS: [(&str, u16); 5] = [
    ("alpn", 1),
    ("no-default-alpn", 2),
    ("port", 3),
    ("ipv4hint", 4),
    ("ipv6hint", 6),
];

fn param(key: &str, value: &str) -> Option<(u16, Vec<u8>)> {
    let known = PARAMS.iter().find(|(name, _)| *name == key);
    let number = match known {
        Some((_, number)) => *number,
        None => key.strip_prefix("key")?.parse().ok()?,
    };
    let mut wire = Vec::new();
    match number {
        1 => {
            for name in value.split(',') {
                let length = u8::try_from(name.len()).ok().filter(|length| *length > 0)?;
                wire.push(length);
                wire.extend(name.as_bytes());
            }
        }
        2 if value.is_empty() => {}
        2 => return None,
        3 => wire.extend(value.parse::<u16>().ok()?.to_be_bytes()),
        4 => {
            for address in value.split(',') {
                wire.extend(address.parse::<Ipv4Addr>().ok()?.octets());
            }
        }
        6 => {
            for address in value.split(',') {
                wire.extend(address.parse::<Ipv6Addr>().ok()?.octets());
            }
        }
        _ => wire.extend(value.as_bytes()),
    }
    Some((number, wire))
}

fn show_service(service: &Service) -> String {
    let mut out = format!("{} {}", service.priority, service.target);
    for (number, value) in &service.params {
        let known = PARAMS.iter().find(|(_, known)| known == number);
        let text = known.and_then(|_| show_param(*number, value));
        // Writing to a string cannot fail.
        let _ = match (known, text) {
            (Some((name, _)), Some(text)) if text.is_empty() => write!(out, " {name}"),
            (Some((name, _)), Some(text)) => write!(out, " {name}={text}"),
            _ => write!(out, " key{number}={}", quoted(value)),
        };
    }
    out
}

fn show_param(number: u16, value: &[u8]) -> Option<String> {
    match number {
        1 => {
            let mut names = Vec::new();
            let mut rest = value;
            while let Some((length, behind)) = rest.split_first() {
                let (name, behind) = behind.split_at_checked(usize::from(*length))?;
                names.push(std::str::from_utf8(name).ok()?);
                rest = behind;
            }
            Some(names.join(","))
        }
        2 => Some(String::new()),
        3 => Some(u16::from_be_bytes(value.try_into().ok()?).to_string()),
        4 => addresses(value, |bytes| {
            Some(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).to_string())
        }),
        6 => addresses(value, |bytes| {
            Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).to_string())
        }),
        _ => None,
    }
    .filter(|text| !text.contains(char::is_whitespace))
}

fn addresses(value: &[u8], one: impl Fn(&[u8]) -> Option<String>) -> Option<String> {
    let width = if one(&[0; 4]).is_some() { 4 } else { 16 };
    let all: Option<Vec<String>> = value.chunks(width).map(one).collect();
    Some(all?.join(","))
}

fn quoted(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for byte in bytes {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(*byte)]),
            b' '..=b'~' => out.push(char::from(*byte)),
            other => out.push_str(&format!("\\{other:03}")),
        }
    }
    out.push('"');
    out
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
