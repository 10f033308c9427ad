//! Requests that botocore has signed, from `botocore.json` (see `tests/clients/sigv4_vectors.py`).

use serde_json::Value;

use super::{NOW_MS, Refusal, Sent, verify_at};

fn all(kind: &str) -> Vec<Sent> {
    let vectors: Value = serde_json::from_str(include_str!("botocore.json")).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let one = |vector: &Value| Sent {
        method: text(&vector["method"]),
        target: text(&vector["target"]),
        headers: vector["headers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| (text(&line[0]), text(&line[1])))
            .collect(),
        body: text(&vector["body"]).into_bytes(),
    };
    vectors[kind].as_array().unwrap().iter().map(one).collect()
}

#[test]
fn what_botocore_signs_is_accepted() {
    let both: Vec<Sent> = all("header").into_iter().chain(all("query")).collect();
    assert!(both.len() > 35);
    for request in both {
        assert_eq!(verify_at(&request, NOW_MS), Ok(()), "{request:?}");
        let mut other = request.clone();
        other.body.push(b' ');
        assert_eq!(
            verify_at(&other, NOW_MS),
            Err(Refusal::Mismatch),
            "{request:?}"
        );
        let mut other = request.clone();
        other.method = "HEAD".to_owned();
        assert_eq!(
            verify_at(&other, NOW_MS),
            Err(Refusal::Mismatch),
            "{request:?}"
        );
    }
}

#[test]
fn a_declared_payload_hash_must_be_the_bodys() {
    for mut request in all("header") {
        // Not signed, so that nothing but the hash itself is wrong.
        let wrong = "0".repeat(64);
        request
            .headers
            .push(("x-amz-content-sha256".to_owned(), wrong));
        assert_eq!(verify_at(&request, NOW_MS), Err(Refusal::Mismatch));
    }
}
