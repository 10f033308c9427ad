//! A route ready to run: what it is called in logs, where its parameters stand, what it does.

use std::{collections::BTreeMap, sync::Arc};

use lang::uri_template::{self, UriTemplate, Value};
use model::{
    HttpContent, Integration, IntegrationKind, Route, RouteKey, Segment, Stage,
    rest::{AuthorizationType, IntegrationType},
    v2::RouteRules,
};

use super::{
    api::DEFAULT_STAGE,
    token::TokenAuthorizer,
    unserved,
    vpc_links::{Links, Way},
};

/// A compiled route.
#[derive(Debug)]
pub struct RoutePlan {
    key: Arc<str>,
    parameters: Vec<Parameter>,
    guard: Option<Guard>,
    action: Action,
}

/// Who may use a route.
#[derive(Debug)]
pub struct Guard {
    /// Judges tokens.
    pub authorizer: TokenAuthorizer,
    /// A token must have one of them, if there are any.
    pub scopes: Vec<String>,
}

/// What a route does.
#[derive(Debug)]
pub enum Action {
    /// Passes the request to an HTTP backend.
    HttpProxy(HttpProxy),
    /// Cannot run; requests are answered 500. Says why, as the diagnostic does.
    Broken(Arc<str>),
    /// Of a WebSocket API, which regions do not run; requests are answered 501.
    WebSocket,
}

/// An HTTP integration.
#[derive(Debug)]
pub struct HttpProxy {
    /// Where the backend is; its connections are shared by everything with an equal origin.
    pub origin: Arc<Origin>,
    /// Path and query towards the backend.
    pub uri: UriTemplate,
    /// The method towards the backend; none means the client's.
    pub method: Option<Box<str>>,
    /// The `$default` route appends the request's whole path to the URI.
    pub appends_path: bool,
    /// What is appended begins with this stage's name.
    pub appends_stage: Option<Box<str>>,
    /// Milliseconds until the backend's answer must have begun.
    pub timeout_ms: u32,
}

/// What makes backends the same as far as connections go.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Over TLS.
    pub https: bool,
    /// Name or address, lower case.
    pub host: Box<str>,
    /// TCP port.
    pub port: u16,
    /// The name to verify instead of `host`, and to send as SNI.
    pub server_name: Option<Box<str>>,
    /// What is sent as `Host`.
    pub authority: Box<str>,
    /// Where TLS is not as usual.
    pub tls: OriginTls,
    /// It is reached through connectors, which know its address; `host` and `port` do not count.
    pub via: Option<Arc<Way>>,
}

/// How a backend is spoken to over TLS, where that is not as usual.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct OriginTls {
    /// The id of the client certificate that it is shown.
    pub certificate: Option<Box<str>>,
    /// Its certificate may be of an authority that nobody knows.
    pub any_authority: bool,
}

/// A variable of the route's path.
#[derive(Debug)]
struct Parameter {
    name: Box<str>,
    /// Counted from 0 behind the first slash.
    segment: usize,
    greedy: bool,
}

// === impl RoutePlan ===

impl RoutePlan {
    /// Why a deployment of a WebSocket API has no routes.
    pub(super) const NO_WEB_SOCKET: &str = "WebSocket APIs are not served by this version";

    /// What every request to a deployment of a WebSocket API gets.
    pub(super) fn web_socket() -> Self {
        Self {
            key: RouteKey::Default.to_string().into(),
            parameters: Vec::new(),
            guard: None,
            action: Action::WebSocket,
        }
    }

    /// Compiles `route`; a reason comes along when it is broken.
    pub(super) fn compile(
        route: &Route,
        content: &HttpContent,
        (stage, links): (&Stage, &Links<'_>),
    ) -> (Self, Option<Arc<str>>) {
        let parameters = parameters(&route.key);
        let guard = Guard::compile(&route.rules, content);
        let compiled = match (guard.as_ref(), &route.target) {
            // Whatever else is wrong: nobody gets past an authorizer that is not asked.
            (Err(reason), _) => Err(reason.clone()),
            (Ok(_), None) => Err("route has no integration".to_owned()),
            (Ok(_), Some(id)) => match content.integrations.get(id) {
                None => Err(format!("integration {id} does not exist")),
                Some(integration) => match &integration.mapping.connection {
                    None => http_proxy(route, integration, &stage.variables, &parameters),
                    Some(link) => private(integration, link, stage, links),
                },
            },
        };
        let (action, reason) = match compiled {
            Ok(proxy) => (Action::HttpProxy(proxy), None),
            Err(reason) => {
                let reason: Arc<str> = reason.into();
                (Action::Broken(Arc::clone(&reason)), Some(reason))
            }
        };
        (
            Self {
                key: route.key.to_string().into(),
                parameters,
                guard: guard.ok().flatten(),
                action,
            },
            reason,
        )
    }

    /// The route key, such as `GET /pets/{id}`.
    #[must_use]
    pub const fn key(&self) -> &Arc<str> {
        &self.key
    }

    /// Who may use it; none: everybody.
    #[must_use]
    pub const fn guard(&self) -> Option<&Guard> {
        self.guard.as_ref()
    }

    /// What it does.
    #[must_use]
    pub const fn action(&self) -> &Action {
        &self.action
    }

    /// The value of a path parameter in `path` (without its first slash) that this route matched;
    /// still encoded.
    #[must_use]
    pub fn parameter<'r>(&self, name: &str, path: &'r str) -> Option<Value<'r>> {
        let parameter = self
            .parameters
            .iter()
            .find(|parameter| *parameter.name == *name)?;
        if parameter.greedy {
            path.splitn(parameter.segment + 1, '/')
                .nth(parameter.segment)
                .map(Value::Greedy)
        } else {
            path.split('/').nth(parameter.segment).map(Value::Segment)
        }
    }

    /// The names of its path parameters.
    pub fn parameter_names(&self) -> impl Iterator<Item = &str> {
        self.parameters.iter().map(|parameter| &*parameter.name)
    }
}

impl Guard {
    fn compile(rules: &RouteRules, content: &HttpContent) -> Result<Option<Self>, String> {
        if let Some(reason) = unserved::authorization(rules) {
            return Err(reason);
        }
        if rules.authorization == AuthorizationType::None {
            return Ok(None);
        }
        let id = rules.authorizer.as_ref().ok_or("it names no authorizer")?;
        let source = content.authorizers.get(id);
        let source = source.ok_or_else(|| format!("authorizer {id} does not exist"))?;
        let authorizer = TokenAuthorizer::of_http(source);
        let authorizer = authorizer.map_err(|reason| format!("authorizer {id}: {reason}"))?;
        Ok(Some(Self {
            authorizer,
            scopes: rules.scopes.clone(),
        }))
    }
}

fn parameters(key: &RouteKey) -> Vec<Parameter> {
    let RouteKey::Path { path, .. } = key else {
        return Vec::new();
    };
    let named = path
        .0
        .iter()
        .enumerate()
        .filter_map(|(segment, kind)| match kind {
            Segment::Literal(_) => None,
            Segment::Variable(name) => Some((segment, name, false)),
            Segment::Greedy(name) => Some((segment, name, true)),
        });
    named
        .map(|(segment, name, greedy)| Parameter {
            name: name.as_str().into(),
            segment,
            greedy,
        })
        .collect()
}

fn http_proxy(
    route: &Route,
    integration: &Integration,
    variables: &BTreeMap<String, String>,
    parameters: &[Parameter],
) -> Result<HttpProxy, String> {
    let IntegrationKind::HttpProxy {
        uri,
        method,
        server_name,
    } = &integration.kind
    else {
        return Err(unserved::KIND.to_owned());
    };
    if let Some(reason) = unserved::mapping(&integration.mapping) {
        return Err(reason.to_owned());
    }
    let uri = UriTemplate::compile(uri, variables).map_err(|error| error.to_string())?;
    let known = |name: &str| parameters.iter().any(|parameter| *parameter.name == *name);
    if let Some(name) = uri.parameters().find(|name| !known(name)) {
        return Err(format!(
            "integration uri needs path parameter {name:?} of the route"
        ));
    }
    let origin = Origin {
        https: uri.https(),
        host: uri.host().into(),
        port: uri.port(),
        // Without TLS there is nothing to verify, and equal backends should share connections.
        server_name: server_name
            .as_deref()
            .filter(|_| uri.https())
            .map(Into::into),
        authority: uri.authority().into(),
        tls: OriginTls::default(),
        via: None,
    };
    Ok(HttpProxy {
        origin: Arc::new(origin),
        uri,
        method: method
            .as_deref()
            .filter(|method| *method != "ANY")
            .map(Into::into),
        appends_path: matches!(route.key, RouteKey::Default),
        appends_stage: None,
        timeout_ms: integration.timeout_ms,
    })
}

/// Through a VPC link: the whole path is passed on, the stage's name included, to an upstream that
/// an ARN names (3.4).
fn private(
    integration: &Integration,
    link: &str,
    stage: &Stage,
    links: &Links<'_>,
) -> Result<HttpProxy, String> {
    let other = match &integration.kind {
        IntegrationKind::Other(other) if other.kind == IntegrationType::HttpProxy => other,
        _ => return Err(unserved::KIND.to_owned()),
    };
    if let Some(reason) = unserved::mapping(&integration.mapping) {
        return Err(reason.to_owned());
    }
    let with = |text: &str| {
        uri_template::with_stage_variables(text, &stage.variables)
            .map_err(|error| error.to_string())
    };
    let target = with(other.uri.as_deref().unwrap_or_default())?;
    let way = links.way(&with(link)?, Some(&target), None)?;
    let https = other.server_name.is_some();
    let scheme = if https { "https" } else { "http" };
    let uri = UriTemplate::compile(&format!("{scheme}://private/"), &stage.variables);
    let uri = uri.map_err(|error| error.to_string())?;
    let origin = Origin {
        https,
        host: uri.host().into(),
        port: uri.port(),
        server_name: other.server_name.as_deref().map(Into::into),
        authority: uri.authority().into(),
        tls: OriginTls::default(),
        via: Some(Arc::new(Way {
            keeps_host: true,
            ..way
        })),
    };
    let method = other.method.as_deref();
    let named = stage.name.as_str();
    Ok(HttpProxy {
        origin: Arc::new(origin),
        uri,
        method: method.filter(|method| *method != "ANY").map(Into::into),
        appends_path: true,
        appends_stage: (named != DEFAULT_STAGE).then(|| named.into()),
        timeout_ms: integration.timeout_ms,
    })
}
