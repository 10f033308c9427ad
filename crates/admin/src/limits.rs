//! Named limits of the management API. Reaching one is a refusal with a reason, and counted.

/// Largest request body: what Amazon allows for an imported definition.
pub const BODY_BYTES_MAX: usize = 6 << 20;
/// Requests that run at the same time.
pub const REQUESTS_MAX: usize = 256;
/// Requests that wait for a revision at the same time.
pub const WAITERS_MAX: usize = 64;
/// Items of a list when the caller does not say; as Amazon's.
pub const PAGE_ITEMS: usize = 25;
/// Items of a list at most; a larger `maxResults` gets this many.
pub const PAGE_ITEMS_MAX: usize = 500;
/// How often a change is proposed again while it is unknown whether it took effect.
pub const PROPOSE_TRIES: usize = 3;
/// After so long it is not proposed again: half of what one proposal may wait for a leader.
pub const PROPOSE_AGAIN_WITHIN: std::time::Duration = std::time::Duration::from_secs(5);
/// Characters of the reason that a caller gives for a change.
pub const REASON_BYTES_MAX: usize = 256;
/// Longest wait for a revision, seconds.
pub const WAIT_S_MAX: u64 = 300;
/// Wait for a revision when the caller does not say, seconds.
pub const WAIT_S: u64 = 30;
/// Characters of a certificate chain or key in PEM.
pub const PEM_CHARS_MAX: usize = 64 << 10;
/// Certificates in one chain.
pub const CHAIN_MAX: usize = 10;
/// Longest life of a join token, seconds: a week.
pub const TOKEN_TTL_S_MAX: i64 = 604_800;
/// How long the old secret of a rotated access key is good for at most, seconds: a week.
pub const ROTATION_GRACE_S_MAX: i64 = 604_800;
/// The same when the caller does not say, seconds.
pub const ROTATION_GRACE_S: i64 = 3_600;
/// Fields that one answer about differences shows.
pub const DIFFERENCES_MAX: usize = 10_000;
/// Most nodes that one join token admits.
pub const TOKEN_USES_MAX: i64 = 1_000;
/// Life of a join token when the caller does not say, seconds.
pub const TOKEN_TTL_S: i64 = 3_600;
/// Longest time since an instance's start for which it may join, seconds: a year.
pub const JOIN_AGE_S_MAX: i64 = 31_536_000;
/// The same when the caller does not say, seconds: machines join while they start.
pub const JOIN_AGE_S: u32 = 900;
/// Certificates, and values of each condition, of a join policy.
pub const JOIN_VALUES_MAX: usize = 100;
/// Values in an OpenAPI file, after YAML aliases are followed.
pub const OPENAPI_VALUES_MAX: usize = 2_000_000;
/// Faults of an OpenAPI file that are told at once.
pub const OPENAPI_FAULTS_MAX: usize = 100;
/// Bytes of an operation that go into one change; a longer operation is sent in parts. Half of what
/// the ledger takes, so that a part shares an append with others.
pub const PART_BYTES: usize = 512 << 10;
