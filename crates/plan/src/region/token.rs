//! Authorizers that judge tokens: whose tokens they accept, where a request has its token, and
//! where the keys of the issuers are. Shared by REST and HTTP APIs.
//!
//! Whatever would let the wrong tokens in is refused here: an issuer is an absolute URL without
//! anything a user could hide in it, and REST APIs want it to be https. Regions fetch the keys.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use lang::{
    jwt::{Accepted, Algorithm, Audience, ClaimRule, Rules},
    pattern_java::Pattern,
    uri_template::with_stage_variables,
};
use model::{rest, v2};

/// Most issuers of one authorizer.
const ISSUERS_MAX: usize = 10;
/// Claims that have rules of their own.
const RESERVED: [&str; 7] = ["iss", "aud", "exp", "nbf", "iat", "scope", "scp"];
/// Where user pools' tokens are unless said.
const USUAL_HEADER: &str = "authorization";

/// Judges tokens.
#[derive(Debug)]
pub struct TokenAuthorizer {
    /// Where the token is.
    pub place: TokenPlace,
    /// They are of user pools, whose tokens say what they are for.
    pub is_user_pool: bool,
    /// How tokens may be signed.
    pub accepted: Accepted,
    /// Whose tokens.
    pub issuers: Vec<IssuerPlan>,
    /// Of user pools: what the client that the token is for must look like.
    pub validation: Option<Pattern>,
}

/// Where a request has its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenPlace {
    /// A header, in lower case.
    Header(Box<str>),
    /// A parameter of the query.
    Query(Box<str>),
}

/// Somebody whose tokens are accepted.
#[derive(Debug)]
pub struct IssuerPlan {
    /// What is wanted of them.
    pub rules: Rules,
    /// Where the keys are.
    pub keys: Arc<KeySource>,
}

/// Where an issuer's keys are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeySource {
    /// Where the issuer's discovery document says, which is below the issuer's URL.
    Discovered(Box<str>),
    /// At a URL.
    Document(Box<str>),
    /// With a user pool.
    UserPool {
        /// Such as `us-east-1`.
        region: Box<str>,
        /// Such as `us-east-1_AbCdEf`.
        pool: Box<str>,
    },
}

impl TokenAuthorizer {
    /// One of a REST API that asks user pools.
    pub(super) fn of_user_pools(
        source: &rest::Authorizer,
        variables: &BTreeMap<String, String>,
    ) -> Result<Self, String> {
        let place = match source.identity_source.as_deref() {
            None | Some("") => TokenPlace::Header(USUAL_HEADER.into()),
            Some(text) => TokenPlace::header(text)?,
        };
        let arns = source.provider_arns.iter();
        let issuers = arns.map(|arn| {
            let arn = with_stage_variables(arn, variables).map_err(|error| error.to_string())?;
            IssuerPlan::user_pool(&arn).ok_or_else(|| format!("not the ARN of a user pool: {arn}"))
        });
        let issuers = few(issuers.collect::<Result<_, String>>()?)?;
        let validation = source.identity_validation.as_deref();
        let validation = validation.filter(|text| !text.is_empty());
        let validation = validation.map(Pattern::parse).transpose();
        Ok(Self {
            place,
            is_user_pool: true,
            accepted: Accepted {
                named: vec![Algorithm::Rs256],
                unnamed: vec![Algorithm::Rs256],
            },
            issuers,
            validation: validation.map_err(|error| format!("identity validation: {error}"))?,
        })
    }

    /// One of a REST API that asks for tokens of its issuers.
    pub(super) fn of_rest(source: &rest::Authorizer) -> Result<Self, String> {
        let jwt = source.jwt.as_ref().ok_or("it has no jwtConfiguration")?;
        let place = source.identity_source.as_deref().unwrap_or_default();
        let defaults = jwt.default_algorithms.iter();
        let defaults: Vec<Algorithm> = defaults
            .map(|name| Algorithm::parse(name).ok_or_else(|| format!("no algorithm: {name}")))
            .collect::<Result<_, _>>()?;
        let issuers = jwt.issuers.iter().map(IssuerPlan::of_rest);
        Ok(Self {
            place: TokenPlace::header(place)?,
            is_user_pool: false,
            accepted: Accepted {
                named: Algorithm::ALL.into(),
                unnamed: if defaults.is_empty() {
                    Algorithm::ALL.into()
                } else {
                    defaults
                },
            },
            issuers: few(issuers.collect::<Result<_, _>>()?)?,
            validation: None,
        })
    }

    /// One of an HTTP API.
    pub(super) fn of_http(source: &v2::Authorizer) -> Result<Self, String> {
        let jwt = source.jwt.as_ref().ok_or("it has no jwtConfiguration")?;
        let [place] = source.identity_source.as_slice() else {
            return Err("it needs exactly one identity source".to_owned());
        };
        let issuer = jwt.issuer.as_deref().unwrap_or_default();
        if !is_issuer(issuer, &["https://", "http://"]) {
            return Err(format!("its issuer is no URL: {issuer}"));
        }
        if jwt.audience.is_empty() {
            return Err("it has no audience".to_owned());
        }
        let rules = Rules {
            issuer: issuer.into(),
            audience: Audience::OrClient(boxed(&jwt.audience)),
            claims: Vec::new(),
        };
        Ok(Self {
            place: TokenPlace::of_http(place)?,
            is_user_pool: false,
            accepted: Accepted::rsa(),
            issuers: vec![IssuerPlan {
                rules,
                keys: Arc::new(KeySource::Discovered(issuer.into())),
            }],
            validation: None,
        })
    }

    /// The plan of who a token says has issued it.
    #[must_use]
    pub fn issuer(&self, claimed: &str) -> Option<&IssuerPlan> {
        let mut issuers = self.issuers.iter();
        issuers.find(|one| *one.rules.issuer == *claimed)
    }
}

impl TokenPlace {
    fn header(text: &str) -> Result<Self, String> {
        let name = text.strip_prefix("method.request.header.");
        let name = name.filter(|name| !name.is_empty() && !name.contains(','));
        name.map(|name| Self::Header(name.to_ascii_lowercase().into()))
            .ok_or_else(|| format!("its identity source is not one header: {text:?}"))
    }

    fn of_http(text: &str) -> Result<Self, String> {
        let rest = |prefix: &str| text.strip_prefix(prefix).filter(|name| !name.is_empty());
        if let Some(name) = rest("$request.header.") {
            return Ok(Self::Header(name.to_ascii_lowercase().into()));
        }
        let name = rest("$request.querystring.");
        name.map(|name| Self::Query(name.into()))
            .ok_or_else(|| format!("no identity source of a token: {text:?}"))
    }
}

impl IssuerPlan {
    /// `arn:aws:cognito-idp:REGION:ACCOUNT:userpool/POOL`
    fn user_pool(arn: &str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        let [_, _, service, region, _, resource] = std::array::from_fn(|_| parts.next());
        let (region, pool) = (region?, resource?.strip_prefix("userpool/")?);
        let is_word = |text: &str| {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            !text.is_empty() && text.bytes().all(fits)
        };
        if service? != "cognito-idp" || !is_word(region) || !is_word(pool) {
            return None;
        }
        let host = lang::aws::Service::named("cognito-idp").host(region, None);
        Some(Self {
            rules: Rules {
                issuer: format!("https://{host}/{pool}").into(),
                // The pool's own clients; which of them is for `validation` to say.
                audience: Audience::Any,
                claims: Vec::new(),
            },
            keys: Arc::new(KeySource::UserPool {
                region: region.into(),
                pool: pool.into(),
            }),
        })
    }

    fn of_rest(source: &rest::JwtIssuer) -> Result<Self, String> {
        let issuer = source.issuer.as_deref().unwrap_or_default();
        let url = |text: &str| {
            let fits = is_issuer(text, &["https://"]);
            fits.then_some(())
                .ok_or_else(|| format!("not an absolute https URL: {text:?}"))
        };
        url(issuer)?;
        if source.audiences.is_empty() {
            return Err(format!("issuer {issuer} has no audiences"));
        }
        let claim = |claim: &rest::JwtClaim| {
            if RESERVED.contains(&claim.name.as_str()) {
                return Err(format!("claim {} has a rule of its own", claim.name));
            }
            Ok(ClaimRule {
                name: claim.name.as_str().into(),
                // Who lists values wants one of them.
                is_required: claim.required.unwrap_or(true),
                expected: boxed(&claim.expected),
            })
        };
        let claims = source.claims.iter().map(claim).collect::<Result<_, _>>()?;
        let keys = match source.jwks_uri.as_deref().filter(|uri| !uri.is_empty()) {
            Some(uri) => {
                url(uri)?;
                KeySource::Document(uri.into())
            }
            None => KeySource::Discovered(issuer.into()),
        };
        Ok(Self {
            rules: Rules {
                issuer: issuer.into(),
                audience: Audience::Listed(boxed(&source.audiences)),
                claims,
            },
            keys: Arc::new(keys),
        })
    }
}

/// One issuer at least, and each of them once.
fn few(issuers: Vec<IssuerPlan>) -> Result<Vec<IssuerPlan>, String> {
    let names = issuers.iter().map(|one| &one.rules.issuer);
    let names: std::collections::BTreeSet<_> = names.collect();
    match issuers.len() {
        0 => Err("it has no issuer".to_owned()),
        count if count > ISSUERS_MAX => Err(format!("it has more than {ISSUERS_MAX} issuers")),
        count if count > names.len() => Err("it names an issuer twice".to_owned()),
        _ => Ok(issuers),
    }
}

fn boxed(texts: &[String]) -> Vec<Box<str>> {
    texts.iter().map(|text| text.as_str().into()).collect()
}

/// Whether it is a URL of one of these schemes that has a host, and neither user nor query nor
/// fragment.
fn is_issuer(text: &str, schemes: &[&str]) -> bool {
    let mut schemes = schemes.iter();
    let rest = schemes.find_map(|scheme| text.strip_prefix(scheme));
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !br#"@?#\"<>"#.contains(&byte));
    is_plain && rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', ':']))
}
