//! A region: runs APIs and tells POPs and DNS nodes what is configured.
//!
//! Requests enter from POPs (over the link) and at the region's own listener; both run through one
//! pipeline (`pipeline.rs` lists its phases in order) against one immutable plan. Whatever goes
//! wrong is a `Fault`, and `answer.rs` alone turns faults into bytes.
//!
//! It deliberately does not accept connections (`serve`, `link`), hold the configuration (`ledger`)
//! or know other regions: what it needs from other roles is passed in.

mod answer;
mod entry;
mod exchange;
mod fault;
mod feed;
mod forwarded;
mod issuers;
mod limits;
mod load;
mod metrics;
mod phases;
mod pipeline;
mod private;
mod record;
mod region;
mod request_id;
mod rest;
#[cfg(test)]
mod tests;
mod trials;
mod upstream;

pub use feed::{Ack, FeedServer, LiveNodes};
pub use issuers::{KeyTimes, KeysUnavailable};
pub use limits::{AskHome, Clock, LimitSettings, Limits, Moment};
pub use private::{
    Connector, ConnectorSettings, ConnectorSight, Connectors, Elsewhere, HealthCheck,
    OfferedUpstream, Upstream, UpstreamHealth, UpstreamTls,
};
pub use region::{Region, RegionError, RegionSettings};
pub use rest::{
    AuthorizerTest, AuthorizerTested, MethodTest, MethodTested, Tester, ViewerPlace, Viewers,
};
pub use upstream::{
    AwsCredentials, AwsEndpoint, AwsEndpointError, AwsSettings, TrustError, UpstreamSettings,
};
