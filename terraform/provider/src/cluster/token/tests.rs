//! Tokens: their text is shown once, and who needs a place has one.

use serde_json::json;

use super::{check, is_past, state};
use crate::cty::Value;

#[test]
fn the_text_is_kept_when_the_cluster_shows_it_no_more() {
    let answer = json!({ "id": "t1", "role": "dns", "place": "", "maxUses": 2, "usedBy": [4] });
    let read = state(&answer);
    assert!(read.map().is_some_and(|map| !map.contains_key("token")));
    assert!(read.attribute("place").is_null());
    assert_eq!(read.whole("max_uses"), Some(2));
}

#[test]
fn a_place_fits_its_role() {
    let config = |role: &str, place: Value| Value::object().with("role", role).with("place", place);
    assert!(check(&config("dns", Value::Null)).is_empty());
    assert!(check(&config("pop", "pop-1".into())).is_empty());
    assert!(check(&config("pop", Value::Unknown)).is_empty());
    assert_eq!(check(&config("dns", "pop-1".into())).len(), 1);
    assert_eq!(check(&config("region", Value::Null)).len(), 1);
}

#[test]
fn a_date_that_cannot_be_read_is_not_past() {
    assert!(is_past(Some("2020-01-01T00:00:00Z")));
    assert!(!is_past(Some("2999-01-01T00:00:00.123Z")));
    assert!(!is_past(Some("yesterday")));
    assert!(!is_past(None));
}
