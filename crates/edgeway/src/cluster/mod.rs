//! What makes a process part of a cluster, whatever its role: its identity, the paths to the
//! regions, what it reports to them, and the configuration it receives from them.
//!
//! Roles know nothing of this; they get watch channels and trait objects.

pub(crate) mod acme;
pub(crate) mod caps;
pub(crate) mod control;
pub(crate) mod dialling;
pub(crate) mod directory;
pub(crate) mod enroll;
pub(crate) mod explain;
pub(crate) mod fleet;
pub(crate) mod guard;
pub(crate) mod latency;
pub(crate) mod limits;
pub(crate) mod load;
pub(crate) mod membership;
pub(crate) mod message;
pub(crate) mod neighbours;
pub(crate) mod proof;
pub(crate) mod purge;
pub(crate) mod relay;
pub(crate) mod renewal;
pub(crate) mod report;
pub(crate) mod rollout;
pub(crate) mod store;
pub(crate) mod subscriber;
pub(crate) mod usage_files;
pub(crate) mod view;
