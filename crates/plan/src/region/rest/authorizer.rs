//! Authorizers as one stage has them: which function decides, by what of a request, and for how
//! long, or whose tokens are accepted (`region::token`). Decisions are kept by regions.

use std::collections::BTreeMap;

use lang::{aws::IntegrationUri, pattern_java::Pattern, uri_template::with_stage_variables};
use model::rest::{Authorizer, AuthorizerType};

use crate::region::token::TokenAuthorizer;

/// Seconds for which a decision is kept unless its authorizer says otherwise.
const TTL_S: u32 = 300;

/// Who decides who may call a method.
#[derive(Debug)]
pub enum AuthorizerPlan {
    /// A function.
    Function(Box<FunctionAuthorizer>),
    /// The issuer of a token, whose keys are known.
    Token(Box<TokenAuthorizer>),
}

/// A function that decides who may call a method.
#[derive(Debug)]
pub struct FunctionAuthorizer {
    /// It gets the whole request; else only a token.
    pub sees_request: bool,
    /// The function.
    pub uri: IntegrationUri,
    /// The role whose secret signs the call.
    pub credentials: Option<Box<str>>,
    /// What of a request identifies who asks; all must be there.
    pub sources: Vec<IdentitySource>,
    /// What a token must look like.
    pub validation: Option<Pattern>,
    /// Seconds for which a decision is kept; 0 for not at all.
    pub ttl_s: u32,
}

/// A part of a request that identifies who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentitySource {
    /// A header, in lower case.
    Header(Box<str>),
    /// A parameter of the query.
    Query(Box<str>),
    /// A stage variable.
    StageVariable(Box<str>),
    /// A `$context` value.
    Context(Box<str>),
}

impl AuthorizerPlan {
    pub(super) fn compile(
        source: &Authorizer,
        variables: &BTreeMap<String, String>,
    ) -> Result<Self, String> {
        let function = |sees_request| {
            let compiled = FunctionAuthorizer::compile(source, variables, sees_request);
            compiled.map(Box::new).map(Self::Function)
        };
        let token = |compiled: Result<_, _>| compiled.map(Box::new).map(Self::Token);
        match source.kind {
            AuthorizerType::Token => function(false),
            AuthorizerType::Request => function(true),
            AuthorizerType::Cognito => token(TokenAuthorizer::of_user_pools(source, variables)),
            AuthorizerType::Jwt => token(TokenAuthorizer::of_rest(source)),
        }
    }
}

impl FunctionAuthorizer {
    fn compile(
        source: &Authorizer,
        variables: &BTreeMap<String, String>,
        sees_request: bool,
    ) -> Result<Self, String> {
        let with_variables =
            |text: &str| with_stage_variables(text, variables).map_err(|error| error.to_string());
        let uri = source.uri.as_deref().ok_or("it has no uri")?;
        let uri = IntegrationUri::parse(&with_variables(uri)?);
        let uri = uri.map_err(|error| error.to_string())?;
        if !matches!(uri.function(), Some((_, false))) {
            return Err("its uri names no function".to_owned());
        }
        let sources = source.identity_source.as_deref().unwrap_or_default();
        let sources = sources.split(',').map(str::trim);
        let sources: Vec<IdentitySource> = sources
            .filter(|text| !text.is_empty())
            .map(IdentitySource::parse)
            .collect::<Result<_, _>>()?;
        if !sees_request && !matches!(sources.as_slice(), [IdentitySource::Header(_)]) {
            return Err("its identity source is not one header".to_owned());
        }
        let validation = source.identity_validation.as_deref();
        let validation = validation.filter(|text| !text.is_empty());
        let validation = validation.map(Pattern::parse).transpose();
        let credentials = source.credentials.as_deref().map(with_variables);
        Ok(Self {
            sees_request,
            uri,
            credentials: credentials.transpose()?.map(Into::into),
            // Without anything to tell requests apart, nothing can be kept.
            ttl_s: if sources.is_empty() {
                0
            } else {
                source.ttl_s.unwrap_or(TTL_S)
            },
            sources,
            validation: validation.map_err(|error| format!("identity validation: {error}"))?,
        })
    }
}

impl IdentitySource {
    fn parse(text: &str) -> Result<Self, String> {
        let rest = |prefix: &str| text.strip_prefix(prefix).filter(|name| !name.is_empty());
        if let Some(name) = rest("method.request.header.") {
            return Ok(Self::Header(name.to_ascii_lowercase().into()));
        }
        if let Some(name) = rest("method.request.querystring.") {
            return Ok(Self::Query(name.into()));
        }
        if let Some(name) = rest("stageVariables.") {
            return Ok(Self::StageVariable(name.into()));
        }
        let name = rest("context.").ok_or_else(|| format!("no identity source: {text:?}"))?;
        Ok(Self::Context(name.into()))
    }
}
