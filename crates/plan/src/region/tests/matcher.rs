//! The router against a matcher that is written from the rules and tries every route.

use std::{cmp::Ordering, sync::Arc};

use model::{HttpContent, RouteKey, Segment};
use percent_encoding::percent_decode_str;
use proptest::prelude::*;

use super::super::{route::RoutePlan, router::Router, vpc_links::Links};

/// The route that should answer: all that match, sorted by the rules.
fn expected<'k>(keys: &'k [RouteKey], method: &str, path: &str) -> Option<&'k RouteKey> {
    let segments: Vec<&str> = path.split('/').collect();
    let mut matching: Vec<&RouteKey> = keys
        .iter()
        .filter(|key| matches(key, method, &segments))
        .collect();
    matching.sort_by(|a, b| rank(a, b));
    matching.first().copied()
}

fn matches(key: &RouteKey, method: &str, segments: &[&str]) -> bool {
    let RouteKey::Path { method: own, path } = key else {
        return true;
    };
    if own.as_ref().is_some_and(|own| own != method) {
        return false;
    }
    let greedy = matches!(path.0.last(), Some(Segment::Greedy(_)));
    let fixed = path.0.len() - usize::from(greedy);
    let rest = segments.get(fixed..);
    let rest_fits = match rest {
        Some(rest) if greedy => !rest.is_empty() && rest != [""],
        Some(rest) => rest.is_empty(),
        None => false,
    };
    let decoded = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
    rest_fits
        && path
            .0
            .iter()
            .zip(segments)
            .all(|(pattern, segment)| match pattern {
                Segment::Literal(text) => decoded(text) == decoded(segment),
                Segment::Variable(_) => !segment.is_empty(),
                Segment::Greedy(_) => true,
            })
}

/// Exact before greedy before `$default`; then literal before variable before greedy, position by
/// position; then a method before `ANY`.
fn rank(a: &RouteKey, b: &RouteKey) -> Ordering {
    let class = |key: &RouteKey| match key {
        RouteKey::Default | RouteKey::Message(_) => 2,
        RouteKey::Path { path, .. } => u8::from(matches!(path.0.last(), Some(Segment::Greedy(_)))),
    };
    let pattern = |key: &RouteKey| match key {
        RouteKey::Default | RouteKey::Message(_) => Vec::new(),
        RouteKey::Path { path, .. } => path
            .0
            .iter()
            .map(|segment| match segment {
                Segment::Literal(_) => 0,
                Segment::Variable(_) => 1,
                Segment::Greedy(_) => 2,
            })
            .collect(),
    };
    let any = |key: &RouteKey| matches!(key, RouteKey::Path { method: None, .. });
    class(a)
        .cmp(&class(b))
        .then_with(|| pattern(a).cmp(&pattern(b)))
        .then_with(|| any(a).cmp(&any(b)))
}

fn segment() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[ab]".prop_map(String::from),
        1 => Just("%61".to_owned()),
        1 => Just("a%2Fb".to_owned()),
        2 => Just("{v}".to_owned()),
    ]
}

fn key() -> impl Strategy<Value = RouteKey> {
    let method = prop_oneof![Just("GET"), Just("POST"), Just("ANY")];
    let tail = prop_oneof![3 => Just(""), 2 => Just("/{rest+}"), 1 => Just("/")];
    let path = (prop::collection::vec(segment(), 0..4), tail);
    let path = path.prop_map(|(segments, tail)| {
        // Variables of one route need names of their own.
        let mut text = String::new();
        for (at, segment) in segments.iter().enumerate() {
            text.push('/');
            text.push_str(&segment.replace("{v}", &format!("{{v{at}}}")));
        }
        text.push_str(tail);
        if text.is_empty() {
            "/".to_owned()
        } else {
            text
        }
    });
    prop_oneof![
        12 => (method, path)
            .prop_map(|(method, path)| RouteKey::parse(&format!("{method} {path}")).unwrap()),
        1 => Just(RouteKey::Default),
    ]
}

fn path() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        6 => "[abc]".prop_map(String::from),
        1 => Just("%61".to_owned()),
        1 => Just("a%2fb".to_owned()),
        1 => Just(String::new()),
    ];
    prop::collection::vec(segment, 1..6).prop_map(|segments| segments.join("/"))
}

/// Patterns that match the same paths with the same method; the router keeps the first.
fn same_place(a: &RouteKey, b: &RouteKey) -> bool {
    let (
        RouteKey::Path {
            method: one,
            path: a,
        },
        RouteKey::Path {
            method: two,
            path: b,
        },
    ) = (a, b)
    else {
        return a == b;
    };
    let decoded = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
    one == two
        && a.0.len() == b.0.len()
        && a.0.iter().zip(&b.0).all(|pair| match pair {
            (Segment::Literal(a), Segment::Literal(b)) => decoded(a) == decoded(b),
            (Segment::Variable(_), Segment::Variable(_)) => true,
            (Segment::Greedy(_), Segment::Greedy(_)) => true,
            _ => false,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn router_agrees_with_the_rules(
        keys in prop::collection::vec(key(), 0..12),
        paths in prop::collection::vec(path(), 1..12),
    ) {
        let mut router = Router::default();
        let mut kept: Vec<RouteKey> = Vec::new();
        let (stage, links) = (super::stage("s", None, &[]), Default::default());
        let links = Links::new(&links);
        for (index, key) in keys.into_iter().enumerate() {
            let mut route = super::route(index, "$default", None);
            route.key = key.clone();
            let (plan, _) =
                RoutePlan::compile(&route, &HttpContent::default(), (&stage, &links));
            let taken = kept.iter().any(|other| same_place(other, &key));
            prop_assert_eq!(router.insert(&key, Arc::new(plan)), !taken);
            if !taken {
                kept.push(key);
            }
        }
        for path in &paths {
            for method in ["GET", "POST", "PUT"] {
                let found = router.find(method, path).map(|route| route.key().to_string());
                let expected = expected(&kept, method, path).map(ToString::to_string);
                prop_assert_eq!(found, expected, "{} /{}", method, path);
            }
        }
    }
}
