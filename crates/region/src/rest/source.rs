//! Where parameter mappings and gateway responses get their values from.

use std::borrow::Cow;

use http::HeaderMap;
use lang::mapping::Source;

use super::{Exchange, context};

/// A request, and the answer of its integration where there is one.
pub(crate) struct View<'e, 'a> {
    pub(crate) exchange: &'e Exchange<'a>,
    /// The request's body, if it has been read.
    pub(crate) body: Option<&'e str>,
    /// Headers of the integration's answer.
    pub(crate) headers: Option<&'e HeaderMap>,
    /// Its body, if it has been read.
    pub(crate) answer: Option<&'e str>,
}

impl<'e, 'a> View<'e, 'a> {
    /// A request alone.
    pub(crate) const fn of(exchange: &'e Exchange<'a>, body: Option<&'e str>) -> Self {
        Self {
            exchange,
            body,
            headers: None,
            answer: None,
        }
    }
}

impl Source for View<'_, '_> {
    fn request_path(&self, name: &str) -> Option<Cow<'_, str>> {
        let known = self.exchange.parameters.path.iter();
        last(known, name).map(Cow::Borrowed)
    }

    fn request_query(&self, name: &str) -> Vec<Cow<'_, str>> {
        let known = self.exchange.parameters.querystring.iter();
        known
            .filter(|(own, _)| own == name)
            .map(|(_, value)| Cow::Borrowed(value.as_str()))
            .collect()
    }

    fn request_header(&self, name: &str) -> Vec<Cow<'_, str>> {
        if name.eq_ignore_ascii_case("host") {
            let host = self
                .exchange
                .host
                .as_ref()
                .and_then(|host| host.to_str().ok());
            return host.map(Cow::Borrowed).into_iter().collect();
        }
        values(&self.exchange.headers, name)
    }

    fn body(&self) -> Option<&str> {
        self.body
    }

    fn integration_header(&self, name: &str) -> Vec<Cow<'_, str>> {
        self.headers
            .map(|headers| values(headers, name))
            .unwrap_or_default()
    }

    fn integration_body(&self) -> Option<&str> {
        self.answer
    }

    fn stage_variable(&self, name: &str) -> Option<Cow<'_, str>> {
        let value = self.exchange.variables().get(name)?;
        Some(Cow::Borrowed(value))
    }

    fn context(&self, path: &str) -> Option<String> {
        context::text(self.exchange, path)
    }
}

fn last<'e>(pairs: impl Iterator<Item = &'e (String, String)>, name: &str) -> Option<&'e str> {
    let mut found = pairs.filter(|(own, _)| own == name);
    let (_, value) = found.next()?;
    Some(found.last().map_or(value, |(_, value)| value))
}

fn values<'e>(headers: &'e HeaderMap, name: &str) -> Vec<Cow<'e, str>> {
    let texts = headers.get_all(name).into_iter();
    texts
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .collect()
}
