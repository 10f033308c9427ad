//! Security schemes become authorizers, and what an operation requires becomes its authorization.
//!
//! The `security` of the file as a whole is ignored, as Amazon does: a method that forgets its own
//! is open there, too, and files are written for that.

use std::sync::Arc;

use model::AuthorizerId;
use model::rest::{
    AuthorizationType, Authorizer, AuthorizerType, JwtClaim, JwtConfiguration, JwtIssuer,
    MethodSettings,
};

use super::super::fault::Fault;
use super::super::node::Node;
use super::settings::word;
use super::{Builder, Dialect};

const AUTHORIZER: &str = "x-amazon-apigateway-authorizer";
const AUTH_TYPE: &str = "x-amazon-apigateway-authtype";
const SIGV4: &str = "awsSigv4";
const TTL_MAX_S: u32 = 3_600;

/// What a security scheme stands for.
#[derive(Debug)]
pub(super) enum Scheme {
    /// A key of a usage plan.
    ApiKey,
    /// Signed requests.
    Iam,
    /// An authorizer.
    Authorizer(AuthorizerId, AuthorizationType),
}

impl<'a> Builder<'a> {
    pub(super) fn read_schemes(&mut self, top: &Node<'a>) -> Result<(), Fault> {
        let all = match self.dialect {
            Dialect::Two => top.get("securityDefinitions"),
            Dialect::Three => top
                .get("components")
                .and_then(|node| node.get("securitySchemes")),
        };
        let Some(all) = all else { return Ok(()) };
        for (name, node) in all.object()? {
            let scheme = self.read_scheme(name, &node);
            if let Some(Some(scheme)) = self.report.keep(scheme) {
                self.schemes.insert(name.to_owned(), scheme);
            }
        }
        Ok(())
    }

    fn read_scheme(&mut self, name: &str, node: &Node<'a>) -> Result<Option<Scheme>, Fault> {
        let node = node.resolve(self.root)?;
        let auth_type = node.text_of(AUTH_TYPE)?;
        if let Some(found) = node.get(AUTHORIZER) {
            let authorizer = self.authorizer(name, &node, &found, auth_type)?;
            let authorization = match authorizer.kind {
                AuthorizerType::Token | AuthorizerType::Request => AuthorizationType::Custom,
                AuthorizerType::Cognito => AuthorizationType::Cognito,
                AuthorizerType::Jwt => AuthorizationType::Jwt,
            };
            let id = authorizer.id.clone();
            self.content
                .authorizers
                .insert(id.clone(), Arc::new(authorizer));
            return Ok(Some(Scheme::Authorizer(id, authorization)));
        }
        if auth_type.as_deref() == Some(SIGV4) {
            return Ok(Some(Scheme::Iam));
        }
        let header = node.text_of("name")?.unwrap_or_default();
        if node.text_of("type")?.as_deref() == Some("apiKey")
            && header.eq_ignore_ascii_case("x-api-key")
        {
            return Ok(Some(Scheme::ApiKey));
        }
        let text = format!("security scheme {name:?} has no authorizer; methods do not check it");
        self.report.warn(&node.at, text);
        Ok(None)
    }

    fn authorizer(
        &mut self,
        name: &str,
        scheme: &Node<'a>,
        node: &Node<'a>,
        auth_type: Option<String>,
    ) -> Result<Authorizer, Fault> {
        let kind = node.get("type");
        let kind = kind.ok_or_else(|| node.fault("'type' is missing"))?;
        let kind = word(&kind, AuthorizerType::parse)?;
        let same = |old: &&Arc<Authorizer>| old.name == name;
        let id = self.before.authorizers.values().find(same);
        let id = id.map_or_else(Self::id, |old| old.id.clone());
        let source = match node.text_of("identitySource")? {
            Some(source) => Some(source),
            None => scheme
                .text_of("name")?
                .filter(|name| !name.is_empty() && name != "Unused")
                .map(|header| format!("method.request.header.{header}")),
        };
        let ttl_s = node.number_of("authorizerResultTtlInSeconds")?;
        if ttl_s.is_some_and(|ttl| ttl > TTL_MAX_S) {
            return Err(node.fault("authorizerResultTtlInSeconds must be between 0 and 3600"));
        }
        let authorizer = Authorizer {
            id,
            name: name.to_owned(),
            kind,
            provider_arns: node.texts_of("providerARNs")?,
            // The usual word says nothing.
            auth_type: auth_type.filter(|text| text != usual_auth_type(kind)),
            uri: node.text_of("authorizerUri")?,
            credentials: node.text_of("authorizerCredentials")?,
            identity_source: source,
            identity_validation: node.text_of("identityValidationExpression")?,
            ttl_s,
            jwt: node
                .get("jwtConfiguration")
                .map(|jwt| jwt_of(&jwt))
                .transpose()?,
        };
        let missing = match kind {
            AuthorizerType::Token | AuthorizerType::Request if authorizer.uri.is_none() => {
                Some("authorizerUri")
            }
            AuthorizerType::Cognito if authorizer.provider_arns.is_empty() => Some("providerARNs"),
            AuthorizerType::Jwt if authorizer.jwt.is_none() => Some("jwtConfiguration"),
            _ => None,
        };
        match missing {
            Some(field) => Err(node.fault(format!("'{field}' is missing"))),
            None => Ok(authorizer),
        }
    }

    pub(super) fn read_security(
        &mut self,
        node: &Node<'a>,
        settings: &mut MethodSettings,
    ) -> Result<(), Fault> {
        if let Some(security) = node.get("security") {
            for choice in security.items()? {
                for (name, scopes) in choice.object()? {
                    self.require(name, &scopes, settings)?;
                }
            }
        }
        let auth = node.get("x-amazon-apigateway-auth");
        if let Some(kind) = auth.and_then(|auth| auth.get("type")) {
            match kind.text()?.to_ascii_uppercase().as_str() {
                "AWS_IAM" => settings.authorization = AuthorizationType::Iam,
                "NONE" => settings.authorization = AuthorizationType::None,
                other => return Err(kind.fault(format!("{other:?} is neither AWS_IAM nor NONE"))),
            }
        }
        Ok(())
    }

    fn require(
        &mut self,
        name: &str,
        scopes: &Node<'a>,
        settings: &mut MethodSettings,
    ) -> Result<(), Fault> {
        match self.schemes.get(name) {
            Some(Scheme::ApiKey) => settings.api_key_required = true,
            Some(Scheme::Iam) => settings.authorization = AuthorizationType::Iam,
            Some(Scheme::Authorizer(id, authorization)) => {
                if settings
                    .authorizer
                    .as_ref()
                    .is_some_and(|other| other != id)
                {
                    let text = "a method has one authorizer; the last one counts";
                    self.report.warn(&scopes.at, text);
                }
                settings.authorizer = Some(id.clone());
                settings.authorization = *authorization;
                settings.scopes = scopes
                    .items()?
                    .iter()
                    .map(Node::text)
                    .collect::<Result<_, _>>()?;
            }
            None => {
                let text = format!("security scheme {name:?} is not one that methods can check");
                self.report.warn(&scopes.at, text);
            }
        }
        Ok(())
    }
}

/// What `x-amazon-apigateway-authtype` is for a kind of authorizer, unless its owner chose a word.
pub(in crate::openapi) const fn usual_auth_type(kind: AuthorizerType) -> &'static str {
    match kind {
        AuthorizerType::Token | AuthorizerType::Request => "custom",
        AuthorizerType::Cognito => "cognito_user_pools",
        AuthorizerType::Jwt => "jwt",
    }
}

fn jwt_of(node: &Node<'_>) -> Result<JwtConfiguration, Fault> {
    let mut jwt = JwtConfiguration {
        issuers: Vec::new(),
        default_algorithms: node.texts_of("defaultAlgorithms")?,
    };
    let issuers = node.get("issuers").map(|list| list.items()).transpose()?;
    for issuer in issuers.unwrap_or_default() {
        let claims = issuer.get("additionalClaims").map(|list| list.items());
        let claims = claims.transpose()?.unwrap_or_default();
        jwt.issuers.push(JwtIssuer {
            issuer: issuer.text_of("issuer")?,
            audiences: issuer.texts_of("audiences")?,
            claims: claims.iter().map(claim_of).collect::<Result<_, _>>()?,
            jwks_uri: issuer.text_of("jwksUri")?,
        });
    }
    Ok(jwt)
}

fn claim_of(node: &Node<'_>) -> Result<JwtClaim, Fault> {
    let name = node.text_of("claimName")?;
    Ok(JwtClaim {
        name: name.ok_or_else(|| node.fault("'claimName' is missing"))?,
        format: node
            .text_of("format")?
            .unwrap_or_else(|| "SINGLE_STRING".to_owned()),
        required: node.flag_of("required")?,
        expected: node.texts_of("expectedValues")?,
    })
}
