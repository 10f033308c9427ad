//! The replicated configuration: raft among the region nodes.
//!
//! A `Ledger` keeps a log of changes on disk, agrees on its order with the other regions, applies
//! it to a `model::Machine` and publishes each new `Config`. Any node accepts a proposal and hands
//! it to the leader. A change is acknowledged once a majority of the voters has synced it to disk,
//! and proposing it again with the same id never applies it twice.
//!
//! The consensus is openraft's, the log's file is redb's, messages travel over `link`; none of them
//! is named outside this crate. The ledger knows nothing of what a change means, decides no
//! membership by itself (it only follows members' addresses), and no request ever waits for it.

mod batch;
mod error;
mod handlers;
mod leader;
mod ledger;
pub mod limits;
mod machine;
mod members;
mod messages;
mod metrics;
mod network;
mod propose;
mod restore;
mod settings;
mod status;
mod store;
#[cfg(test)]
mod tests;
mod types;
mod watchdog;

pub use error::{LedgerError, MemberError, ProposeError};
pub use ledger::Ledger;
pub use network::PeerDirectory;
pub use propose::Applied;
pub use restore::{read_stopped, restore};
pub use settings::LedgerSettings;
pub use status::{Role, Status};
