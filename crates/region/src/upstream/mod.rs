//! Calls to backends: the only place of the region that opens connections to anything.
//!
//! One `Upstreams` per worker, used by that worker's requests alone, so that no connection, lock or
//! counter of the pool crosses cores. It knows origins, requests and answers, and nothing of APIs.

mod aws;
mod aws_settings;
mod connect;
mod decisions;
mod error;
mod http;
mod lambda;
mod lambda_stream;
mod lease;
mod pool;
mod resolve;
mod settings;
mod tls;

pub(crate) use aws::{AwsCall, AwsError};
pub use aws_settings::{AwsCredentials, AwsEndpoint, AwsEndpointError, AwsSettings};
pub(crate) use decisions::{Decisions, Key};
pub(crate) use error::UpstreamError;
pub(crate) use http::{KeepHost, Shared, Upstreams};
pub(crate) use lambda::Invocation;
pub use settings::UpstreamSettings;
pub(crate) use tls::BackendTls;
pub use tls::TrustError;
