//! Why a signature is not accepted, in the words of AWS; every one of them is a 403.

/// Why a request counts as not signed. `Display` is the message for the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Neither an `Authorization` header nor a signature in the query.
    #[error("Missing Authentication Token")]
    Missing,
    /// The `Authorization` header is of another kind, such as `Bearer`.
    #[error(
        "Unsupported algorithm in the Authorization header; {} is expected",
        super::ALGORITHM
    )]
    Algorithm,
    /// A part of the signature is absent.
    #[error("Authorization header requires '{0}' parameter.")]
    Part(&'static str),
    /// A part of the query's signature is absent.
    #[error(
        "AWS query-string parameters must include '{0}'. \
         Re-examine the query-string parameters."
    )]
    Parameter(&'static str),
    /// The time of signing is absent or given more than once.
    #[error("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")]
    Date,
    /// The time of signing is not of the form `YYYYMMDDTHHMMSSZ`.
    #[error(
        "Date must be in ISO-8601 'basic format'. Got '{0}'. \
         See http://en.wikipedia.org/wiki/ISO_8601"
    )]
    DateFormat(String),
    /// The credential is not `KEY/DATE/REGION/SERVICE/aws4_request`.
    #[error(
        "Credential must have exactly 5 slash-delimited elements, \
         e.g. keyid/date/region/service/term, got '{0}'"
    )]
    Credential(String),
    /// More headers are signed than a verifier looks at.
    #[error("at most {} headers may be signed", super::SIGNED_HEADERS_MAX)]
    TooManyHeaders,
    /// `X-Amz-Expires` is not from 1 to a week.
    #[error("X-Amz-Expires must be between 1 and {} seconds", super::EXPIRES_MAX_S)]
    Expires,
    /// The key is not known, is turned off, or comes with a session token (there are none).
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    /// The scope's day is not the day of signing.
    #[error(
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from \
         HTTP: '{scope}' != '{day}', from '{date}'."
    )]
    ScopeDate {
        /// The scope's.
        scope: String,
        /// The time of signing's.
        day: String,
        /// The whole time of signing.
        date: String,
    },
    /// The scope names another service.
    #[error("Credential should be scoped to correct service: '{0}'.")]
    Service(String),
    /// The scope does not end in `aws4_request`.
    #[error("Credential should be scoped with a valid terminator: 'aws4_request', not '{0}'.")]
    Terminator(String),
    /// `host` is not among the signed headers.
    #[error("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")]
    HostNotSigned,
    /// The payload is declared unsigned or signed in chunks.
    #[error("the payload must be signed as a whole: x-amz-content-sha256 '{0}' is not supported")]
    Payload(String),
    /// Signed too long ago.
    #[error("Signature expired: {signed} is now earlier than {limit} ({now} - 5 min.)")]
    Expired {
        /// When it was signed, or when a presigned request ended.
        signed: String,
        /// The earliest time that is still accepted.
        limit: String,
        /// The verifier's time.
        now: String,
    },
    /// Signed in the future.
    #[error("Signature not yet current: {signed} is still later than {limit} ({now} + 5 min.)")]
    NotYet {
        /// When it was signed.
        signed: String,
        /// The latest time that is accepted.
        limit: String,
        /// The verifier's time.
        now: String,
    },
    /// The signature is another one than the secret gives.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check \
         your AWS Secret Access Key and signing method. Consult the service documentation for \
         details."
    )]
    Mismatch,
}

impl Refusal {
    /// The name of the AWS exception.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing => "MissingAuthenticationTokenException",
            Self::Algorithm
            | Self::Part(_)
            | Self::Parameter(_)
            | Self::Date
            | Self::DateFormat(_)
            | Self::Credential(_)
            | Self::TooManyHeaders
            | Self::Expires => "IncompleteSignatureException",
            Self::UnknownKey => "UnrecognizedClientException",
            Self::ScopeDate { .. }
            | Self::Service(_)
            | Self::Terminator(_)
            | Self::HostNotSigned
            | Self::Payload(_)
            | Self::Expired { .. }
            | Self::NotYet { .. }
            | Self::Mismatch => "InvalidSignatureException",
        }
    }

    /// Its name in metrics and logs.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Algorithm => "algorithm",
            Self::Part(_) | Self::Parameter(_) => "incomplete",
            Self::Date | Self::DateFormat(_) => "date",
            Self::Credential(_) => "credential",
            Self::TooManyHeaders => "too_many_headers",
            Self::Expires => "expires",
            Self::UnknownKey => "unknown_key",
            Self::ScopeDate { .. } | Self::Service(_) | Self::Terminator(_) => "scope",
            Self::HostNotSigned => "host_not_signed",
            Self::Payload(_) => "payload",
            Self::Expired { .. } => "expired",
            Self::NotYet { .. } => "not_yet",
            Self::Mismatch => "mismatch",
        }
    }
}
