//! What anybody may put into a template or send to one, for fuzzers and for property tests:
//! panics when something that must hold does not. Nothing else uses it.

use std::collections::BTreeMap;

use super::{Inputs, Limits, Overrides, Parameters, Template};

/// Parses a template and renders it with a body: both end, within their budget, with a text or an
/// error, and rendering again gives the same.
pub fn template(text: &str, body: &str) {
    let Ok(template) = Template::parse(text) else {
        return;
    };
    let limits = Limits {
        steps: 20_000,
        output_bytes: 64 * 1024,
        memory_bytes: 1024 * 1024,
        ..Limits::default()
    };
    let parameters = Parameters {
        path: vec![("id".to_owned(), "7".to_owned())],
        querystring: vec![("q".to_owned(), "a b".to_owned())],
        header: vec![("X-Test".to_owned(), "yes".to_owned())],
    };
    let context = serde_json::json!({"requestId": "r", "identity": {"sourceIp": "192.0.2.1"}});
    let stage_variables = BTreeMap::from([("v".to_owned(), "1".to_owned())]);
    let inputs = Inputs {
        body,
        notes: None,
        parameters: &parameters,
        context: &context,
        stage_variables: &stage_variables,
        limits,
    };
    let mut overrides = Overrides::default();
    let first = template.render(&inputs, &mut overrides);
    if let Ok(text) = &first {
        assert!(text.len() <= limits.output_bytes, "{}", text.len());
    }
    assert!(
        overrides
            .response
            .status
            .is_none_or(|status| (100..600).contains(&status))
    );
    // A template may read what it has set, so the same start is needed.
    assert_eq!(first, template.render(&inputs, &mut Overrides::default()));
}
