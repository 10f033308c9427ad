//! Phase: the client's request becomes the integration's (docs/aws-behaviour.md).
//!
//! The body is made by a template, or goes on as it came; mappings set headers, query and path
//! parameters, and what templates override wins over those. A proxied request begins with the
//! client's headers and query, any other with nothing but what the gateway adds.

use std::borrow::Cow;

use lang::{
    mapping::{Mapped, MappingError, Target},
    media::{self, Choice, essence},
    vtl::{RenderError, Template},
};
use model::rest::GatewayResponseType as Kind;
use plan::region::rest::{AggregatePlan, AwsBackend, Backend, HttpBackend, MappingPlan};
use serve::{Body, Request};

use super::{aws::AwsRequest, convert, mock};
use crate::{
    fault::Fault,
    rest::{Exchange, Refusal, body::Held, render::render, source::View},
};

/// What the integration is to do.
pub(crate) enum Call<'a> {
    /// Answer with this status.
    Mock { status: u16 },
    /// Call several backends.
    Aggregate(&'a AggregatePlan),
    /// Call an HTTP backend.
    Http {
        backend: &'a HttpBackend,
        request: Box<Request>,
    },
    /// Call a function or an AWS service.
    Aws {
        backend: &'a AwsBackend,
        request: Box<AwsRequest>,
    },
    /// Give the whole request to a function.
    Function(&'a AwsBackend),
}

/// The parameters that mappings and overrides set, in the order in which they were set.
#[derive(Debug, Default)]
pub(crate) struct Set {
    pub(crate) headers: Vec<(String, Mapped)>,
    pub(crate) query: Vec<(String, Mapped)>,
    pub(crate) path: Vec<Placed>,
}

/// A value for a variable of the backend's path.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) keeps_slashes: bool,
}

/// Makes the integration's request.
pub(crate) async fn run<'a>(exchange: &mut Exchange<'a>) -> Result<Call<'a>, Fault> {
    let matched = exchange.matched()?;
    let backend = matched.backend;
    let plan = match (backend, &matched.method.mapping) {
        (Backend::Broken(reason), _) => return Err(Refusal::broken(reason.to_string()).into()),
        // Its parts have mappings of their own.
        (Backend::Aggregate(plan), _) => return Ok(Call::Aggregate(plan)),
        (_, Err(reason)) => return Err(Refusal::broken(reason.to_string()).into()),
        (_, Ok(plan)) => plan,
    };
    if plan.request.reads_body {
        exchange.body.whole().await?;
    }
    match backend {
        Backend::Http(backend) if backend.is_proxy => {
            let set = set(exchange, plan)?;
            let body = exchange.body.pass();
            super::http::request(exchange, backend, body, &set)
        }
        Backend::Http(backend) => {
            let body = body(exchange, plan).await?;
            let set = set(exchange, plan)?;
            super::http::request(exchange, backend, body, &set)
        }
        Backend::Aws(backend) if backend.is_proxy => {
            // Mappings change nothing about an event, but wrong ones still fail.
            set(exchange, plan)?;
            Ok(Call::Function(backend))
        }
        Backend::Aws(backend) => {
            let body = body(exchange, plan).await?;
            let set = set(exchange, plan)?;
            super::aws::request(exchange, backend, body, &set).await
        }
        Backend::Mock => {
            let body = match body(exchange, plan).await? {
                body if body.as_full().is_none() => Held::Unread(body).whole().await?.clone(),
                body => body.as_full().cloned().unwrap_or_default(),
            };
            // Mappings of a mock change nothing, but wrong ones still fail.
            set(exchange, plan)?;
            let status = mock::status(&String::from_utf8_lossy(&body));
            let missing = || Refusal::broken("request template of the mock gives no statusCode");
            status
                .map(|status| Call::Mock { status })
                .ok_or_else(|| missing().into())
        }
        Backend::Aggregate(plan) => Ok(Call::Aggregate(plan)),
        Backend::Broken(reason) => Err(Refusal::broken(reason.to_string()).into()),
    }
}

/// The integration's body: what a template makes of the client's, or the client's own.
async fn body(exchange: &mut Exchange<'_>, plan: &MappingPlan) -> Result<Body, Fault> {
    let request = &plan.request;
    let kind = exchange.header("content-type");
    match media::choose(&request.templates, kind, request.unmatched) {
        Choice::Template(template) => {
            let text = templated(exchange, template).await?;
            Ok(Body::full(text))
        }
        Choice::Pass => Ok(exchange.body.pass()),
        Choice::Refuse => {
            let kind = kind.map_or(media::DEFAULT, essence).to_owned();
            let refusal = Refusal::of(Kind::UnsupportedMediaType, "unsupported_media_type");
            Err(refusal.saying(format!("no template for {kind}")).into())
        }
    }
}

async fn templated(exchange: &mut Exchange<'_>, template: &Template) -> Result<String, Fault> {
    let bytes = exchange.body.whole().await?.clone();
    let shown = convert::shown(&bytes, exchange.is_binary);
    let rendered = render(exchange, template, &shown);
    rendered.map_err(|error| match error {
        RenderError::Json { .. } => not_json(error.to_string()).into(),
        other => Refusal::broken(format!("Unable to transform request: {other}")).into(),
    })
}

/// A body as templates see it.
pub(crate) fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// What mappings and overrides set.
fn set(exchange: &Exchange<'_>, plan: &MappingPlan) -> Result<Set, Fault> {
    let mut set = Set::default();
    let body = exchange.body.read().map(|bytes| text(bytes));
    let view = View::of(exchange, body.as_deref());
    for mapping in &plan.request.mappings {
        let value = mapping.source.evaluate(&view);
        let Some(value) = value.map_err(|error| bad_body(&error))? else {
            continue;
        };
        match &mapping.target {
            Target::Header(name) => set.headers.push((name.clone(), value)),
            Target::Query(name) => set.query.push((name.clone(), value)),
            Target::Path(name) => set.path.push(Placed {
                name: name.clone(),
                value: value.joined(),
                keeps_slashes: mapping.keeps_slashes,
            }),
        }
    }
    let overrides = &exchange.overrides.request;
    replace(
        &mut set.headers,
        &overrides.header,
        str::eq_ignore_ascii_case,
    );
    replace(&mut set.query, &overrides.querystring, |one, other| {
        one == other
    });
    for (name, value) in &overrides.path {
        set.path.retain(|placed| placed.name != *name);
        set.path.push(Placed {
            name: name.clone(),
            value: value.clone(),
            keeps_slashes: true,
        });
    }
    Ok(set)
}

fn replace(
    set: &mut Vec<(String, Mapped)>,
    with: &[(String, String)],
    is_same: impl Fn(&str, &str) -> bool,
) {
    for (name, value) in with {
        set.retain(|(own, _)| !is_same(own, name));
        set.push((name.clone(), Mapped::One(value.clone())));
    }
}

fn bad_body(error: &MappingError) -> Fault {
    not_json(error.to_string()).into()
}

fn not_json(detail: String) -> Refusal {
    Refusal::of(Kind::BadRequestBody, "body_not_json")
        .with_message("Invalid JSON in request body")
        .saying(detail)
}
