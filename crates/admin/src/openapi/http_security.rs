//! Who may use the routes of an HTTP API, in OpenAPI files: security schemes are its authorizers.
//!
//! A scheme without `x-amazon-apigateway-authorizer` judges nobody, so an operation that asks for
//! it is an error: a route must not be more open than its file says.

use std::{collections::BTreeMap, sync::Arc};

use model::{
    AuthorizerId, HttpContent,
    rest::{AuthorizationType, AuthorizerType},
    v2::{Authorizer, RouteRules},
};
use serde_json::{Map, Value, json};

use super::{fault::Fault, http_read::as_fault, node::Node};
use crate::{document::Document, v2};

const AUTHORIZER: &str = "x-amazon-apigateway-authorizer";
const AUTH_TYPE: &str = "x-amazon-apigateway-authtype";
const AUTH: &str = "x-amazon-apigateway-auth";
/// Fields of the extension, and what `CreateAuthorizer` calls them.
const FIELDS: [(&str, &str); 7] = [
    ("authorizerUri", "authorizerUri"),
    ("authorizerCredentials", "authorizerCredentialsArn"),
    (
        "authorizerPayloadFormatVersion",
        "authorizerPayloadFormatVersion",
    ),
    (
        "authorizerResultTtlInSeconds",
        "authorizerResultTtlInSeconds",
    ),
    (
        "identityValidationExpression",
        "identityValidationExpression",
    ),
    ("enableSimpleResponses", "enableSimpleResponses"),
    ("jwtConfiguration", "jwtConfiguration"),
];

/// What security schemes of a file stand for.
#[derive(Debug, Default)]
pub(super) struct Schemes(BTreeMap<String, Scheme>);

#[derive(Clone, Debug)]
enum Scheme {
    /// Signed requests.
    Iam,
    Authorizer(AuthorizationType, AuthorizerId),
    /// Nothing that can judge.
    Unknown,
}

impl Schemes {
    /// The schemes of a file and the authorizers that they make; those that stay keep their ids.
    pub(super) fn read(
        top: &Node<'_>,
        before: &HttpContent,
    ) -> Result<(Self, BTreeMap<AuthorizerId, Arc<Authorizer>>), Fault> {
        let (mut schemes, mut authorizers) = (Self::default(), BTreeMap::new());
        let components = top.get("components");
        let Some(all) = components.and_then(|node| node.get("securitySchemes")) else {
            return Ok((schemes, authorizers));
        };
        for (name, node) in all.object()? {
            let node = node.resolve(top.value)?;
            let scheme = match node.get(AUTHORIZER) {
                Some(found) => {
                    let mut known = before.authorizers.values();
                    let old = known.find(|old| old.name == name);
                    let made = authorizer(&found, name, old.map(|old| old.id.clone()))?;
                    let kind = match made.kind {
                        AuthorizerType::Jwt => AuthorizationType::Jwt,
                        _ => AuthorizationType::Custom,
                    };
                    let id = made.id.clone();
                    authorizers.insert(id.clone(), Arc::new(made));
                    Scheme::Authorizer(kind, id)
                }
                None if node.text_of(AUTH_TYPE)?.as_deref() == Some("awsSigv4") => Scheme::Iam,
                None => Scheme::Unknown,
            };
            schemes.0.insert(name.to_owned(), scheme);
        }
        Ok((schemes, authorizers))
    }

    /// What an operation asks for; what the whole file asks for unless it says something itself.
    pub(super) fn rules(&self, root: &Value, operation: &Node<'_>) -> Result<RouteRules, Fault> {
        if let Some(auth) = operation.get(AUTH) {
            return match auth.text_of("type")?.as_deref() {
                Some("AWS_IAM") => Ok(RouteRules {
                    authorization: AuthorizationType::Iam,
                    ..RouteRules::default()
                }),
                Some("NONE") => Ok(RouteRules::default()),
                _ => Err(auth.fault("'type' must be AWS_IAM or NONE")),
            };
        }
        let whole = Node::root(root);
        let Some(asked) = operation.get("security").or_else(|| whole.get("security")) else {
            return Ok(RouteRules::default());
        };
        let items = asked.items()?;
        let mut named = Vec::new();
        for item in &items {
            named.extend(item.object()?);
        }
        let (name, scopes) = match named.as_slice() {
            [] => return Ok(RouteRules::default()),
            [(name, scopes)] if items.len() == 1 => (*name, scopes),
            _ => return Err(asked.fault("a route has exactly one authorizer")),
        };
        let scopes: Vec<String> = scopes
            .items()?
            .iter()
            .map(Node::text)
            .collect::<Result<_, _>>()?;
        match self.0.get(name) {
            None => Err(asked.fault(format!("there is no security scheme {name:?}"))),
            Some(Scheme::Unknown) => Err(asked.fault(format!(
                "security scheme {name:?} has no {AUTHORIZER}, so nothing could judge requests"
            ))),
            Some(Scheme::Iam) => Ok(RouteRules {
                authorization: AuthorizationType::Iam,
                ..RouteRules::default()
            }),
            Some(Scheme::Authorizer(kind, id)) => Ok(RouteRules {
                authorization: *kind,
                authorizer: Some(id.clone()),
                scopes,
                ..RouteRules::default()
            }),
        }
    }
}

fn authorizer(node: &Node<'_>, name: &str, id: Option<AuthorizerId>) -> Result<Authorizer, Fault> {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| {
        fields.insert(name.to_owned(), value);
    };
    let kind = node.text_of("type")?.unwrap_or_default();
    put("authorizerType", kind.to_ascii_uppercase().into());
    put("name", name.into());
    // One text, with commas between several.
    let sources = node.text_of("identitySource")?.unwrap_or_default();
    let sources = sources.split(',').map(str::trim);
    let sources: Vec<&str> = sources.filter(|one| !one.is_empty()).collect();
    put("identitySource", json!(sources));
    for (theirs, ours) in FIELDS {
        if let Some(found) = node.get(theirs) {
            // YAML has no quotes.
            let value = match found.value {
                Value::Number(number) if theirs == "authorizerPayloadFormatVersion" => {
                    number.to_string().into()
                }
                value => value.clone(),
            };
            put(ours, value);
        }
    }
    let document = Document::of("", fields);
    v2::http_authorizer(&document, id).map_err(|refusal| as_fault(node, refusal))
}

/// What a route asks for, as `security` of an operation; none when it is open.
pub(super) fn asked(content: &HttpContent, rules: &RouteRules) -> Option<Value> {
    match rules.authorization {
        AuthorizationType::None => None,
        AuthorizationType::Iam => Some(json!([{ SIGNED: [] }])),
        _ => {
            let id = rules.authorizer.as_ref()?;
            let name = &content.authorizers.get(id)?.name;
            Some(json!([{ name: rules.scopes }]))
        }
    }
}

/// The scheme that stands for signed requests.
const SIGNED: &str = "sigv4Reference";

/// `securitySchemes`; empty when all routes are open and there are no authorizers.
pub(super) fn schemes(content: &HttpContent, extensions: bool) -> Map<String, Value> {
    let mut all = Map::new();
    let mut routes = content.routes.values();
    if routes.any(|route| route.rules.authorization == AuthorizationType::Iam) {
        let mut scheme = json!({ "type": "apiKey", "name": "Authorization", "in": "header" });
        if let (true, Some(fields)) = (extensions, scheme.as_object_mut()) {
            fields.insert(AUTH_TYPE.to_owned(), json!("awsSigv4"));
        }
        all.insert(SIGNED.to_owned(), scheme);
    }
    for authorizer in content.authorizers.values() {
        all.insert(authorizer.name.clone(), scheme(authorizer, extensions));
    }
    all
}

fn scheme(authorizer: &Authorizer, extensions: bool) -> Value {
    let jwt = authorizer.kind == AuthorizerType::Jwt;
    let mut scheme = if jwt {
        json!({ "type": "oauth2", "flows": {} })
    } else {
        let name = match authorizer.identity_source.as_slice() {
            [one] => one.strip_prefix("$request.header.").unwrap_or("Unused"),
            [] | [..] => "Unused",
        };
        json!({ "type": "apiKey", "name": name, "in": "header" })
    };
    let mut fields = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            fields.insert(name.to_owned(), value);
        }
    };
    put("type", Some(json!(if jwt { "jwt" } else { "request" })));
    let sources = authorizer.identity_source.join(",");
    put(
        "identitySource",
        (!sources.is_empty()).then(|| json!(sources)),
    );
    put(
        "authorizerUri",
        authorizer.uri.as_ref().map(|uri| json!(uri)),
    );
    let role = authorizer.credentials.as_ref();
    put("authorizerCredentials", role.map(|role| json!(role)));
    let version = authorizer.payload_format_version.as_ref();
    put(
        "authorizerPayloadFormatVersion",
        version.map(|version| json!(version)),
    );
    put(
        "authorizerResultTtlInSeconds",
        authorizer.ttl_s.map(|ttl| json!(ttl)),
    );
    let pattern = authorizer.identity_validation.as_ref();
    put(
        "identityValidationExpression",
        pattern.map(|pattern| json!(pattern)),
    );
    put(
        "enableSimpleResponses",
        authorizer.simple_responses.map(|flag| json!(flag)),
    );
    let tokens = authorizer.jwt.as_ref();
    let tokens = tokens.map(|jwt| json!({ "issuer": jwt.issuer, "audience": jwt.audience }));
    put("jwtConfiguration", tokens);
    if let (true, Some(whole)) = (extensions, scheme.as_object_mut()) {
        whole.insert(AUTHORIZER.to_owned(), Value::Object(fields));
    }
    scheme
}
