//! What must hold for any text that is given as a mapping.

use std::borrow::Cow;

use super::{EXPRESSION_BYTES_MAX, Expression, Mapped, Source, Target, is_name};

/// A request that has a little of everything.
struct Request;

impl Source for Request {
    fn request_path(&self, name: &str) -> Option<Cow<'_, str>> {
        (name == "id").then_some(Cow::Borrowed("a/b"))
    }
    fn request_query(&self, name: &str) -> Vec<Cow<'_, str>> {
        vec![Cow::Borrowed("1"); name.len() % 3]
    }
    fn request_header(&self, name: &str) -> Vec<Cow<'_, str>> {
        vec![Cow::Borrowed("2"); name.len() % 3]
    }
    fn body(&self) -> Option<&str> {
        Some(r#"{"a":[1,"b",{"c":null}],"d":{"e":[[true]]}}"#)
    }
    fn integration_header(&self, name: &str) -> Vec<Cow<'_, str>> {
        self.request_header(name)
    }
    fn integration_body(&self) -> Option<&str> {
        Some("[not json")
    }
    fn stage_variable(&self, name: &str) -> Option<Cow<'_, str>> {
        (name == "v").then_some(Cow::Borrowed("w"))
    }
    fn context(&self, path: &str) -> Option<String> {
        (path.len() > 3).then(|| path.to_owned())
    }
}

/// Reads and evaluates any text as an expression and as a target.
///
/// # Panics
/// When an accepted expression is too long, makes an empty list, or evaluates to another text than
/// the one between its quotes; when an accepted target has a name that no target has.
pub fn mapping(text: &str) {
    if let Ok(expression) = Expression::parse(text) {
        let value = expression.evaluate(&Request);
        if let Ok(Some(Mapped::Many(values))) = &value {
            assert!(!values.is_empty(), "an absent parameter makes no list");
        }
        let inside = text.trim().strip_prefix('\'');
        if let Some(inside) = inside.and_then(|inside| inside.strip_suffix('\'')) {
            assert!(
                text.trim().len() <= EXPRESSION_BYTES_MAX,
                "texts are bounded"
            );
            assert_eq!(
                value,
                Ok(Some(Mapped::One(inside.to_owned()))),
                "texts stay as they are"
            );
        }
    }
    let targets = [
        Target::parse_request(text),
        Target::parse_response(text),
        Target::parse_gateway(text),
    ];
    for target in targets.into_iter().flatten() {
        assert!(is_name(target.name()), "targets have names");
    }
}
