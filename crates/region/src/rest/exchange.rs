//! One request to a REST API on its way through the pipeline.
//!
//! Made once the stage is known. Phases read and alter this and nothing else; what one learns for
//! those behind it is a field here, documented with who sets it. Values that templates, mappings
//! and logs call `$context` are in `context.rs`.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header::AUTHORIZATION};
use lang::{
    policy::Verdict,
    vtl::{Overrides, Parameters},
};
use plan::region::{
    EndpointPlan, Found, RegionPlan,
    rest::{DICE, Matched, RestDeployment, RestStage},
};

use super::{
    Refusal,
    body::{Held, Noted},
    headers,
    ids::Ids,
    phases::convert::AnswerMedia,
    trace::Weight,
    viewer,
};
use crate::{
    exchange::{Exchange as Outer, Facts},
    limits::{Limits, claims::Bearer},
};

/// A request to a REST API.
pub(crate) struct Exchange<'a> {
    pub(crate) plan: &'a RegionPlan,
    pub(crate) facts: &'a Facts,
    /// As the client sent it.
    pub(crate) uri: &'a Uri,
    pub(crate) found: Found<'a, 'a>,
    pub(crate) stage: &'a RestStage,
    /// The stage's own, or its canary's.
    pub(crate) deployment: &'a RestDeployment,
    pub(crate) is_canary: bool,
    pub(crate) ids: Ids,
    /// When it arrived, milliseconds since 1970.
    pub(crate) arrived_ms: u64,
    /// The client's, or what its `X-HTTP-Method-Override` says.
    pub(crate) method: Method,
    /// `X-HTTP-Method-Override` chose the method.
    pub(crate) is_override: bool,
    /// The client's `Host`.
    pub(crate) host: Option<HeaderValue>,
    /// The client's, without what belongs to its connection.
    pub(crate) headers: HeaderMap,
    /// The request as it came, where its client may have signed it.
    pub(crate) signed: Option<Box<Signed>>,
    pub(crate) body: Held,
    /// What was found out about the body when it was checked; set by `validate`.
    pub(crate) noted: Option<Noted>,
    /// The body is bytes, which templates see as base64; set by `convert`.
    pub(crate) is_binary: bool,
    /// Set by `matching`.
    pub(crate) matched: Option<Matched<'a, 'a>>,
    /// Decoded. Path and query are set by `matching`, headers only when a template needs them.
    pub(crate) parameters: Parameters,
    /// What templates have set over mappings, statuses and headers.
    pub(crate) overrides: Overrides,
    /// Who asks, as far as it is known; phases that find out add to it.
    pub(crate) identity: Identity,
    /// What the resource policy said, where there is one; set by `policy`.
    pub(crate) policy: Option<Verdict>,
    /// What an authorizer said: `principalId`, `claims`, and whatever else it answered.
    pub(crate) authorizer: Option<serde_json::Map<String, serde_json::Value>>,
    /// Its signer may ask the stage's cache for a fresh answer; set by `authorize`.
    pub(crate) may_invalidate: bool,
    /// Set when the gateway answers itself.
    pub(crate) error: Option<Refusal>,
    /// What is known of the integration's answer.
    pub(crate) integration: IntegrationNote,
    /// Rates and quotas at this node.
    pub(crate) limits: &'a Limits,
    /// Whose key it is, and the plan it comes under; set by `key`.
    pub(crate) bearer: Option<Bearer<'a>>,
    /// Headers that the answer gets whoever makes it; set by `throttle`.
    pub(crate) added: Vec<(HeaderName, HeaderValue)>,
    /// How the answer's body is to be treated; set by `map_response`.
    pub(crate) answer: AnswerMedia,
    /// The log of a test, or of a client's request whose method logs.
    pub(crate) trace: Option<Box<super::trace::Trace>>,
}

/// What a signature is about, before the gateway takes anything away or adds to it.
pub(crate) struct Signed {
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
}

/// Who asks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identity {
    /// The API key and its id, where the method wants one.
    pub(crate) api_key: Option<String>,
    pub(crate) api_key_id: Option<String>,
    /// Of a signed request.
    pub(crate) access_key: Option<String>,
    pub(crate) account_id: Option<String>,
    pub(crate) caller: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) user_arn: Option<String>,
}

/// What is left of a request for its record.
#[derive(Debug)]
pub(crate) struct Note {
    /// Verb and path of the method; none where nothing matched.
    pub(crate) method: Option<std::sync::Arc<str>>,
    pub(crate) request_id: String,
    pub(crate) is_canary: bool,
    pub(crate) integration: IntegrationNote,
    /// The client's request id was no UUID.
    pub(crate) replaced_id: bool,
    /// For the stage's own access log.
    pub(crate) line: Option<super::Line>,
}

/// What is known of the integration's answer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IntegrationNote {
    /// From the call to the head of the answer; set by `integrate`.
    pub(crate) time: Option<Duration>,
    /// The backend's status; set by `integrate`.
    pub(crate) status: Option<u16>,
}

/// Lets clients that can only send GET and POST name another method.
const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

impl Signed {
    /// A copy, of requests that say that they are signed.
    fn of(outer: &Outer<'_>, headers: &HeaderMap) -> Option<Box<Self>> {
        let stated = headers.get(AUTHORIZATION);
        let stated = stated.is_some_and(|stated| stated.as_bytes().starts_with(b"AWS4-"));
        let query = outer.uri.query().unwrap_or_default();
        (stated || query.contains("X-Amz-Signature=")).then(|| {
            Box::new(Self {
                method: outer.method.clone(),
                headers: headers.clone(),
            })
        })
    }
}

impl<'a> Exchange<'a> {
    /// Takes headers and body out of `outer`, whose stage is found and is `stage`.
    pub(crate) fn new(outer: &mut Outer<'a>, found: Found<'a, 'a>, stage: &'a RestStage) -> Self {
        let (deployment, is_canary) = stage.choose(|| rand::random::<u64>() % DICE);
        let mut client = std::mem::take(&mut outer.headers);
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let arrived_ms = now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(0));
        let ids = Ids::of(&client, arrived_ms);
        let signed = Signed::of(outer, &client);
        headers::strip_request(&mut client);
        viewer::mark(&mut client, outer.facts, outer.viewers);
        let wanted = client.get(METHOD_OVERRIDE).map(HeaderValue::as_bytes);
        let method = wanted.and_then(|method| Method::from_bytes(method).ok());
        Self {
            plan: outer.plan,
            facts: outer.facts,
            uri: outer.uri,
            found,
            stage,
            deployment,
            is_canary,
            ids,
            arrived_ms,
            is_override: method.is_some(),
            method: method.unwrap_or_else(|| outer.method.clone()),
            host: outer.host.clone(),
            headers: client,
            signed,
            body: Held::Unread(std::mem::take(&mut outer.body)),
            noted: None,
            is_binary: false,
            matched: None,
            parameters: Parameters::default(),
            overrides: Overrides::default(),
            identity: Identity::default(),
            policy: None,
            authorizer: None,
            may_invalidate: false,
            error: None,
            integration: IntegrationNote::default(),
            limits: outer.limits,
            bearer: None,
            added: Vec::new(),
            answer: AnswerMedia::default(),
            trace: None,
        }
    }

    /// Adds a line about what is done to the request's log, if it has one.
    pub(crate) fn say(&mut self, event: impl FnOnce() -> String) {
        self.say_as(Weight::Step, event);
    }

    /// Whether its log shows headers and bodies.
    pub(crate) fn shows_data(&self) -> bool {
        let trace = self.trace.as_ref();
        trace.is_some_and(|trace| trace.wants(Weight::Data))
    }

    /// Adds a line of that weight.
    pub(crate) fn say_as(&mut self, weight: Weight, event: impl FnOnce() -> String) {
        if let Some(trace) = self.trace.as_mut().filter(|trace| trace.wants(weight)) {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            let now_ms = now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(0));
            trace.say(now_ms, &event());
        }
    }

    /// The client's `Host` without its port; empty when there is none.
    pub(crate) fn domain_name(&self) -> &str {
        let host = self.host.as_ref().and_then(|host| host.to_str().ok());
        let host = host.unwrap_or_default();
        match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        }
    }

    /// A header as text; the first of several.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Lets templates see the headers.
    pub(crate) fn show_headers(&mut self) {
        if !self.parameters.header.is_empty() {
            return;
        }
        let shown = self.headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (headers::shown(name.as_str()), value.into_owned())
        });
        self.parameters.header = shown.collect();
    }

    /// The variables that its deployment sees.
    pub(crate) const fn variables(&self) -> &'a BTreeMap<String, String> {
        &self.deployment.variables
    }

    /// What its record needs.
    pub(crate) fn note(self, status: StatusCode) -> Note {
        let line = super::Line::of(&self, status);
        let matched = self.matched.as_ref();
        Note {
            method: matched.map(|matched| std::sync::Arc::clone(&matched.method.key)),
            request_id: self.ids.request,
            is_canary: self.is_canary,
            integration: self.integration,
            replaced_id: self.ids.replaced,
            line,
        }
    }

    /// The private endpoint it came by.
    pub(crate) fn endpoint(&self) -> Option<&'a EndpointPlan> {
        let id = self.facts.endpoint.as_ref()?;
        self.plan.private_endpoint(id).map(|endpoint| &**endpoint)
    }

    /// What matched; a fault where the phase that finds it has not run, which is a bug.
    pub(crate) fn matched(&self) -> Result<&Matched<'a, 'a>, crate::fault::Fault> {
        let missing = || Refusal::broken("request has not been matched").into();
        self.matched.as_ref().ok_or_else(missing)
    }
}
