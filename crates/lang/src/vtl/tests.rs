//! Templates and what they render.

mod gateway;
mod golden;
mod hostile;
mod language;
mod recorded;

use std::collections::BTreeMap;

use super::{Inputs, Limits, Overrides, Parameters, RenderError, Template};

/// Renders with a body and nothing else.
pub(super) fn render(template: &str, body: &str) -> Result<String, RenderError> {
    render_with(template, body, &mut Overrides::default())
}

fn render_with(
    template: &str,
    body: &str,
    overrides: &mut Overrides,
) -> Result<String, RenderError> {
    render_within(Limits::default(), template, body, overrides)
}

fn render_within(
    limits: Limits,
    template: &str,
    body: &str,
    overrides: &mut Overrides,
) -> Result<String, RenderError> {
    let parameters = Parameters {
        path: vec![("id".to_owned(), "7".to_owned())],
        querystring: vec![
            ("q".to_owned(), "a b".to_owned()),
            ("id".to_owned(), "8".to_owned()),
        ],
        header: vec![("X-Test".to_owned(), "yes".to_owned())],
    };
    let context = serde_json::json!({
        "requestId": "r-1",
        "identity": {"sourceIp": "192.0.2.1"},
        "authorizer": {"claims": {"sub": "u"}},
        "requestTimeEpoch": 1_700_000_000_123_i64,
    });
    let stage_variables = BTreeMap::from([("colour".to_owned(), "green".to_owned())]);
    let inputs = Inputs {
        body,
        notes: None,
        parameters: &parameters,
        context: &context,
        stage_variables: &stage_variables,
        limits,
    };
    let template = Template::parse(template).unwrap_or_else(|error| panic!("{template}: {error}"));
    template.render(&inputs, overrides)
}
