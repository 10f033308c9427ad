//! Which node is meant, and when it can be counted on.

use serde_json::{Value as Json, json};

use super::{is_meant, missing};
use crate::cty::Value;

fn node() -> Json {
    json!({
        "id": 3, "role": "region", "place": "eu-west-1", "link": "192.0.2.1:4433", "live": true,
        "draining": false, "leaving": false, "revision": 9, "member": "voter",
    })
}

#[test]
fn a_number_is_enough_and_the_rest_must_fit() {
    let wanted = |names: &[(&str, &str)]| {
        let all = names.iter();
        all.fold(Value::object(), |value, (name, text)| {
            value.with(name, *text)
        })
    };
    let role = ("role", "region");
    assert!(is_meant(&wanted(&[role, ("place", "eu-west-1")]), &node()));
    assert!(!is_meant(&wanted(&[role, ("place", "us-east-1")]), &node()));
    assert!(!is_meant(
        &wanted(&[role, ("link", "192.0.2.2:4433")]),
        &node()
    ));
    let numbered = wanted(&[("role", "pop")]).with("node_id", 3_i64);
    assert!(is_meant(&numbered, &node()));
    let unknown = wanted(&[role]).with("node_id", Value::Unknown);
    assert!(is_meant(&unknown, &node()));
}

#[test]
fn a_node_counts_once_nothing_is_missing() {
    assert_eq!(missing(&node(), 9, true), None);
    for (field, value, word) in [
        ("live", json!(false), "live"),
        ("draining", json!(true), "drains"),
        ("leaving", json!(true), "drains"),
        ("member", Json::Null, "member"),
        ("member", json!("learner"), "vote"),
        ("revision", json!(8), "caught up"),
    ] {
        let mut node = node();
        node[field] = value;
        let why = missing(&node, 9, true);
        assert!(why.is_some_and(|why| why.contains(word)), "{field} {why:?}");
    }
    // Who is only to learn needs no vote, and who is no region no membership.
    let mut learner = node();
    learner["member"] = json!("learner");
    assert_eq!(missing(&learner, 9, false), None);
    let mut pop = node();
    (pop["role"], pop["member"]) = (json!("pop"), Json::Null);
    assert_eq!(missing(&pop, 9, false), None);
}
