//! Documents and requests made at random: nothing panics, refusals say where, and wildcards match
//! what a slower, plainer matcher says.

use proptest::prelude::*;

use super::{Context, Kind, Policy, Verdict, ask, statement};

/// JSON that often looks like a policy.
fn json() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "Version",
        "2012-10-17",
        "Statement",
        "Effect",
        "Allow",
        "Deny",
        "Action",
        "NotAction",
        "apigateway:*",
        "Resource",
        "NotResource",
        "*",
        "arn:aws:apigateway:*::/apis/${a:b}",
        "Condition",
        "StringLike",
        "ForAnyValue:DateLessThanIfExists",
        "aws:SourceIp",
        "10.0.0.0/8",
        "2026-11-21T00:00:00+24:99",
        "Principal",
        "AWS",
        "Null",
        "true",
        "${",
        "Bool",
        "IpAddress",
    ]);
    let leaf = prop_oneof![
        4 => word.clone().prop_map(|word| format!("{word:?}")),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => Just("null".to_owned()),
        1 => any::<bool>().prop_map(|flag| flag.to_string()),
        1 => "\\PC{0,8}".prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    leaf.prop_recursive(5, 48, 5, move |inner| {
        let list = prop::collection::vec(inner.clone(), 0..4);
        let members = prop::collection::vec((word.clone(), inner), 0..5);
        prop_oneof![
            list.prop_map(|items| format!("[{}]", items.join(","))),
            members.prop_map(|members| {
                let members: Vec<String> = members
                    .into_iter()
                    .map(|(name, value)| format!("{name:?}:{value}"))
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

/// Whether `text` is of the form `pattern`, by trying everything.
fn plain(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => (0..=text.len()).any(|at| plain(rest, &text[at..])),
        Some(('?', rest)) => !text.is_empty() && plain(rest, &text[1..]),
        Some((first, rest)) => text.first() == Some(first) && plain(rest, &text[1..]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        let _ = Policy::parse(&text, Kind::Identity);
    }

    #[test]
    fn what_looks_like_a_policy_is_read_or_refused(text in json(), resource in "\\PC{0,40}") {
        for kind in [Kind::Identity, Kind::Resource] {
            match Policy::parse(&text, kind) {
                Ok(policy) => {
                    let context = Context::new();
                    let _ = policy.evaluate(&ask("apigateway:GET", &resource, &context));
                }
                Err(error) => prop_assert!(error.path.starts_with('$'), "{error}"),
            }
        }
    }

    #[test]
    fn a_sound_statement_with_a_random_condition_never_panics(
        condition in json(),
        value in "\\PC{0,30}",
    ) {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"*",
            "Resource":"*","Condition":{condition}}}}}"#
        );
        if let Ok(policy) = Policy::parse(&text, Kind::Identity) {
            let mut context = Context::new();
            context.add("aws:SourceIp", value);
            let _ = policy.evaluate(&ask("a:b", "arn:x", &context));
        }
    }

    #[test]
    fn wildcards_match_as_a_plain_matcher_says(
        pattern in "[ab*?]{0,10}", text in "[ab]{0,12}",
    ) {
        let json = format!(
            r#"{{"Effect":"Allow","Action":"*","Resource":"*",
            "Condition":{{"StringLike":{{"k:x":"{pattern}"}}}}}}"#
        );
        let mut context = Context::new();
        context.add("k:x", text.clone());
        let verdict = statement(&json).evaluate(&ask("a:b", "arn:x", &context));
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        let wanted = plain(&chars(&pattern), &chars(&text));
        prop_assert_eq!(verdict == Verdict::Allowed, wanted);
    }
}
