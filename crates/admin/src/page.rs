//! Lists in pages: `?maxResults=&nextToken=` in, `items` and `nextToken` out.
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
    let after = match call.query("nextToken").filter(|token| !token.is_empty()) {
        Some(token) => Some(decode(token).ok_or_else(|| Refusal::bad("Invalid nextToken"))?),
        None => None,
    };
    let count = count(call)?;
    let mut rest = items.filter(|(key, _)| after.as_deref().is_none_or(|after| *key > after));
    let shown: Vec<(&str, T)> = rest.by_ref().take(count).collect();
    let more = rest.next().is_some();
    let next_token = shown.last().filter(|_| more).map(|(key, _)| encode(key));
    let items = shown.into_iter().map(|(_, item)| item).collect();
    Answer::ok(&ListShape { items, next_token })
}

fn count(call: &Call<'_>) -> Result<usize, Refusal> {
    let Some(text) = call.query("maxResults").filter(|text| !text.is_empty()) else {
        return Ok(PAGE_ITEMS);
    };
    match text.parse::<usize>() {
        Ok(count) if count > 0 => Ok(count.min(PAGE_ITEMS_MAX)),
        _ => Err(Refusal::bad(
            "maxResults must be a whole number greater than 0",
        )),
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
