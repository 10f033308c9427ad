//! Who may do what: the policy of the caller's access key, asked once for every operation.
//!
//! The action of an operation of API Gateway is its method (`apigateway:POST`), that of a cluster
//! operation is its name (`edgeway:CreateToken`); the resource is an ARN made from the path, the
//! same for v1 and v2. What an ARN says is decided by the path alone, never by the body. A key
//! without a policy may do everything. Policies are parsed once and kept as long as their key has
//! them. Deliberately not here: who the caller is (`auth`), and what there is to protect in APIs.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use http::HeaderMap;
use lang::policy::{Caller, Context, Kind, Policy, Request, Verdict};
use model::{AccessKey, AccessKeyId, Config, Origin};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use serve::Conn;

use crate::{clock, document::Document, operation, refusal::Refusal};

/// Most parsed policies that are kept; beyond that all are parsed anew.
const POLICIES_MAX: usize = 1_024;

/// What would make one segment of a path look like two, or like a wildcard.
const IN_SEGMENT: &AsciiSet = &CONTROLS.add(b'/').add(b'%').add(b'*').add(b'?').add(b' ');
/// A tagged ARN is one segment, escaped as Amazon's policies write it.
const IN_ARN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Parsed policies by key.
#[derive(Default)]
pub(crate) struct Policies(Mutex<BTreeMap<AccessKeyId, Parsed>>);

struct Parsed {
    text: Arc<str>,
    policy: Option<Arc<Policy>>,
}

/// What a path names, for policies and for the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    service: &'static str,
    /// Such as `/apis/a1b2c3d4e5/routes`.
    path: String,
}

/// A request that is to be decided on.
pub(crate) struct Asked<'a> {
    pub(crate) operation: &'static str,
    pub(crate) method: &'a str,
    pub(crate) target: Target,
    /// Of this endpoint.
    pub(crate) region: &'a str,
    pub(crate) key: &'a AccessKey,
    pub(crate) conn: &'a Conn,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) query: &'a [(String, String)],
    /// None when the body cannot be read, which the operation will say.
    pub(crate) document: Option<&'a Document>,
    pub(crate) config: &'a Config,
    pub(crate) now_ms: u64,
}

impl Policies {
    /// Lets a request through or refuses it.
    pub(crate) fn admit(&self, asked: &Asked<'_>) -> Result<(), Refusal> {
        let Some(text) = &asked.key.policy else {
            return Ok(());
        };
        let (action, resource) = (asked.action(), asked.resource());
        let context = asked.context();
        let verdict = match self.parsed(&asked.key.id, text) {
            Some(policy) => policy.evaluate(&Request {
                action: &action,
                resource: &resource,
                caller: Caller::default(),
                context: &context,
            }),
            // Written by a newer version, perhaps: what is not understood allows nothing.
            None => Verdict::NotAllowed,
        };
        let because = match verdict {
            Verdict::Allowed => return Ok(()),
            Verdict::NotAllowed => {
                format!("because no identity-based policy allows the {action} action")
            }
            Verdict::Denied => "with an explicit deny in an identity-based policy".to_owned(),
            Verdict::TooCostly => {
                "because deciding by the identity-based policy takes too long".to_owned()
            }
        };
        let user = user_arn(asked.config, asked.key);
        Err(Refusal::AccessDenied(format!(
            "User: {user} is not authorized to perform: {action} on resource: {resource} {because}"
        )))
    }

    fn parsed(&self, id: &AccessKeyId, text: &Arc<str>) -> Option<Arc<Policy>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get(id).filter(|known| Arc::ptr_eq(&known.text, text)) {
            return known.policy.clone();
        }
        if all.len() >= POLICIES_MAX {
            all.clear();
        }
        let policy = Policy::parse(text, Kind::Identity).ok().map(Arc::new);
        let parsed = Parsed {
            text: Arc::clone(text),
            policy: policy.clone(),
        };
        all.insert(id.clone(), parsed);
        policy
    }
}

impl Target {
    /// What a path as sent names: without the API's version, every segment escaped the same way.
    pub(crate) fn of(path: &str) -> Result<Self, Refusal> {
        let mut segments = operation::decode(path)?;
        let is = |segments: &[String], at: usize, name: &str| {
            segments.get(at).is_some_and(|segment| segment == name)
        };
        let mut service = "apigateway";
        if is(&segments, 0, "v2") {
            segments.remove(0);
        } else if is(&segments, 0, "edgeway") && is(&segments, 1, "v1") {
            service = "edgeway";
            segments.drain(..2);
        }
        // Names that the operations read without case must not be a way around a policy.
        let folded = is(&segments, 0, "domainnames") || is(&segments, 0, "zones");
        if let Some(name) = segments.get_mut(1).filter(|_| folded) {
            *name = name.trim_end_matches('.').to_ascii_lowercase();
        }
        let tagged = is(&segments, 0, "tags");
        let path = if tagged && segments.len() > 1 {
            let arn = segments.split_off(1).join("/");
            format!("/tags/{}", utf8_percent_encode(&arn, IN_ARN))
        } else {
            segments.iter().fold(String::new(), |path, segment| {
                format!("{path}/{}", utf8_percent_encode(segment, IN_SEGMENT))
            })
        };
        Ok(Self { service, path })
    }
}

impl Asked<'_> {
    fn action(&self) -> String {
        match self.target.service {
            "apigateway" => format!("apigateway:{}", self.method),
            service => format!("{service}:{}", self.operation),
        }
    }

    fn resource(&self) -> String {
        let Target { service, path } = &self.target;
        format!("arn:aws:{service}:{}::{path}", self.region)
    }

    /// For the audit trail.
    pub(crate) fn origin(&self, request: &str, reason: Option<String>) -> Origin {
        Origin {
            operation: self.operation.to_owned(),
            resource: self.target.path.clone(),
            peer: Some(self.conn.peer),
            request: request.to_owned(),
            reason: reason.into(),
        }
    }

    fn context(&self) -> Context {
        let mut context = Context::new();
        let now_s = self.now_ms / 1000;
        context.add("aws:CurrentTime", clock::iso(self.now_ms));
        context.add("aws:EpochTime", now_s.to_string());
        context.add("aws:SecureTransport", self.conn.tls.is_some().to_string());
        let source = self.conn.peer.ip().to_canonical();
        context.add("aws:SourceIp", source.to_string());
        context.add("aws:RequestedRegion", self.region);
        context.add("aws:username", self.key.name.as_str());
        context.add("aws:userid", self.key.id.as_str());
        context.add("aws:PrincipalArn", user_arn(self.config, self.key));
        context.add("aws:PrincipalAccount", account(self.config));
        context.add("aws:PrincipalType", "User");
        context.add("aws:ViaAWSService", "false");
        for (key, header) in [("aws:UserAgent", "user-agent"), ("aws:Referer", "referer")] {
            let value = self
                .headers
                .get(header)
                .and_then(|value| value.to_str().ok());
            if let Some(value) = value {
                context.add(key, value);
            }
        }
        self.add_tags(&mut context);
        context
    }

    fn add_tags(&self, context: &mut Context) {
        let asked = self
            .document
            .and_then(|body| body.map("tags").ok().flatten());
        for (key, value) in asked.unwrap_or_default() {
            context.add(&format!("aws:RequestTag/{key}"), value);
            context.add("aws:TagKeys", key);
        }
        for (_, key) in self.query.iter().filter(|(name, _)| name == "tagKeys") {
            context.add("aws:TagKeys", key.as_str());
        }
        for (key, value) in self.resource_tags().into_iter().flatten() {
            context.add(&format!("aws:ResourceTag/{key}"), value.as_str());
        }
    }

    /// Of the API or domain that the path is about.
    fn resource_tags(&self) -> Option<&BTreeMap<String, String>> {
        let mut path = self.target.path.clone();
        if let Some(arn) = path.strip_prefix("/tags/") {
            let arn = percent_encoding::percent_decode_str(arn).decode_utf8_lossy();
            let named = arn
                .splitn(6, ':')
                .nth(5)?
                .trim_start_matches('/')
                .to_owned();
            path = format!("/{named}");
        }
        let mut segments = path.split('/').skip(1);
        match (segments.next()?, segments.next()?) {
            ("apis" | "restapis", id) => self.config.apis.get(id).map(|api| &api.tags),
            ("domainnames", name) => {
                let name = name.to_ascii_lowercase();
                let domain = self.config.domains.get(name.as_str());
                domain.map(|domain| &domain.tags)
            }
            _ => None,
        }
    }
}

fn account(config: &Config) -> &str {
    let cluster = config.cluster.as_ref();
    cluster.map_or("", |cluster| &cluster.account_id)
}

/// The ARN of a key's user.
pub(crate) fn user_arn(config: &Config, key: &AccessKey) -> String {
    format!("arn:aws:iam::{}:user/{}", account(config), key.name)
}
