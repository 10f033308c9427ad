//! Named limits of the ledger, and what happens when one is reached.

use std::time::Duration;

/// The longest encoded change. Longer ones are refused. An append must reach a follower within one
/// heartbeat interval, so this also says what bandwidth a region needs: 1 MiB in 500 ms.
pub const CHANGE_BYTES_MAX: usize = 1 << 20;
/// Bytes of changes that share one log entry, unless the first change alone is longer.
pub const BATCH_BYTES_MAX: usize = 1 << 20;
/// Changes that share one log entry; the next ones wait for the next entry.
pub const BATCH_CHANGES_MAX: usize = 128;
/// Entries the leader has proposed and not yet seen applied; the next batch waits.
pub const BATCHES_IN_FLIGHT_MAX: usize = 4;
/// Proposals that wait for a batch on the leader; the next one is refused as overload.
pub const PROPOSALS_WAITING_MAX: usize = 1024;
/// Bytes of entries read at once to send to a follower, unless the first entry alone is longer.
pub const APPEND_BYTES_MAX: usize = 1 << 20;
/// Entries in one append.
pub const APPEND_ENTRIES_MAX: u64 = 300;
/// Bytes of a snapshot in one message.
pub const SNAPSHOT_CHUNK_BYTES: u64 = 2 << 20;
/// Largest snapshot that a node accepts, in memory or from disk. As `model::codec` decodes.
pub const SNAPSHOT_BYTES_MAX: u64 = 1 << 30;
/// Log entries kept behind a snapshot, so that a follower that is a little late needs no snapshot.
pub const ENTRIES_KEPT: u64 = 1000;
/// Entries a learner may be behind when it is promoted; until then `promote` waits.
pub const PROMOTION_LAG_MAX: u64 = 16;
/// Memory for pages of the log's file, in bytes.
pub const CACHE_BYTES: usize = 32 << 20;
/// Writes of the log that share one sync; the next ones wait for the next sync.
pub const WRITES_PER_SYNC_MAX: usize = 256;
/// How long the position up to which the log is committed may stay unsynced. It is only a hint for
/// the next start; what is committed is decided by the log itself.
pub const COMMITTED_LAZINESS: Duration = Duration::from_millis(50);
/// How long an entry holds its place in flight. Then its proposals are undecided.
pub const SETTLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause before a proposal is sent again after it failed to reach a leader.
pub const RETRY_PAUSE: Duration = Duration::from_millis(50);
/// How long a refusal for lack of a leader or a membership change under way is waited out.
pub const MEMBERSHIP_TIMEOUT: Duration = Duration::from_secs(30);
/// How long `shutdown` waits for the log's file to be released.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
