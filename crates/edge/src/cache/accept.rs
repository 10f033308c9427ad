//! Reads `Accept-Encoding` (RFC 9110, section 12.5.3): which coding to use, and which requests
//! accept the same ones.
//!
//! Pure. A weight that is malformed counts as a refusal.

use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

use super::coding::Coding;

/// Most elements that are compared; a longer list is like no other.
const ELEMENTS_MAX: usize = 16;

/// What a request wants to have done with a body that has no coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// The coding it likes best, of those that are made here; none if it likes none better than no
    /// coding at all.
    pub(crate) coding: Option<Coding>,
    /// It does not accept a body without coding.
    pub(crate) plain_refused: bool,
}

/// Weights in thousandths; none: not mentioned.
#[derive(Clone, Copy, Debug, Default)]
struct Weights {
    br: Option<u16>,
    gzip: Option<u16>,
    identity: Option<u16>,
    others: Option<u16>,
}

/// What the request with these headers wants. Without the header it is left as it is: whoever
/// understands codings says so.
pub(crate) fn choice(headers: &HeaderMap) -> Choice {
    let mut weights = Weights::default();
    for (name, weight) in elements(headers) {
        let slot = match name {
            _ if name.eq_ignore_ascii_case(b"br") => &mut weights.br,
            _ if is_gzip(name) => &mut weights.gzip,
            _ if name.eq_ignore_ascii_case(b"identity") => &mut weights.identity,
            b"*" => &mut weights.others,
            _ => continue,
        };
        *slot = Some(slot.map_or(weight, |before| before.min(weight)));
    }
    let of = |named: Option<u16>| named.or(weights.others).unwrap_or(0);
    let (br, gzip) = (of(weights.br), of(weights.gzip));
    let (best, weight) = if br >= gzip {
        (Coding::Brotli, br)
    } else {
        (Coding::Gzip, gzip)
    };
    let plain = weights.identity.unwrap_or(0);
    Choice {
        coding: (weight > 0 && weight >= plain).then_some(best),
        plain_refused: weights.identity.or(weights.others) == Some(0),
    }
}

/// A text that is the same for requests that accept the same codings: an answer to one of them
/// will do for the others, whatever their weights. None if there is no such header, or if it is
/// too long to be compared.
pub(crate) fn normal(headers: &HeaderMap) -> Option<Vec<u8>> {
    headers.get(ACCEPT_ENCODING)?;
    let listed = elements(headers);
    let mut elements: Vec<(Vec<u8>, bool)> = Vec::new();
    for (name, weight) in listed {
        if elements.len() == ELEMENTS_MAX {
            return None;
        }
        let name = if is_gzip(name) {
            b"gzip".to_vec()
        } else {
            name.to_ascii_lowercase()
        };
        elements.push((name, weight > 0));
    }
    let others = elements.iter().find(|(name, _)| name == b"*");
    let others = others.map(|(_, accepted)| *accepted);
    // Refusing what is not accepted anyway, and accepting what is, says nothing.
    elements.retain(|(name, accepted)| {
        name == b"*" || *accepted != others.unwrap_or(name == b"identity")
    });
    elements.sort_unstable();
    elements.dedup();
    let texts = elements.iter().map(|(name, accepted)| {
        let sign: &[u8] = if *accepted { b"" } else { b"!" };
        [sign, name.as_slice()].concat()
    });
    Some(texts.collect::<Vec<_>>().join(&b','))
}

/// Names and weights.
fn elements(headers: &HeaderMap) -> impl Iterator<Item = (&[u8], u16)> {
    let values = headers.get_all(ACCEPT_ENCODING).iter();
    let elements = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    elements.filter_map(|element| {
        let mut parts = element.splitn(2, |byte| *byte == b';');
        let name = parts.next()?.trim_ascii();
        let weight = parts.next().map_or(1_000, weight);
        (!name.is_empty()).then_some((name, weight))
    })
}

fn is_gzip(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"gzip") || name.eq_ignore_ascii_case(b"x-gzip")
}

/// Section 12.4.2, in thousandths.
fn weight(text: &[u8]) -> u16 {
    let Some(value) = text
        .trim_ascii()
        .split_at_checked(2)
        .and_then(|(name, value)| name.eq_ignore_ascii_case(b"q=").then_some(value))
    else {
        return 0;
    };
    let (first, rest) = value.split_first().unwrap_or((&b' ', &[]));
    let decimals = match rest {
        [] => &[],
        [b'.', decimals @ ..] => decimals,
        _ => return 0,
    };
    if !(b'0'..=b'1').contains(first)
        || decimals.len() > 3
        || !decimals.iter().all(u8::is_ascii_digit)
    {
        return 0;
    }
    let digits = decimals.iter().chain(b"000").take(3);
    let thousandths = digits.fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    (u16::from(first - b'0') * 1_000 + thousandths).min(1_000)
}
