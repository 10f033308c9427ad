//! Signed calls to AWS services.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header::HOST};
use lang::{
    aws::Service,
    sigv4::{self, Destination, Message},
};
use plan::region::Origin;
use serve::Body;

use super::{UpstreamError, Upstreams, aws_settings::AwsCredentials};

/// One call.
pub(crate) struct AwsCall<'a> {
    /// Such as `us-east-1`.
    pub(crate) region: &'a str,
    /// As URIs name it.
    pub(crate) service: &'a str,
    /// What stands before the service, such as a bucket.
    pub(crate) subdomain: Option<&'a str>,
    /// The role whose secret signs.
    pub(crate) credentials: Option<&'a str>,
    pub(crate) method: Method,
    /// Begins with a slash; encoded as it is to be sent.
    pub(crate) path: &'a str,
    /// Encoded as it is to be sent; may be empty.
    pub(crate) query: &'a str,
    /// All are signed.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The time of signing, milliseconds since 1970.
    pub(crate) now_ms: u64,
}

/// Why a call to AWS gave no answer that can be used. Closed; the names are metric labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AwsError {
    /// The integration wants the caller's credentials, which no gateway but Amazon's has.
    #[error("credentials of the caller (arn:aws:iam::*:user/*) cannot be used: name a role")]
    CallerCredentials,
    /// Neither the role nor the node has any.
    #[error("no credentials: settings key 'aws.credentials' has none for the role, nor a default")]
    NoCredentials,
    /// Path, query or a header cannot be sent.
    #[error("the call has a path or a header that cannot be sent")]
    BadCall,
    /// The service said that it may not be called.
    #[error("the service denied access")]
    Denied,
    /// The request is larger than the service takes.
    #[error("the request is too large for the service")]
    TooLarge,
    /// The service refused the call otherwise, or failed.
    #[error("the service answered {0}")]
    Refused(u16),
    /// The function failed before its answer began.
    #[error("the function failed")]
    Function,
    /// The answer ended too early, was too long or not what it must be.
    #[error("the service's answer cannot be read")]
    Answer,
    /// There was no answer.
    #[error(transparent)]
    Upstream(UpstreamError),
}

impl AwsError {
    /// Its name in metrics and logs.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::CallerCredentials => "aws_caller_credentials",
            Self::NoCredentials => "aws_no_credentials",
            Self::BadCall => "aws_bad_call",
            Self::Denied => "aws_denied",
            Self::TooLarge => "aws_too_large",
            Self::Refused(_) => "aws_refused",
            Self::Function => "aws_function_failed",
            Self::Answer => "aws_bad_answer",
            Self::Upstream(error) => error.reason(),
        }
    }
}

impl From<UpstreamError> for AwsError {
    fn from(error: UpstreamError) -> Self {
        Self::Upstream(error)
    }
}

impl Upstreams {
    /// Where a call goes, for the log of a test; the path may have a query.
    pub(crate) fn aws_uri(
        &self,
        (service, region, subdomain): (&str, &str, Option<&str>),
        path: &str,
    ) -> String {
        let service = Service::named(service);
        let place = self.aws().place(&service, region, subdomain);
        let scheme = if place.origin.https { "https" } else { "http" };
        format!(
            "{scheme}://{}{}{path}",
            place.origin.authority, place.prefix
        )
    }

    /// Where user pools of a region are, and what stands before each path there.
    pub(crate) fn user_pools(&self, region: &str) -> (Arc<Origin>, String) {
        let place = self
            .aws()
            .place(&Service::named("cognito-idp"), region, None);
        (place.origin, place.prefix)
    }

    /// Signs and sends, and waits for the answer's head. The caller limits the time.
    pub(crate) async fn call_aws(&self, call: AwsCall<'_>) -> Result<Response<Body>, AwsError> {
        let settings = self.aws();
        let service = Service::named(call.service);
        let place = settings.place(&service, call.region, call.subdomain);
        let path = format!("{}{}", place.prefix, call.path);
        let credentials = settings.credentials(call.credentials)?;
        let mut request = request(&call, &path)?;
        match credentials {
            Some(credentials) => sign(&mut request, &call, credentials, (&service, &place.origin))?,
            // A stand-in for Lambda may ask for no signature; Amazon always does.
            None if place.chosen => {}
            None => return Err(AwsError::NoCredentials),
        }
        Ok(self.call(&place.origin, request).await?)
    }
}

fn request(call: &AwsCall<'_>, path: &str) -> Result<Request<Body>, AwsError> {
    let target = if call.query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", call.query)
    };
    let body = if call.body.is_empty() {
        Body::empty()
    } else {
        Body::full(call.body.clone())
    };
    let mut request = Request::new(body);
    *request.method_mut() = call.method.clone();
    *request.uri_mut() = target.parse().map_err(|_| AwsError::BadCall)?;
    *request.headers_mut() = call.headers.clone();
    request.headers_mut().remove(HOST);
    Ok(request)
}

fn sign(
    request: &mut Request<Body>,
    call: &AwsCall<'_>,
    credentials: &AwsCredentials,
    (service, origin): (&Service<'_>, &Origin),
) -> Result<(), AwsError> {
    let sent = request.headers().iter();
    let mut headers: Vec<(&str, &[u8])> = sent
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    headers.push(("host", origin.authority.as_bytes()));
    let message = Message {
        method: call.method.as_str(),
        path: request.uri().path(),
        query: call.query,
        headers: &headers,
        body: &call.body,
    };
    let own = sigv4::Credentials {
        access_key_id: &credentials.access_key_id,
        secret: &credentials.secret_access_key,
        session_token: credentials.session_token.as_deref(),
    };
    let destination = Destination {
        // One for the whole world, which signs as if it were there.
        region: if service.name == "iam" {
            "us-east-1"
        } else {
            call.region
        },
        service: service.signing_name,
    };
    let added = sigv4::sign_call(&message, &own, &destination, call.now_ms);
    for (name, value) in added {
        let mut value = HeaderValue::try_from(value).map_err(|_| AwsError::BadCall)?;
        value.set_sensitive(true);
        request
            .headers_mut()
            .insert(HeaderName::from_static(name), value);
    }
    Ok(())
}
