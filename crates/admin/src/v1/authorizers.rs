//! `Authorizer`: who may call a method.

use model::{
    AuthorizerId, Config,
    rest::{Authorizer, AuthorizerType, JwtClaim, JwtConfiguration, JwtIssuer, RestKey, RestPart},
};
use serde_json::Value;

use super::{
    checks,
    kind::{self, Key, Kind, Part, api},
    patch::{AD, ARD, Holds, R, Rule, rule},
    rest_apis::texts,
    view::View,
};
use crate::{
    answer::Answer,
    call::{Call, Write},
    document::Document,
    ids,
    operation::{Operation, read, write},
    refusal::Refusal,
};

const ALL: &str = "/restapis/{api}/authorizers";
const ONE: &str = "/restapis/{api}/authorizers/{authorizer}";

pub(super) const OPERATIONS: &[Operation] = &[
    read("GetAuthorizers", ALL, list),
    write("CreateAuthorizer", "POST", ALL, create),
    read("GetAuthorizer", ONE, kind::show::<Authorizers>),
    write(
        "UpdateAuthorizer",
        "PATCH",
        ONE,
        kind::update::<Authorizers>,
    ),
    write(
        "DeleteAuthorizer",
        "DELETE",
        ONE,
        kind::delete::<Authorizers>,
    ),
];

/// Longest time for which a decision is kept.
const TTL_S_MAX: i64 = 3_600;
const ALGORITHMS: [&str; 6] = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"];

struct Authorizers;

impl Kind for Authorizers {
    type Item = Authorizer;

    const RULES: &'static [Rule] = &[
        rule("/authorizerUri", R, Holds::Text),
        rule("/authorizerCredentials", R, Holds::Text),
        rule("/authorizerResultTtlInSeconds", R, Holds::Whole),
        rule("/authType", R, Holds::Text),
        rule("/identityValidationExpression", R, Holds::Text),
        rule("/name", R, Holds::Text),
        rule("/type", R, Holds::Text),
        rule("/identitySource", ARD, Holds::Text),
        rule("/providerARNs", AD, Holds::List),
    ];

    fn key(call: &Call<'_>) -> Result<Key, Refusal> {
        let id = api(call)?.0.id.clone();
        Ok(Key::Rest(id, RestKey::Authorizer(call.argument(1).into())))
    }

    fn missing(_call: &Call<'_>) -> Refusal {
        Refusal::Missing("Invalid Authorizer identifier specified".to_owned())
    }

    fn item(part: Part) -> Option<Authorizer> {
        match part {
            Part::Rest(RestPart::Authorizer(authorizer)) => Some(*authorizer),
            _ => None,
        }
    }

    fn part(authorizer: Authorizer) -> Part {
        Part::Rest(RestPart::Authorizer(authorizer.into()))
    }

    fn view(authorizer: &Authorizer) -> Value {
        shape(authorizer)
    }

    fn read(
        _call: &Call<'_>,
        input: &Document,
        old: Option<&Authorizer>,
    ) -> Result<Authorizer, Refusal> {
        let kind = input.word("type", AuthorizerType::parse, AuthorizerType::WORDS)?;
        let place = input.path("type");
        let kind =
            kind.ok_or_else(|| Refusal::not_in_set("null", &place, AuthorizerType::WORDS))?;
        let uri = checks::optional(input, "authorizerUri")?;
        let source = checks::optional(input, "identitySource")?;
        let ttl = input.integer("authorizerResultTtlInSeconds", 0, TTL_S_MAX)?;
        let authorizer = Authorizer {
            id: old.map_or_else(
                || AuthorizerId::from(ids::deployment()),
                |old| old.id.clone(),
            ),
            name: checks::name(input, "Authorizer name must be non-empty")?,
            kind,
            provider_arns: input.texts("providerARNs")?.unwrap_or_default(),
            auth_type: checks::optional(input, "authType")?,
            uri,
            credentials: checks::optional(input, "authorizerCredentials")?,
            identity_source: source,
            identity_validation: checks::optional(input, "identityValidationExpression")?,
            ttl_s: ttl.and_then(|ttl| u32::try_from(ttl).ok()),
            jwt: jwt(input)?,
        };
        complete(&authorizer)?;
        Ok(authorizer)
    }

    fn shown(_config: &Config, _key: &Key, authorizer: &Authorizer) -> Value {
        shape(authorizer)
    }
}

/// What each type must have.
fn complete(authorizer: &Authorizer) -> Result<(), Refusal> {
    let source = authorizer.identity_source.as_deref();
    let header = |text: &str| {
        let name = text.strip_prefix("method.request.header.");
        name.is_some_and(|name| !name.is_empty() && !name.contains(','))
    };
    match authorizer.kind {
        AuthorizerType::Token | AuthorizerType::Request if authorizer.uri.is_none() => {
            Err(Refusal::bad(
                "Invalid Authorizer URI: null. Authorizer URI should be a valid API \
                              Gateway ARN that represents a Lambda function invocation.",
            ))
        }
        AuthorizerType::Token | AuthorizerType::Jwt if !source.is_some_and(header) => Err(
            Refusal::bad("Identity source must be exactly one request header"),
        ),
        AuthorizerType::Token => Ok(()),
        AuthorizerType::Request => {
            let kept = authorizer.ttl_s != Some(0);
            if kept && source.is_none() {
                return Err(Refusal::bad(
                    "Identity source cannot be empty when caching is enabled",
                ));
            }
            let places = [
                "method.request.header.",
                "method.request.querystring.",
                "stageVariables.",
                "context.",
            ];
            let fits = |one: &str| places.iter().any(|place| one.trim().starts_with(place));
            let mut sources = source
                .unwrap_or_default()
                .split(',')
                .filter(|one| !one.is_empty());
            match sources.find(|one| !fits(one)) {
                Some(wrong) => Err(checks::bad_expression(wrong)),
                None => Ok(()),
            }
        }
        AuthorizerType::Cognito if authorizer.provider_arns.is_empty() => Err(Refusal::bad(
            "Invalid Authorizer: providerARNs must not be empty",
        )),
        AuthorizerType::Cognito => Ok(()),
        AuthorizerType::Jwt => match &authorizer.jwt {
            None => Err(Refusal::bad(
                "Invalid Authorizer: jwtConfiguration must be given",
            )),
            Some(jwt) => complete_jwt(jwt),
        },
    }
}

/// Claims that have rules of their own.
const RESERVED_CLAIMS: [&str; 7] = ["iss", "aud", "exp", "nbf", "iat", "scope", "scp"];

/// What would not be accepted from any token later is refused now.
fn complete_jwt(jwt: &JwtConfiguration) -> Result<(), Refusal> {
    if jwt.issuers.is_empty() {
        return Err(Refusal::bad(
            "Invalid Authorizer: jwtConfiguration must have an issuer",
        ));
    }
    for issuer in &jwt.issuers {
        let url = issuer.issuer.as_deref().unwrap_or_default();
        let host = url.strip_prefix("https://").unwrap_or_default();
        let is_plain = !url.contains(['@', '?', '#', ' ']);
        if !is_plain || host.is_empty() || host.starts_with('/') {
            return Err(Refusal::bad(format!(
                "Invalid issuer: {url}. Issuer must be an absolute https URL without user, query \
                 and fragment"
            )));
        }
        if issuer.audiences.is_empty() {
            return Err(Refusal::bad(format!("Issuer {url} must have an audience")));
        }
        let mut claims = issuer.claims.iter();
        if let Some(claim) = claims.find(|claim| RESERVED_CLAIMS.contains(&claim.name.as_str())) {
            return Err(Refusal::bad(format!(
                "additionalClaims must not name {}",
                claim.name
            )));
        }
    }
    Ok(())
}

fn jwt(input: &Document) -> Result<Option<JwtConfiguration>, Refusal> {
    let Some(input) = input.object("jwtConfiguration")? else {
        return Ok(None);
    };
    let issuer = |input: &Document| {
        let claims = input.objects("additionalClaims")?.unwrap_or_default();
        let claim = |claim: &Document| {
            Ok(JwtClaim {
                name: claim.required("claimName", 256)?,
                format: claim_format(claim)?,
                required: claim.flag("required")?,
                expected: claim.texts("expectedValues")?.unwrap_or_default(),
            })
        };
        Ok(JwtIssuer {
            issuer: checks::optional(input, "issuer")?,
            audiences: input.texts("audiences")?.unwrap_or_default(),
            claims: claims.iter().map(claim).collect::<Result<_, Refusal>>()?,
            jwks_uri: checks::optional(input, "jwksUri")?,
        })
    };
    let issuers = input.objects("issuers")?.unwrap_or_default();
    let algorithms = input.texts("defaultAlgorithms")?.unwrap_or_default();
    if let Some(word) = algorithms
        .iter()
        .find(|one| !ALGORITHMS.contains(&one.as_str()))
    {
        let place = input.path("defaultAlgorithms");
        return Err(Refusal::not_in_set(word, &place, &ALGORITHMS));
    }
    Ok(Some(JwtConfiguration {
        issuers: issuers.iter().map(issuer).collect::<Result<_, Refusal>>()?,
        default_algorithms: algorithms,
    }))
}

/// The one form of claims that there is, which must be named all the same.
fn claim_format(claim: &Document) -> Result<String, Refusal> {
    let only = |word: &str| (word == "SINGLE_STRING").then(|| word.to_owned());
    let format = claim.word("format", only, &["SINGLE_STRING"])?;
    format.ok_or_else(|| Refusal::bad(format!("{} must be given", claim.path("format"))))
}

fn jwt_shape(jwt: &JwtConfiguration) -> Value {
    let claim = |claim: &JwtClaim| {
        View::default()
            .put("claimName", claim.name.as_str())
            .put("format", claim.format.as_str())
            .maybe("required", claim.required)
            .filled("expectedValues", texts(&claim.expected).into())
            .done()
    };
    let issuer = |issuer: &JwtIssuer| {
        let claims: Vec<Value> = issuer.claims.iter().map(claim).collect();
        View::default()
            .maybe("issuer", issuer.issuer.as_deref())
            .filled("audiences", texts(&issuer.audiences).into())
            .filled("additionalClaims", claims.into())
            .maybe("jwksUri", issuer.jwks_uri.as_deref())
            .done()
    };
    let issuers: Vec<Value> = jwt.issuers.iter().map(issuer).collect();
    View::default()
        .put("issuers", issuers)
        .filled("defaultAlgorithms", texts(&jwt.default_algorithms).into())
        .done()
}

fn shape(authorizer: &Authorizer) -> Value {
    View::default()
        .put("id", authorizer.id.as_str())
        .put("name", authorizer.name.as_str())
        .put("type", authorizer.kind.as_str())
        .filled("providerARNs", texts(&authorizer.provider_arns).into())
        .maybe("authType", authorizer.auth_type.as_deref())
        .maybe("authorizerUri", authorizer.uri.as_deref())
        .maybe("authorizerCredentials", authorizer.credentials.as_deref())
        .maybe("identitySource", authorizer.identity_source.as_deref())
        .maybe(
            "identityValidationExpression",
            authorizer.identity_validation.as_deref(),
        )
        .maybe("authorizerResultTtlInSeconds", authorizer.ttl_s)
        .maybe("jwtConfiguration", authorizer.jwt.as_ref().map(jwt_shape))
        .done()
}

fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let authorizers = api(call)?.1.content.authorizers.values();
    kind::list(call, authorizers.map(|one| (one.id.as_str(), shape(one))))
}

fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    let id = api(call)?.0.id.clone();
    kind::create::<Authorizers>(call, |one| {
        Key::Rest(id, RestKey::Authorizer(one.id.clone()))
    })
}
