//! What an HTTP API may be configured to do and regions do not do yet.
//!
//! A route that asks for it is broken, with a diagnostic, rather than served without it: a request
//! that no authorizer has judged must not reach a backend, and one that is to be altered must not
//! reach it as it is.

use model::{
    rest::AuthorizationType,
    v2::{Mapping, RouteRules},
};

/// Why an integration of another kind does not run.
pub(super) const KIND: &str = "integrations other than HTTP_PROXY to a public address or through \
                               a VPC link are not served by this version";

/// Why nobody may pass a route.
pub(super) fn authorization(rules: &RouteRules) -> Option<String> {
    let RouteRules {
        authorization: kind,
        api_key_required,
        // They say how, once the kind says that somebody judges.
        authorizer: _,
        scopes: _,
        // Only WebSocket APIs have these, and no route of theirs gets here.
        model_selection: _,
        request_models: _,
        request_parameters: _,
        response_selection: _,
        responses: _,
    } = rules;
    if !matches!(kind, AuthorizationType::None | AuthorizationType::Jwt) {
        return Some(format!(
            "authorization {kind} of this route is not evaluated by this version, so nothing is \
             let through"
        ));
    }
    api_key_required.then(|| "API keys of this route are not checked by this version".to_owned())
}

/// Why requests and answers would not be what the integration says.
pub(super) fn mapping(mapping: &Mapping) -> Option<&'static str> {
    let Mapping {
        // Where it leads, not what is sent.
        connection: _,
        credentials,
        subtype,
        content_handling,
        passthrough: _,
        request_parameters,
        request_templates,
        template_selection,
        response_parameters,
        responses,
    } = mapping;
    if credentials.is_some() || subtype.is_some() {
        return Some("calls to AWS services are not served by this version");
    }
    let plain = request_parameters.is_empty()
        && response_parameters.is_empty()
        && request_templates.is_empty()
        && template_selection.is_none()
        && content_handling.is_none()
        && responses.is_empty();
    (!plain).then_some("parameter mappings are not served by this version")
}
