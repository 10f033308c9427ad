//! The whole configuration as a file. Restoring is not an operation: it is done where no node runs.

use std::sync::Arc;

use model::Backup;

use crate::{answer::Answer, call::Call, refusal::Refusal};

/// As of what this node has applied; the revision is in the answer's header.
pub(super) fn take(call: &Call<'_>) -> Result<Answer, Refusal> {
    let config = call.ports.store.config();
    let revision = config.revision;
    let backup = Backup {
        taken_ms: call.now_ms,
        config: Arc::clone(&config),
    };
    let bytes = backup
        .to_bytes()
        .map_err(|error| Refusal::Internal(format!("writing the backup failed: {error}")))?;
    let answer = Answer::bytes("application/octet-stream", bytes);
    Ok(answer.with("x-edgeway-revision", &revision.to_string()))
}
