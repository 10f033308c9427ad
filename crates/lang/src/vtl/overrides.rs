//! What templates change about a call besides its body: `$context.requestOverride` and
//! `$context.responseOverride`. Applying them is the caller's work.

/// All overrides that templates of one call have set.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Overrides {
    /// What is sent to the integration.
    pub request: RequestOverrides,
    /// What is answered.
    pub response: ResponseOverrides,
}

/// Parameters of the request to the integration; each name once.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct RequestOverrides {
    /// Headers.
    pub header: Vec<(String, String)>,
    /// Path parameters.
    pub path: Vec<(String, String)>,
    /// Parameters of the query string.
    pub querystring: Vec<(String, String)>,
}

/// Headers and status of the answer; each name once.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ResponseOverrides {
    /// Headers.
    pub header: Vec<(String, String)>,
    /// The status, 100 to 599.
    pub status: Option<u16>,
}

/// One of the maps behind an override tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    RequestHeader,
    RequestPath,
    RequestQuerystring,
    ResponseHeader,
}

impl Target {
    /// As it is written in templates, for messages.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::RequestHeader => "requestOverride.header",
            Self::RequestPath => "requestOverride.path",
            Self::RequestQuerystring => "requestOverride.querystring",
            Self::ResponseHeader => "responseOverride.header",
        }
    }
}

impl Overrides {
    pub(super) const fn entries(&self, target: Target) -> &Vec<(String, String)> {
        match target {
            Target::RequestHeader => &self.request.header,
            Target::RequestPath => &self.request.path,
            Target::RequestQuerystring => &self.request.querystring,
            Target::ResponseHeader => &self.response.header,
        }
    }

    /// Sets one entry, replacing what an earlier template of the call has set.
    pub(super) fn put(&mut self, target: Target, name: &str, value: String) {
        let entries = match target {
            Target::RequestHeader => &mut self.request.header,
            Target::RequestPath => &mut self.request.path,
            Target::RequestQuerystring => &mut self.request.querystring,
            Target::ResponseHeader => &mut self.response.header,
        };
        match entries.iter_mut().find(|(known, _)| known == name) {
            Some(entry) => entry.1 = value,
            None => entries.push((name.to_owned(), value)),
        }
    }
}
