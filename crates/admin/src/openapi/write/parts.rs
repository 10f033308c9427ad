//! What methods refer to, and what is said of the API as a whole.

use std::collections::BTreeMap;

use model::AuthorizerId;
use model::rest::{
    ApiKeySource, Authorizer, AuthorizerType, Content, DocumentationKind, DocumentationLocation,
    JwtConfiguration,
};
use model::{EndpointType, IpAddressType};
use serde_json::{Map, Value, json};

use super::super::{read, references};
use super::{Writer, put_some};

pub(super) const ENDPOINT: &str = "x-amazon-apigateway-endpoint-configuration";

/// Names of security schemes.
pub(super) struct Schemes {
    pub(super) api_key: String,
    pub(super) iam: String,
    pub(super) authorizers: BTreeMap<AuthorizerId, String>,
}

/// Documentation parts by what they describe.
pub(super) struct Documentation<'a> {
    parts: BTreeMap<&'a DocumentationLocation, Map<String, Value>>,
}

impl Schemes {
    pub(super) fn of(content: &Content) -> Self {
        let authorizers: BTreeMap<AuthorizerId, String> = content
            .authorizers
            .values()
            .map(|authorizer| (authorizer.id.clone(), authorizer.name.clone()))
            .collect();
        let free = |name: &str| {
            let mut name = name.to_owned();
            while authorizers.values().any(|taken| *taken == name) {
                name.push('_');
            }
            name
        };
        Self {
            api_key: free("api_key"),
            iam: free("sigv4"),
            authorizers,
        }
    }
}

impl<'a> Documentation<'a> {
    pub(super) fn of(content: &'a Content) -> Self {
        let read = |text: &str| serde_json::from_str(text).unwrap_or_default();
        let parts = content.documentation.values();
        Self {
            parts: parts
                .map(|part| (&part.location, read(&part.properties)))
                .collect(),
        }
    }

    fn about_api(&self) -> Map<String, Value> {
        let mut all = self.parts.iter();
        let api = all.find(|(location, _)| location.kind == DocumentationKind::Api);
        api.map(|(_, fields)| fields.clone()).unwrap_or_default()
    }

    /// What stands at the top.
    pub(super) fn of_api(&self) -> Map<String, Value> {
        let mut fields = self.about_api();
        fields.retain(|name, _| name == "tags" || name == "externalDocs");
        fields
    }

    /// What stands in `info`.
    pub(super) fn of_info(&self) -> Map<String, Value> {
        match self.about_api().remove("info") {
            Some(Value::Object(info)) => info,
            _ => Map::new(),
        }
    }

    /// The fields that describe one thing.
    pub(super) fn of_location(&self, location: &DocumentationLocation) -> Map<String, Value> {
        self.parts.get(location).cloned().unwrap_or_default()
    }

    /// Every part, as the extension has them.
    pub(super) fn all(&self, version: Option<&str>) -> Value {
        let part = |(location, properties): (&&DocumentationLocation, &Map<String, Value>)| {
            let mut place = Map::new();
            place.insert("type".to_owned(), json!(location.kind.as_str()));
            put_some(&mut place, "path", location.path.as_deref());
            put_some(&mut place, "method", location.method.as_deref());
            put_some(&mut place, "statusCode", location.status.as_deref());
            put_some(&mut place, "name", location.name.as_deref());
            json!({ "location": place, "properties": properties })
        };
        let mut all = Map::new();
        put_some(&mut all, "version", version);
        let parts: Vec<Value> = self.parts.iter().map(part).collect();
        all.insert("documentationParts".to_owned(), Value::Array(parts));
        Value::Object(all)
    }
}

impl Writer<'_> {
    pub(super) fn schemas(&self) -> Map<String, Value> {
        let mut schemas = Map::new();
        for model in self.source.content.models.values() {
            let schema = model.schema.as_deref().unwrap_or("{}");
            let schema = references::to_file(schema, self.dialect);
            schemas.insert(model.name.clone(), schema.unwrap_or_else(|| json!({})));
        }
        schemas
    }

    pub(super) fn security_schemes(&self) -> Map<String, Value> {
        let mut schemes = Map::new();
        let content = self.source.content;
        let mut methods = content.methods();
        if methods.any(|(_, _, method)| method.settings.api_key_required) {
            let scheme = json!({ "type": "apiKey", "name": "x-api-key", "in": "header" });
            schemes.insert(self.schemes.api_key.clone(), scheme);
        }
        let iam = model::rest::AuthorizationType::Iam;
        if content
            .methods()
            .any(|(_, _, method)| method.settings.authorization == iam)
        {
            let scheme = json!({
                "type": "apiKey", "name": "Authorization", "in": "header",
                "x-amazon-apigateway-authtype": "awsSigv4",
            });
            schemes.insert(self.schemes.iam.clone(), scheme);
        }
        for authorizer in content.authorizers.values() {
            schemes.insert(authorizer.name.clone(), self.scheme(authorizer));
        }
        schemes
    }

    fn scheme(&self, authorizer: &Authorizer) -> Value {
        let source = authorizer.identity_source.as_deref().unwrap_or_default();
        let header = match authorizer.kind {
            AuthorizerType::Request => None,
            _ => source.strip_prefix("method.request.header."),
        };
        let mut scheme = Map::new();
        scheme.insert("type".to_owned(), json!("apiKey"));
        scheme.insert("in".to_owned(), json!("header"));
        scheme.insert("name".to_owned(), json!(header.unwrap_or("Unused")));
        let usual = read::usual_auth_type(authorizer.kind);
        let auth_type = authorizer.auth_type.as_deref().unwrap_or(usual);
        scheme.insert("x-amazon-apigateway-authtype".to_owned(), json!(auth_type));
        if self.extensions.authorizers || self.extensions.gateway {
            let fields = authorizer_fields(authorizer);
            scheme.insert("x-amazon-apigateway-authorizer".to_owned(), fields);
        }
        Value::Object(scheme)
    }

    /// The endpoint's configuration where it is not the usual one.
    pub(super) fn endpoint(&self) -> Option<Value> {
        if !self.extensions.gateway {
            return None;
        }
        let settings = self.source.settings;
        let mut fields = Map::new();
        if settings.disable_execute_api_endpoint {
            fields.insert("disableExecuteApiEndpoint".to_owned(), json!(true));
        }
        if !settings.vpc_endpoints.is_empty() {
            let ids = json!(settings.vpc_endpoints);
            fields.insert("vpcEndpointIds".to_owned(), ids);
        }
        let usual = match settings.endpoint {
            EndpointType::Private => IpAddressType::Dualstack,
            EndpointType::Edge | EndpointType::Regional => IpAddressType::Ipv4,
        };
        if settings.ip_address_type != usual {
            let family = match settings.ip_address_type {
                IpAddressType::Ipv4 => "ipv4",
                IpAddressType::Dualstack => "dualstack",
            };
            fields.insert("ipAddressType".to_owned(), json!(family));
        }
        (!fields.is_empty()).then_some(Value::Object(fields))
    }

    /// Extensions at the top.
    pub(super) fn gateway(&self) -> Map<String, Value> {
        let (settings, content) = (self.source.settings, self.source.content);
        let mut file = Map::new();
        let mut put = |name: &str, value: Value| {
            file.insert(format!("x-amazon-apigateway-{name}"), value);
        };
        if !settings.binary_media_types.is_empty() {
            put("binary-media-types", json!(settings.binary_media_types));
        }
        if let Some(size) = settings.minimum_compression_size {
            put("minimum-compression-size", json!(size));
        }
        if settings.api_key_source != ApiKeySource::Header {
            put("api-key-source", json!(settings.api_key_source.as_str()));
        }
        if let Some(policy) = &settings.policy {
            let value = serde_json::from_str(policy);
            put("policy", value.unwrap_or_else(|_| json!(policy)));
        }
        put("security-policy", json!(settings.security_policy));
        if let Some(access) = &settings.endpoint_access_mode {
            put("endpoint-access-mode", json!(access));
        }
        let validators: Map<String, Value> = content
            .validators
            .values()
            .filter_map(|validator| {
                let fields = json!({
                    "validateRequestBody": validator.body,
                    "validateRequestParameters": validator.parameters,
                });
                Some((validator.name.clone()?, fields))
            })
            .collect();
        if !validators.is_empty() {
            put("request-validators", Value::Object(validators));
        }
        let responses: Map<String, Value> = content
            .gateway_responses
            .iter()
            .map(|(kind, response)| {
                let mut fields = Map::new();
                put_some(&mut fields, "statusCode", response.status);
                fields.insert("responseParameters".to_owned(), json!(response.parameters));
                fields.insert("responseTemplates".to_owned(), json!(response.templates));
                (kind.to_string(), Value::Object(fields))
            })
            .collect();
        if !responses.is_empty() {
            put("gateway-responses", Value::Object(responses));
        }
        file
    }
}

fn authorizer_fields(authorizer: &Authorizer) -> Value {
    let mut fields = Map::new();
    let kind = authorizer.kind.as_str().to_ascii_lowercase();
    fields.insert("type".to_owned(), json!(kind));
    put_some(&mut fields, "authorizerUri", authorizer.uri.as_deref());
    let credentials = authorizer.credentials.as_deref();
    put_some(&mut fields, "authorizerCredentials", credentials);
    let source = authorizer.identity_source.as_deref();
    put_some(&mut fields, "identitySource", source);
    let validation = authorizer.identity_validation.as_deref();
    put_some(&mut fields, "identityValidationExpression", validation);
    put_some(
        &mut fields,
        "authorizerResultTtlInSeconds",
        authorizer.ttl_s,
    );
    if !authorizer.provider_arns.is_empty() {
        let arns = json!(authorizer.provider_arns);
        fields.insert("providerARNs".to_owned(), arns);
    }
    put_some(
        &mut fields,
        "jwtConfiguration",
        authorizer.jwt.as_ref().map(jwt_fields),
    );
    Value::Object(fields)
}

fn jwt_fields(jwt: &JwtConfiguration) -> Value {
    let issuer = |issuer: &model::rest::JwtIssuer| {
        let mut fields = Map::new();
        put_some(&mut fields, "issuer", issuer.issuer.as_deref());
        put_some(&mut fields, "jwksUri", issuer.jwks_uri.as_deref());
        fields.insert("audiences".to_owned(), json!(issuer.audiences));
        let claim = |claim: &model::rest::JwtClaim| {
            let mut fields = Map::new();
            fields.insert("claimName".to_owned(), json!(claim.name));
            fields.insert("format".to_owned(), json!(claim.format));
            put_some(&mut fields, "required", claim.required);
            fields.insert("expectedValues".to_owned(), json!(claim.expected));
            Value::Object(fields)
        };
        let claims: Vec<Value> = issuer.claims.iter().map(claim).collect();
        fields.insert("additionalClaims".to_owned(), Value::Array(claims));
        Value::Object(fields)
    };
    let issuers: Vec<Value> = jwt.issuers.iter().map(issuer).collect();
    json!({ "issuers": issuers, "defaultAlgorithms": jwt.default_algorithms })
}
