//! Integrations with functions and AWS services. Where those are, and with which secrets they are
//! called, is not configuration of an API: regions know it from their settings.

use std::collections::BTreeMap;

use lang::{
    aws::{Call, IntegrationUri},
    uri_template::with_stage_variables,
};
use model::rest::{Integration, IntegrationType, ResponseTransfer};

/// A function, or an operation of an AWS service.
#[derive(Debug)]
pub struct AwsBackend {
    /// What is called, stage variables put in. A path may still hold `{name}`.
    pub uri: IntegrationUri,
    /// The method towards a service. Functions are always called by POST.
    pub method: Box<str>,
    /// The role whose secret signs the call.
    pub credentials: Option<Box<str>>,
    /// The request is given to a function as an event, which answers as it likes.
    pub is_proxy: bool,
    /// The function's answer is passed on as it comes.
    pub streams: bool,
    /// Milliseconds until the answer must have begun.
    pub timeout_ms: u32,
}

pub(super) fn compile(
    integration: &Integration,
    variables: &BTreeMap<String, String>,
) -> Result<AwsBackend, String> {
    let settings = &integration.settings;
    let with_variables =
        |text: &str| with_stage_variables(text, variables).map_err(|error| error.to_string());
    let uri = settings.uri.as_deref().ok_or("integration has no uri")?;
    let uri = IntegrationUri::parse(&with_variables(uri)?).map_err(|error| error.to_string())?;
    let credentials = settings.credentials.as_deref().map(with_variables);
    let method = settings.http_method.as_deref().unwrap_or("POST");
    let is_proxy = settings.kind == IntegrationType::AwsProxy;
    let streams = settings.response_transfer == ResponseTransfer::Stream;
    match &uri.call {
        Call::Function { .. } if method != "POST" => {
            return Err(format!("functions are called by POST, not by {method}"));
        }
        Call::Function { streamed, .. } if *streamed != streams => {
            return Err(format!(
                "responseTransferMode {} does not fit the operation of the uri",
                settings.response_transfer
            ));
        }
        Call::Function { .. } if streams && !is_proxy => {
            return Err("only AWS_PROXY integrations can stream".to_owned());
        }
        Call::Function { .. } => {}
        Call::Action { .. } | Call::Path(_) if is_proxy => {
            return Err("AWS_PROXY integrations call functions alone".to_owned());
        }
        Call::Action { .. } | Call::Path(_) => {}
    }
    Ok(AwsBackend {
        uri,
        method: method.into(),
        credentials: credentials.transpose()?.map(Into::into),
        is_proxy,
        streams,
        timeout_ms: settings.timeout_ms,
    })
}
