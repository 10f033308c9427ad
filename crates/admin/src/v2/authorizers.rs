//! `Authorizer` of v2: who may use a route. JWT and REQUEST for HTTP APIs, REQUEST for WebSocket
//! APIs.

use model::{
    ApiKind, AuthorizerId, ResourceKind,
    rest::AuthorizerType,
    v2::{Authorizer, Jwt, V2Key, V2Part},
};
use serde_json::Value;

use super::{
    api, content, kept,
    piece::{self, Piece},
};
use crate::{
    answer::Answer,
    call::{Call, Write},
    document::Document,
    ids,
    operation::{Operation, read, write},
    refusal::Refusal,
    v1::view::View,
};

const ALL: &str = "/v2/apis/{api}/authorizers";
const ONE: &str = "/v2/apis/{api}/authorizers/{id}";

pub(super) const OPERATIONS: &[Operation] = &[
    read("GetAuthorizers", ALL, list),
    write("CreateAuthorizer", "POST", ALL, create),
    read("GetAuthorizer", ONE, piece::show::<Authorizers>),
    write(
        "UpdateAuthorizer",
        "PATCH",
        ONE,
        piece::update::<Authorizers>,
    ),
    write(
        "DeleteAuthorizer",
        "DELETE",
        ONE,
        piece::delete::<Authorizers>,
    ),
];

/// Longest time for which a decision is kept.
const TTL_S_MAX: i64 = 3_600;
/// Audiences of one authorizer, as at Amazon.
const AUDIENCES_MAX: usize = 50;
const TYPES: [&str; 2] = ["REQUEST", "JWT"];
/// Where identities of HTTP APIs stand.
const HTTP_SOURCES: [&str; 4] = [
    "$request.header.",
    "$request.querystring.",
    "$context.",
    "$stageVariables.",
];
/// Where identities of WebSocket APIs stand.
const SOCKET_SOURCES: [&str; 4] = [
    "route.request.header.",
    "route.request.querystring.",
    "context.",
    "stageVariables.",
];

struct Authorizers;

impl Piece for Authorizers {
    type Item = Authorizer;

    const KIND: ResourceKind = ResourceKind::Authorizer;

    fn key(call: &Call<'_>) -> Result<V2Key, Refusal> {
        Ok(V2Key::Authorizer(call.argument(1).into()))
    }

    fn item(part: V2Part) -> Option<Authorizer> {
        match part {
            V2Part::Authorizer(authorizer) => Some(*authorizer),
            _ => None,
        }
    }

    fn part(authorizer: Authorizer) -> V2Part {
        V2Part::Authorizer(authorizer.into())
    }

    fn read(call: &Call<'_>, old: Option<Authorizer>) -> Result<Authorizer, Refusal> {
        let socket = matches!(
            api(call.config, call.argument(0))?.kind,
            ApiKind::WebSocket(_)
        );
        let authorizer = authorizer(&call.document, old)?;
        complete(&authorizer, socket)?;
        Ok(authorizer)
    }

    fn shape(authorizer: &Authorizer) -> Value {
        let jwt = authorizer.jwt.as_ref().map(|jwt| {
            View::default()
                .put("audience", jwt.audience.as_slice())
                .maybe("issuer", jwt.issuer.as_deref())
                .done()
        });
        View::default()
            .maybe(
                "authorizerCredentialsArn",
                authorizer.credentials.as_deref(),
            )
            .put("authorizerId", authorizer.id.as_str())
            .maybe(
                "authorizerPayloadFormatVersion",
                authorizer.payload_format_version.as_deref(),
            )
            .maybe("authorizerResultTtlInSeconds", authorizer.ttl_s)
            .put("authorizerType", authorizer.kind.as_str())
            .maybe("authorizerUri", authorizer.uri.as_deref())
            .maybe("enableSimpleResponses", authorizer.simple_responses)
            .put("identitySource", authorizer.identity_source.as_slice())
            .maybe(
                "identityValidationExpression",
                authorizer.identity_validation.as_deref(),
            )
            .maybe("jwtConfiguration", jwt)
            .put("name", authorizer.name.as_str())
            .done()
    }
}

/// An authorizer of an HTTP API, out of what `CreateAuthorizer` takes.
pub(crate) fn http_authorizer(
    document: &Document,
    id: Option<AuthorizerId>,
) -> Result<Authorizer, Refusal> {
    let mut authorizer = authorizer(document, None)?;
    authorizer.id = id.unwrap_or(authorizer.id);
    complete(&authorizer, false)?;
    Ok(authorizer)
}

fn authorizer(document: &Document, old: Option<Authorizer>) -> Result<Authorizer, Refusal> {
    let kind = match document.text("authorizerType")?.as_deref() {
        Some("JWT") => Some(AuthorizerType::Jwt),
        Some("REQUEST") => Some(AuthorizerType::Request),
        Some(other) => return Err(document.outside("authorizerType", other, &TYPES)),
        None => old.as_ref().map(|old| old.kind),
    };
    let kind = kind.ok_or_else(|| Refusal::bad("authorizerType must be given"))?;
    let name = document.sized("name", 1, 128)?;
    let name = name.or_else(|| old.as_ref().map(|old| old.name.clone()));
    let ttl = document.integer("authorizerResultTtlInSeconds", 0, TTL_S_MAX)?;
    let before = old.as_ref();
    let field =
        |name, take: fn(&Authorizer) -> Option<String>| kept(document, name, before.and_then(take));
    Ok(Authorizer {
        name: name.ok_or_else(|| Refusal::bad("name must be given"))?,
        kind,
        uri: field("authorizerUri", |old| old.uri.clone())?,
        credentials: field("authorizerCredentialsArn", |old| old.credentials.clone())?,
        identity_validation: field("identityValidationExpression", |old| {
            old.identity_validation.clone()
        })?,
        payload_format_version: field("authorizerPayloadFormatVersion", |old| {
            old.payload_format_version.clone()
        })?,
        identity_source: match document.texts("identitySource")? {
            Some(sources) => sources,
            None => before
                .map(|old| old.identity_source.clone())
                .unwrap_or_default(),
        },
        ttl_s: match ttl {
            Some(ttl) => u32::try_from(ttl).ok(),
            None => before.and_then(|old| old.ttl_s),
        },
        simple_responses: match document.flag("enableSimpleResponses")? {
            Some(flag) => Some(flag),
            None => before.and_then(|old| old.simple_responses),
        },
        jwt: match document.object("jwtConfiguration")? {
            Some(jwt) => Some(read_jwt(&jwt, before.and_then(|old| old.jwt.clone()))?),
            None => before.and_then(|old| old.jwt.clone()),
        },
        id: old.map_or_else(|| AuthorizerId::from(ids::deployment()), |old| old.id),
    })
}

fn read_jwt(document: &Document, old: Option<Jwt>) -> Result<Jwt, Refusal> {
    let old = old.unwrap_or_default();
    Ok(Jwt {
        issuer: kept(document, "issuer", old.issuer)?,
        audience: document.texts("audience")?.unwrap_or(old.audience),
    })
}

/// What each type must have; `socket` for those of WebSocket APIs.
fn complete(authorizer: &Authorizer, socket: bool) -> Result<(), Refusal> {
    let known = if socket { SOCKET_SOURCES } else { HTTP_SOURCES };
    let fits = |one: &String| {
        let mut places = known.iter();
        places.any(|place| one.strip_prefix(place).is_some_and(|name| !name.is_empty()))
    };
    if let Some(wrong) = authorizer.identity_source.iter().find(|one| !fits(one)) {
        return Err(Refusal::bad(format!(
            "Invalid mapping expression specified: {wrong}. An identity source begins with one of \
             {}",
            known.join(", ")
        )));
    }
    match authorizer.kind {
        AuthorizerType::Jwt => complete_jwt(authorizer, socket),
        _ => complete_request(authorizer, socket),
    }
}

fn complete_jwt(authorizer: &Authorizer, socket: bool) -> Result<(), Refusal> {
    if socket {
        return Err(Refusal::bad(
            "Only REQUEST authorizers are supported for WebSocket APIs",
        ));
    }
    let [source] = authorizer.identity_source.as_slice() else {
        return Err(Refusal::bad(
            "A JWT authorizer must have exactly one identitySource",
        ));
    };
    if !HTTP_SOURCES
        .iter()
        .take(2)
        .any(|place| source.starts_with(place))
    {
        return Err(Refusal::bad(format!(
            "Invalid identitySource {source}: a token is in one header or one query parameter"
        )));
    }
    let jwt = authorizer.jwt.as_ref();
    let issuer = jwt
        .and_then(|jwt| jwt.issuer.as_deref())
        .unwrap_or_default();
    if !["https://", "http://"]
        .iter()
        .any(|scheme| issuer.starts_with(scheme))
    {
        return Err(Refusal::bad(format!(
            "Invalid issuer: {issuer}. Issuer must have a valid URL ('iss' of the tokens)"
        )));
    }
    let audiences = jwt.map_or(0, |jwt| jwt.audience.len());
    if (1..=AUDIENCES_MAX).contains(&audiences) {
        return Ok(());
    }
    Err(Refusal::bad(format!(
        "jwtConfiguration.audience must hold 1 to {AUDIENCES_MAX} audiences"
    )))
}

fn complete_request(authorizer: &Authorizer, socket: bool) -> Result<(), Refusal> {
    if authorizer.uri.is_none() {
        return Err(Refusal::bad(
            "authorizerUri must be given for REQUEST authorizers",
        ));
    }
    let version = authorizer.payload_format_version.as_deref();
    if socket {
        let simple = authorizer.simple_responses == Some(true);
        if version.is_some() || simple {
            return Err(Refusal::bad(
                "authorizerPayloadFormatVersion and enableSimpleResponses are supported only for \
                 HTTP APIs",
            ));
        }
        return Ok(());
    }
    let Some(version @ ("1.0" | "2.0")) = version else {
        return Err(Refusal::bad(
            "AuthorizerPayloadFormatVersion is a required parameter for REQUEST authorizer: 1.0 \
             or 2.0",
        ));
    };
    if authorizer.simple_responses == Some(true) && version != "2.0" {
        return Err(Refusal::bad(
            "enableSimpleResponses needs authorizerPayloadFormatVersion 2.0",
        ));
    }
    if authorizer.ttl_s.is_some_and(|ttl| ttl > 0) && authorizer.identity_source.is_empty() {
        return Err(Refusal::bad(
            "identitySource cannot be empty when decisions are cached",
        ));
    }
    Ok(())
}

fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let all = content(call.config, call.argument(0))?.authorizers.values();
    piece::list::<Authorizers>(call, all.map(|one| (one.id.as_str(), &**one)))
}

fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    piece::create::<Authorizers>(call, |one| V2Key::Authorizer(one.id.clone()))
}
