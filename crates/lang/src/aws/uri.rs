//! Reading `arn:aws:apigateway:{region}:{subdomain.}{service}:{action|path}/{..}`.

/// Longest URI.
const URI_BYTES_MAX: usize = 2048;
const BUFFERED: (&str, &str) = ("2015-03-31/functions/", "/invocations");
const STREAMED: (&str, &str) = ("2021-11-15/functions/", "/response-streaming-invocations");

/// What an integration or an authorizer calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntegrationUri {
    /// Where the service is, such as `us-east-1`.
    pub region: String,
    /// What stands before the service, such as a bucket.
    pub subdomain: Option<String>,
    /// Such as `dynamodb`.
    pub service: String,
    /// What is called there.
    pub call: Call,
}

/// What is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// A function, by name or ARN; a qualifier may follow.
    Function {
        /// Name or ARN.
        name: String,
        /// By the operation that streams.
        streamed: bool,
    },
    /// An operation, with further parameters of the query.
    Action {
        /// Such as `SendMessage`.
        name: String,
        /// `a=b&c={d}`; may be empty.
        query: String,
    },
    /// A path and maybe a query; may hold `{name}`.
    Path(String),
}

/// Why a text is no such URI.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// Not of the form.
    #[error(
        "the URI is not arn:aws:apigateway:REGION:SERVICE:action/.. or \
         arn:aws:apigateway:REGION:SERVICE:path/.."
    )]
    Form,
    /// Longer than any.
    #[error("the URI is longer than {URI_BYTES_MAX} bytes")]
    TooLong,
    /// Region, subdomain or service have characters that no host has.
    #[error("region or service of the URI is not a name")]
    Name,
    /// Names no function.
    #[error("the URI of a function is not ..:lambda:path/2015-03-31/functions/ARN/invocations")]
    Function,
}

impl IntegrationUri {
    /// Reads a URI whose stage variables have been put in.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn parse(text: &str) -> Result<Self, UriError> {
        if text.len() > URI_BYTES_MAX {
            return Err(UriError::TooLong);
        }
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().ok_or(UriError::Form);
        let (arn, partition, gateway) = (next()?, next()?, next()?);
        let (region, host, call) = (next()?, next()?, next()?);
        let known = partition == "aws" || partition.starts_with("aws-");
        if arn != "arn" || !known || gateway != "apigateway" {
            return Err(UriError::Form);
        }
        let (subdomain, service) = match host.rsplit_once('.') {
            Some((subdomain, service)) => (Some(subdomain), service),
            None => (None, host),
        };
        let is_name = |text: &str| {
            let fine = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.' || c == '_';
            !text.is_empty() && text.len() <= 255 && text.chars().all(fine)
        };
        if !is_name(region) || !is_name(service) || !subdomain.is_none_or(is_name) {
            return Err(UriError::Name);
        }
        let call = if let Some(action) = call.strip_prefix("action/") {
            let (name, query) = action.split_once('&').unwrap_or((action, ""));
            if !is_name(name) {
                return Err(UriError::Form);
            }
            Call::Action {
                name: name.to_owned(),
                query: query.to_owned(),
            }
        } else if let Some(path) = call.strip_prefix("path/") {
            if service == "lambda" {
                function(path)?
            } else {
                Call::Path(path.to_owned())
            }
        } else {
            return Err(UriError::Form);
        };
        Ok(Self {
            region: region.to_owned(),
            subdomain: subdomain.map(str::to_owned),
            service: service.to_owned(),
            call,
        })
    }

    /// The function that it calls, and whether by the operation that streams.
    #[must_use]
    pub fn function(&self) -> Option<(&str, bool)> {
        match &self.call {
            Call::Function { name, streamed } => Some((name, *streamed)),
            Call::Action { .. } | Call::Path(_) => None,
        }
    }
}

fn function(path: &str) -> Result<Call, UriError> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let cut = |(before, after): (&str, &str)| {
        let name = path.strip_prefix(before)?.strip_suffix(after)?;
        let fine = |c: char| c.is_ascii_alphanumeric() || ":-_.$".contains(c);
        let is_name = !name.is_empty() && name.chars().all(fine);
        is_name.then(|| name.to_owned())
    };
    let buffered = cut(BUFFERED).map(|name| (name, false));
    let (name, streamed) = buffered
        .or_else(|| cut(STREAMED).map(|name| (name, true)))
        .ok_or(UriError::Function)?;
    Ok(Call::Function { name, streamed })
}
