//! Record data in wire form, for the types that are answered as they are configured.
//!
//! Names in it are never compressed (RFC 3597, section 4) and in lower case, which is also the form
//! that is signed. Deliberately no types that lead our own look-ups: addresses, aliases and name
//! servers keep their meaning in `Node`.

use model::{RecordValue, Service};

use crate::zone::{DS, WireName};

/// Numbers of the types.
const MX: u16 = 15;
const TXT: u16 = 16;
const SRV: u16 = 33;
const SVCB: u16 = 64;
const HTTPS: u16 = 65;
const CAA: u16 = 257;

/// The type's number and the data; none for types that `Node` knows by itself.
pub(super) fn of(value: &RecordValue) -> Result<Option<(u16, Vec<u8>)>, String> {
    let mut wire = Vec::new();
    let kind = match value {
        RecordValue::A(_) | RecordValue::Aaaa(_) | RecordValue::Cname(_) | RecordValue::Ns(_) => {
            return Ok(None);
        }
        RecordValue::Mx {
            preference,
            exchange,
        } => {
            wire.extend(preference.to_be_bytes());
            wire.extend(target(exchange)?);
            MX
        }
        RecordValue::Txt(texts) => {
            if texts.is_empty() {
                return Err("a TXT record has at least one string".to_owned());
            }
            for text in texts {
                push_text(&mut wire, text)?;
            }
            TXT
        }
        RecordValue::Srv {
            priority,
            weight,
            port,
            target: host,
        } => {
            for field in [priority, weight, port] {
                wire.extend(field.to_be_bytes());
            }
            wire.extend(target(host)?);
            SRV
        }
        RecordValue::Caa { flags, tag, value } => {
            wire.push(*flags);
            push_text(&mut wire, tag.as_bytes())?;
            wire.extend(value);
            CAA
        }
        RecordValue::Ds {
            tag,
            algorithm,
            digest_type,
            digest,
        } => {
            wire.extend(tag.to_be_bytes());
            wire.extend([*algorithm, *digest_type]);
            wire.extend(digest);
            DS
        }
        RecordValue::Https(service) => {
            push_service(&mut wire, service)?;
            HTTPS
        }
        RecordValue::Svcb(service) => {
            push_service(&mut wire, service)?;
            SVCB
        }
    };
    if wire.len() > usize::from(u16::MAX) {
        return Err("the record is longer than 65,535 bytes".to_owned());
    }
    Ok(Some((kind, wire)))
}

/// A host's name, or the root for "none" or "the same".
fn target(name: &str) -> Result<Vec<u8>, String> {
    if name == "." {
        return Ok(vec![0]);
    }
    let name = WireName::parse(name).map_err(|error| error.to_string())?;
    Ok(name.as_bytes().to_vec())
}

fn push_text(wire: &mut Vec<u8>, text: &[u8]) -> Result<(), String> {
    let length = u8::try_from(text.len())
        .map_err(|_| "a string of the record is longer than 255 bytes".to_owned())?;
    wire.push(length);
    wire.extend(text);
    Ok(())
}

/// Parameters are in order of their numbers (RFC 9460, section 2.2), which the map sees to.
fn push_service(wire: &mut Vec<u8>, service: &Service) -> Result<(), String> {
    wire.extend(service.priority.to_be_bytes());
    wire.extend(target(&service.target)?);
    for (key, value) in &service.params {
        let length = u16::try_from(value.len())
            .map_err(|_| "a parameter is longer than 65,535 bytes".to_owned())?;
        wire.extend(key.to_be_bytes());
        wire.extend(length.to_be_bytes());
        wire.extend(value);
    }
    Ok(())
}
