//! The access log of a stage, in its owner's own format (docs/aws-behaviour.md, access logs).
//!
//! Rendered when the answer's head is ready; what is only known after the last byte is filled in
//! then. Values are put in as text, without escaping, and `-` stands for what is missing.

use std::{borrow::Cow, time::Duration};

use http::StatusCode;
use lang::mapping::Source;

use super::{Exchange, View};

/// A line that lacks what the end of the answer brings.
#[derive(Debug)]
pub(crate) struct Line(String);

/// Stand for the length and the time; no format holds them, since control characters are not
/// allowed there.
const LENGTH: &str = "\u{1}";
const LATENCY: &str = "\u{2}";

impl Line {
    /// The line of a request; none where its stage has no format or nobody listens.
    pub(crate) fn of(exchange: &Exchange<'_>, status: StatusCode) -> Option<Self> {
        let format = exchange.stage.access_log.as_ref()?;
        if !tracing::enabled!(target: "access::stage", tracing::Level::INFO) {
            return None;
        }
        let source = Values {
            view: View::of(exchange, None),
            status,
        };
        Some(Self(format.render(&source)))
    }

    /// The whole line.
    pub(crate) fn end(&self, bytes: u64, time: Duration) -> String {
        let length = self.0.replace(LENGTH, &bytes.to_string());
        length.replace(LATENCY, &time.as_millis().to_string())
    }
}

/// `$context` as access logs see it.
struct Values<'e, 'a> {
    view: View<'e, 'a>,
    status: StatusCode,
}

impl Values<'_, '_> {
    fn own(&self, name: &str) -> Option<String> {
        let note = &self.view.exchange.integration;
        Some(match name {
            "status" => self.status.as_str().to_owned(),
            "responseLength" => LENGTH.to_owned(),
            "responseLatency" => LATENCY.to_owned(),
            "integration.status" | "integration.integrationStatus" | "integrationStatus" => {
                note.status?.to_string()
            }
            "integration.latency" | "integrationLatency" => note.time?.as_millis().to_string(),
            "integration.error" | "integrationErrorMessage" => {
                let error = self.view.exchange.error.as_ref()?;
                let failed = note.time.is_some() && note.status.is_none();
                failed.then(|| error.message.clone())??.into_owned()
            }
            other => return self.view.context(other),
        })
    }
}

impl Source for Values<'_, '_> {
    fn request_path(&self, name: &str) -> Option<Cow<'_, str>> {
        self.view.request_path(name)
    }

    fn request_query(&self, name: &str) -> Vec<Cow<'_, str>> {
        self.view.request_query(name)
    }

    fn request_header(&self, name: &str) -> Vec<Cow<'_, str>> {
        self.view.request_header(name)
    }

    fn body(&self) -> Option<&str> {
        None
    }

    fn stage_variable(&self, name: &str) -> Option<Cow<'_, str>> {
        self.view.stage_variable(name)
    }

    fn context(&self, path: &str) -> Option<String> {
        let value = self.own(path).filter(|value| !value.is_empty());
        Some(value.unwrap_or_else(|| "-".to_owned()))
    }
}
