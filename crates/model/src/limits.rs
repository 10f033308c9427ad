//! Named limits of a configuration. Reaching one is a `Rejection::Limit`, never a truncation.

/// APIs in a cluster. Amazon's default is 600 a region; ours is bounded by memory alone.
pub const APIS_MAX: usize = 100_000;
/// Routes of one HTTP API. Amazon's default is 300.
pub const ROUTES_PER_API_MAX: usize = 10_000;
/// Integrations of one HTTP API. Amazon's default is 300.
pub const INTEGRATIONS_PER_API_MAX: usize = 10_000;
/// Stages of one API. Amazon's default is 10.
pub const STAGES_PER_API_MAX: usize = 100;
/// Deployments that a user made and keeps, per API.
pub const DEPLOYMENTS_PER_API_MAX: usize = 1_000;
/// Automatic deployments kept per API once no stage points to them.
pub const AUTO_DEPLOYMENTS_KEPT: usize = 5;
/// Custom domains in a cluster.
pub const DOMAINS_MAX: usize = 10_000;
/// API mappings of one custom domain. Amazon's quota is 200.
pub const MAPPINGS_PER_DOMAIN_MAX: usize = 1_000;
/// Stage variables of one stage.
pub const STAGE_VARIABLES_MAX: usize = 1_000;
/// Tags of one resource, as Amazon's.
pub const TAGS_MAX: usize = 50;
/// Zones, records of one zone, latency priors, keys, tokens, certificates, nodes in a cluster.
pub const CLUSTER_THINGS_MAX: usize = 10_000;
/// Join policies in a cluster.
pub const JOIN_POLICIES_MAX: usize = 1_000;
/// Proofs that are remembered as used; of those that no policy would take any more, the ones whose
/// nodes have gone are forgotten first.
pub const JOIN_USES_MAX: usize = 10_000;
/// Keys of one zone: two of each role while they are replaced, with room for one more change.
pub const KEYS_PER_ZONE_MAX: usize = 6;
/// Names of one certificate by ACME; authorities allow 100.
pub const ACME_NAMES_MAX: usize = 100;
/// Rollouts at the same time.
pub const ROLLOUTS_MAX: usize = 100;
/// Rollouts remembered after their end.
pub const ROLLOUT_RECORDS_KEPT: usize = 50;
/// Accepted changes that the audit trail keeps.
pub const AUDIT_ENTRIES_KEPT: usize = 10_000;
/// Resources that one entry of the audit trail names.
pub const AUDIT_RESOURCES_MAX: usize = 16;
/// Revisions whose resources can be shown and gone back to.
pub const PAST_REVISIONS_KEPT: usize = 1_000;
/// Bytes that those may take in a snapshot; the oldest are forgotten first.
pub const PAST_BYTES_MAX: u64 = 32 << 20;
/// Outcomes remembered so that a change proposed twice is applied once.
pub const REMEMBERED_OUTCOMES: usize = 8_192;
/// Resources of one REST API. Amazon's default is 300.
pub const RESOURCES_PER_API_MAX: usize = 10_000;
/// Private endpoints associated with one private domain. Amazon's quota is 100.
pub const ASSOCIATIONS_PER_DOMAIN_MAX: usize = 1_000;
/// Routing rules of one custom domain. Amazon's quota is 50.
pub const ROUTING_RULES_PER_DOMAIN_MAX: usize = 200;
/// Responses of one route or integration of a WebSocket API.
pub const RESPONSES_MAX: usize = 300;
/// Models, validators, authorizers, or documentation parts of one REST API. Amazon allows 60
/// models, 10 authorizers and 2,000 documentation parts.
pub const PARTS_PER_API_MAX: usize = 10_000;
/// Documentation versions of one REST API.
pub const DOCUMENTATION_VERSIONS_MAX: usize = 1_000;
/// Keys that clients of APIs send, in a cluster. Amazon's quota is 10,000 a region.
pub const API_KEYS_MAX: usize = 100_000;
/// Usage plans that one key may be in, as Amazon's.
pub const PLANS_PER_KEY_MAX: usize = 10;
/// Bytes of a change that comes in parts: a definition of 6 MB, the largest that can be imported,
/// takes less.
pub const CHANGE_IN_PARTS_BYTES_MAX: usize = 16 << 20;
/// Changes whose parts wait for one another; the oldest are forgotten.
pub const CHANGES_IN_PARTS_MAX: usize = 8;
/// Operations that one change may hold: a file of 1,000 API keys, each put into 10 usage plans.
pub const BATCH_OPS_MAX: usize = 11_000;
