//! Tags of whatever has an ARN.
//!
//! The tag `edgeway:endpointType` is more than a note: setting or removing it changes where clients
//! reach the API or domain, as a change of its own before the tags'.

use std::collections::BTreeMap;

use http::StatusCode;
use model::{ApiPatch, Config, DomainPatch, EndpointType, Op, ResourceKind};
use serde::Serialize;

use super::{api, checks};
use crate::{
    answer::Answer,
    call::{Call, Write},
    refusal::Refusal,
};

#[derive(Serialize)]
struct TagsShape<'a> {
    tags: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
struct EmptyShape {}

/// What an ARN names.
enum Tagged {
    Api(String),
    Stage(String, String),
    Domain(String),
    /// A REST API, its stage, or what stands beside APIs, by the end of the ARN.
    Other(String),
}

/// Reads `arn:aws:apigateway:REGION::/apis/ID` and its like; any region and account will do.
fn tagged(arn: &str) -> Result<Tagged, Refusal> {
    let bad = || Refusal::bad(format!("Invalid ARN specified in the request: {arn}"));
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _, "apigateway", _, _, path] = parts.as_slice() else {
        return Err(bad());
    };
    let path: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match path.as_slice() {
        ["apis", id] => Ok(Tagged::Api((*id).to_owned())),
        ["apis", id, "stages", name] => Ok(Tagged::Stage((*id).to_owned(), (*name).to_owned())),
        // A private domain's name has its id behind it.
        ["domainnames", name] => {
            let name = name.split('+').next().unwrap_or_default();
            Ok(Tagged::Domain(name.to_ascii_lowercase()))
        }
        [
            "restapis" | "vpclinks" | "apikeys" | "usageplans" | "clientcertificates",
            _,
        ]
        | ["restapis", _, "stages", _]
        | [
            "domainnameaccessassociations",
            "domainname",
            _,
            "vpcesource",
            _,
        ] => Ok(Tagged::Other(format!("/{}", path.join("/")))),
        _ => Err(bad()),
    }
}

impl Tagged {
    fn tags<'c>(&self, config: &'c Config) -> Result<&'c BTreeMap<String, String>, Refusal> {
        match self {
            Self::Api(id) => Ok(&api(config, id)?.tags),
            Self::Stage(id, name) => match api(config, id)?.stages.get(name.as_str()) {
                Some(stage) => Ok(&stage.tags),
                None => Err(Refusal::not_found(ResourceKind::Stage, name)),
            },
            Self::Domain(name) => {
                let missing = || Refusal::not_found(ResourceKind::DomainName, name);
                Ok(&config.domains.get(name.as_str()).ok_or_else(missing)?.tags)
            }
            Self::Other(path) => {
                let found = config.tags(path);
                found.ok_or_else(|| Refusal::Missing(format!("Invalid resource specified: {path}")))
            }
        }
    }

    fn path(&self) -> String {
        match self {
            Self::Api(id) => format!("/apis/{id}"),
            Self::Stage(id, name) => format!("/apis/{id}/stages/{name}"),
            Self::Domain(name) => format!("/domainnames/{name}"),
            Self::Other(path) => path.clone(),
        }
    }

    /// The change that moves it to another endpoint type; a stage has none.
    fn moved(&self, endpoint: EndpointType) -> Option<Op> {
        match self {
            Self::Api(id) => {
                let patch = ApiPatch {
                    endpoint: Some(endpoint),
                    ..ApiPatch::default()
                };
                Some(Op::UpdateApi(id.as_str().into(), Box::new(patch)))
            }
            Self::Stage(..) | Self::Other(_) => None,
            Self::Domain(name) => {
                let patch = DomainPatch {
                    endpoint: Some(endpoint),
                    ..DomainPatch::default()
                };
                Some(Op::UpdateDomain(name.as_str().into(), patch))
            }
        }
    }
}

pub(crate) fn show(call: &Call<'_>) -> Result<Answer, Refusal> {
    Answer::ok(&TagsShape {
        tags: tagged(call.argument(0))?.tags(call.config)?,
    })
}

pub(crate) fn tag(call: &Call<'_>) -> Result<Write, Refusal> {
    let tagged = tagged(call.argument(0))?;
    tagged.tags(call.config)?;
    let set = call.document.map("tags")?.unwrap_or_default();
    checks::tags(&set)?;
    let mut ops: Vec<Op> = Vec::new();
    ops.extend(checks::endpoint_tag(&set)?.and_then(|endpoint| tagged.moved(endpoint)));
    ops.push(Op::Tag {
        target: tagged.path(),
        set,
        unset: Vec::new(),
    });
    let render = Box::new(|_: &Config| Answer::json(StatusCode::CREATED, &EmptyShape {}));
    Ok(Write { ops, render })
}

pub(crate) fn untag(call: &Call<'_>) -> Result<Write, Refusal> {
    let tagged = tagged(call.argument(0))?;
    let before = tagged.tags(call.config)?;
    let keys = call.query.iter().filter(|(name, _)| name == "tagKeys");
    let unset: Vec<String> = keys.map(|(_, key)| key.clone()).collect();
    if unset.is_empty() {
        return Err(Refusal::bad("tagKeys must be given"));
    }
    let mut ops: Vec<Op> = Vec::new();
    let key = checks::ENDPOINT_TAG;
    if before.contains_key(key) && unset.iter().any(|name| name == key) {
        ops.extend(tagged.moved(EndpointType::Edge));
    }
    ops.push(Op::Tag {
        target: tagged.path(),
        set: BTreeMap::new(),
        unset,
    });
    Ok(Write {
        ops,
        render: Box::new(|_| Ok(Answer::empty(StatusCode::NO_CONTENT))),
    })
}
