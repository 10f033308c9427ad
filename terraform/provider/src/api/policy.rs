//! Policies that say the same though they are written otherwise.
//!
//! Policy documents may say one thing as a text or as a list with it, and the order of lists means
//! nothing in them. The API gives back what was written; the comparison is for those who have
//! rewritten it, by hand or by a generator.

use serde_json::{Map, Value as Json};

use crate::cty::Value;

/// Whether two texts are the same policy, or the same JSON where they are none.
pub(super) fn same_policy(a: &Value, b: &Value) -> bool {
    let read = |value: &Value| {
        let json = serde_json::from_str::<Json>(value.as_text()?).ok()?;
        Some(policy(json))
    };
    a == b || read(a).is_some_and(|a| read(b) == Some(a))
}

/// A document in one form.
fn policy(document: Json) -> Json {
    let Json::Object(mut fields) = document else {
        return document;
    };
    if let Some(statements) = fields.remove("Statement") {
        let statements = listed(statements).into_iter().map(statement);
        fields.insert("Statement".to_owned(), statements.collect());
    }
    Json::Object(fields)
}

fn statement(one: Json) -> Json {
    let Json::Object(fields) = one else {
        return one;
    };
    let fields = fields.into_iter().map(|(name, value)| {
        let value = match name.as_str() {
            "Action" | "NotAction" | "Resource" | "NotResource" => sorted(value),
            "Principal" | "NotPrincipal" => each(value, sorted),
            "Condition" => each(value, |operator| each(operator, sorted)),
            _ => value,
        };
        (name, value)
    });
    Json::Object(fields.collect::<Map<_, _>>())
}

/// Alters the members of an object; a text stays one.
fn each(value: Json, alter: fn(Json) -> Json) -> Json {
    match value {
        Json::Object(fields) => {
            let fields = fields.into_iter();
            let fields = fields.map(|(name, value)| (name, alter(value)));
            Json::Object(fields.collect())
        }
        other => other,
    }
}

fn listed(value: Json) -> Vec<Json> {
    match value {
        Json::Array(items) => items,
        one => vec![one],
    }
}

/// A list of texts in one order. Numbers and truths of conditions are compared as texts.
fn sorted(value: Json) -> Json {
    let texts = listed(value).into_iter().map(|item| match item {
        Json::String(text) => text,
        other => other.to_string(),
    });
    let mut texts: Vec<String> = texts.collect();
    texts.sort();
    texts.dedup();
    texts.into()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::same_policy;
    use crate::cty::Value;

    #[track_caller]
    fn check(a: &Json, b: &Json, expected: bool) {
        let text = |json: &Json| Value::from(json.to_string());
        assert_eq!(same_policy(&text(a), &text(b)), expected, "{a} {b}");
    }

    #[test]
    fn lists_of_one_and_orders_make_no_difference() {
        let one = json!({
            "Version": "2012-10-17",
            "Statement": {
                "Effect": "Allow",
                "Principal": { "AWS": "arn:aws:iam::1:user/a" },
                "Action": ["b", "a"],
                "Resource": "*",
                "Condition": { "Bool": { "aws:SecureTransport": true } },
            },
        });
        let other = json!({
            "Statement": [{
                "Action": ["a", "b", "a"],
                "Condition": { "Bool": { "aws:SecureTransport": ["true"] } },
                "Effect": "Allow",
                "Principal": { "AWS": ["arn:aws:iam::1:user/a"] },
                "Resource": ["*"],
            }],
            "Version": "2012-10-17",
        });
        check(&one, &other, true);
        let mut less = other.clone();
        less["Statement"][0]["Action"] = json!(["a"]);
        check(&one, &less, false);
        let mut denied = other;
        denied["Statement"][0]["Effect"] = json!("Deny");
        check(&one, &denied, false);
    }

    #[test]
    fn what_is_no_policy_is_compared_as_it_is() {
        check(&json!([1, 2]), &json!([1, 2]), true);
        check(&json!([1, 2]), &json!([2, 1]), false);
        assert!(!same_policy(&Value::from("{"), &Value::from("[")));
        assert!(same_policy(&Value::from("{"), &Value::from("{")));
    }
}
