//! Lists in pages: `?maxResults=&nextToken=` in, `items` and `nextToken` out (v1 has other names).
//!
//! A token is the key of the last item shown, so that a page continues at the right place even if
//! items have come or gone in between. It is hexadecimal to be opaque, not to be secret.

use serde::Serialize;

use crate::{
    answer::Answer,
    call::Call,
    limits::{PAGE_ITEMS, PAGE_ITEMS_MAX},
    refusal::Refusal,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListShape<T> {
    items: Vec<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// The page of `items` (ordered by their keys) that the call asks for.
pub(crate) fn page<'c, T: Serialize>(
    call: &Call<'_>,
    items: impl Iterator<Item = (&'c str, T)>,
) -> Result<Answer, Refusal> {
    let (items, next_token) = cut(call, &V2, items)?;
    Answer::ok(&ListShape { items, next_token })
}

/// What the parameters of a list are called.
pub(crate) struct Names {
    pub(crate) token: &'static str,
    pub(crate) count: &'static str,
}

const V2: Names = Names {
    token: "nextToken",
    count: "maxResults",
};

/// The items of a page, and the token of the next one if there is one.
pub(crate) fn cut<K: AsRef<str>, T>(
    call: &Call<'_>,
    names: &Names,
    items: impl Iterator<Item = (K, T)>,
) -> Result<(Vec<T>, Option<String>), Refusal> {
    let invalid = || Refusal::bad(format!("Invalid {}", names.token));
    let after = match call.query(names.token).filter(|token| !token.is_empty()) {
        Some(token) => Some(decode(token).ok_or_else(invalid)?),
        None => None,
    };
    let count = count(call, names.count)?;
    let after = after.as_deref();
    let mut rest = items.filter(|(key, _)| after.is_none_or(|after| key.as_ref() > after));
    let shown: Vec<(K, T)> = rest.by_ref().take(count).collect();
    let more = rest.next().is_some();
    let next = shown.last().filter(|_| more);
    let next = next.map(|(key, _)| encode(key.as_ref()));
    Ok((shown.into_iter().map(|(_, item)| item).collect(), next))
}

fn count(call: &Call<'_>, name: &str) -> Result<usize, Refusal> {
    let Some(text) = call.query(name).filter(|text| !text.is_empty()) else {
        return Ok(PAGE_ITEMS);
    };
    match text.parse::<usize>() {
        Ok(count) if count > 0 => Ok(count.min(PAGE_ITEMS_MAX)),
        _ => Err(Refusal::bad(format!(
            "{name} must be a whole number greater than 0"
        ))),
    }
}

fn encode(key: &str) -> String {
    key.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn decode(token: &str) -> Option<String> {
    let digits: Option<Vec<u8>> = token
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    let bytes = digits
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit));
    String::from_utf8(bytes.collect()).ok()
}
