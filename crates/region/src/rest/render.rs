//! Templates, with what of a request they can see.

use lang::vtl::{Inputs, Limits, Overrides, RenderError, Template};

use super::{Exchange, context};

/// Renders a template. `body` is what `$input` shows: the request's body, or the integration's.
/// What the template overrides is kept for those behind it.
///
/// # Errors
/// The template fails, or what it is given.
pub(crate) fn render(
    exchange: &mut Exchange<'_>,
    template: &Template,
    body: &str,
) -> Result<String, RenderError> {
    if template.uses_parameters() {
        exchange.show_headers();
    }
    let tree = context::part(exchange, |name| template.uses_context(name));
    let mut overrides: Overrides = std::mem::take(&mut exchange.overrides);
    let inputs = Inputs {
        body,
        notes: exchange.noted.as_ref().and_then(|noted| noted.of(body)),
        parameters: &exchange.parameters,
        context: &tree,
        stage_variables: exchange.variables(),
        limits: Limits::default(),
    };
    let rendered = template.render(&inputs, &mut overrides);
    exchange.overrides = overrides;
    rendered
}
