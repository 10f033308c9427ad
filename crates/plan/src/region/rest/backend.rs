//! What a method calls, as one stage has it: stage variables are put in here.

use std::{collections::BTreeMap, sync::Arc};

use lang::uri_template::{self, UriTemplate};
use model::rest::{ConnectionType, Integration, IntegrationType, ResponseTransfer};

use super::{
    super::{
        route::{Origin, OriginTls},
        vpc_links::Links,
    },
    aggregate::AggregatePlan,
    aws::{self, AwsBackend},
    method::MethodPlan,
};

/// What a method calls.
#[derive(Debug)]
pub enum Backend {
    /// Nothing: templates make the answer.
    Mock,
    /// An HTTP backend.
    Http(HttpBackend),
    /// Several backends whose answers become one.
    Aggregate(AggregatePlan),
    /// A function or an AWS service.
    Aws(AwsBackend),
    /// It cannot run; requests are answered 500. Says why, as the diagnostic does.
    Broken(Arc<str>),
}

/// An HTTP backend.
#[derive(Debug)]
pub struct HttpBackend {
    /// Where it is; its connections are shared by everything with an equal origin.
    pub origin: Arc<Origin>,
    /// Path and query towards it.
    pub uri: UriTemplate,
    /// The method towards it; none means the client's.
    pub method: Option<Box<str>>,
    /// The request and the answer are passed through.
    pub is_proxy: bool,
    /// Milliseconds until its answer must have begun.
    pub timeout_ms: u32,
    /// Its answer is passed on as it comes, however long it takes.
    pub streams: bool,
}

impl Backend {
    /// `certificate` is the id of what the stage shows its backends.
    pub(super) fn compile(
        method: &MethodPlan,
        variables: &BTreeMap<String, String>,
        certificate: Option<&str>,
        links: &Links<'_>,
    ) -> Self {
        if let Some(reason) = &method.broken {
            return Self::Broken(Arc::clone(reason));
        }
        let Some(integration) = &method.source.integration else {
            if let Some(aggregate) = &method.source.aggregate {
                let compiled = AggregatePlan::compile(aggregate, variables, certificate);
                return compiled.map_or_else(|why| Self::Broken(why.into()), Self::Aggregate);
            }
            return Self::Broken("method has no integration".into());
        };
        if let Err(reason) = &method.mapping {
            return Self::Broken(Arc::clone(reason));
        }
        let compiled = match integration.settings.kind {
            IntegrationType::Mock => Ok(Self::Mock),
            IntegrationType::Http | IntegrationType::HttpProxy => {
                http(integration, variables, certificate, links)
            }
            IntegrationType::Aws | IntegrationType::AwsProxy => {
                aws::compile(integration, variables).map(Self::Aws)
            }
        };
        compiled.unwrap_or_else(|reason| Self::Broken(reason.into()))
    }
}

fn http(
    integration: &Integration,
    variables: &BTreeMap<String, String>,
    certificate: Option<&str>,
    links: &Links<'_>,
) -> Result<Backend, String> {
    let settings = &integration.settings;
    let uri = settings.uri.as_deref().ok_or("integration has no uri")?;
    let uri = UriTemplate::compile(uri, variables).map_err(|error| error.to_string())?;
    let any_authority = settings.insecure_skip_verification == Some(true);
    let mut origin = origin_of(&uri, certificate, any_authority);
    if settings.connection_type == Some(ConnectionType::VpcLink) {
        let with = |text: &str| {
            uri_template::with_stage_variables(text, variables).map_err(|error| error.to_string())
        };
        let id = with(settings.connection_id.as_deref().unwrap_or_default())?;
        let target = settings.target.as_deref().map(with).transpose()?;
        let way = links.way(&id, target.as_deref(), Some(uri.host()))?;
        Arc::make_mut(&mut origin).via = Some(way.into());
    }
    let method = settings.http_method.as_deref();
    Ok(Backend::Http(HttpBackend {
        origin,
        uri,
        method: method.filter(|method| *method != "ANY").map(Into::into),
        is_proxy: settings.kind == IntegrationType::HttpProxy,
        timeout_ms: settings.timeout_ms,
        streams: settings.response_transfer == ResponseTransfer::Stream,
    }))
}

/// Where a URI leads.
pub(super) fn origin_of(
    uri: &UriTemplate,
    certificate: Option<&str>,
    any_authority: bool,
) -> Arc<Origin> {
    // Without TLS it all means nothing, and equal backends should share connections.
    let certificate = certificate.filter(|_| uri.https());
    Arc::new(Origin {
        https: uri.https(),
        host: uri.host().into(),
        port: uri.port(),
        server_name: None,
        authority: uri.authority().into(),
        tls: OriginTls {
            certificate: certificate.map(Into::into),
            any_authority: any_authority && uri.https(),
        },
        via: None,
    })
}
