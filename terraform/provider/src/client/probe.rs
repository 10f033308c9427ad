//! The first look at the endpoints: which of them answers, and whether it takes the key.
//!
//! A cluster that is down, or not there yet, is no error here: what needs it says so. A certificate
//! or a key that is refused will be so for every call, and is better told once.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use http::Method;
use serde_json::Value as Json;
use tokio::{task::JoinSet, time::timeout};

use super::{CallError, Client, Kind};

pub(super) const STATUS: &str = "/edgeway/v1/status";

/// Beyond it, calls find out by themselves who answers.
const LOOK_WITHIN: Duration = Duration::from_secs(6);

impl Client {
    /// Asks all endpoints at once; the first one that has a leader is used from then on.
    ///
    /// # Errors
    /// When none answers well and one refuses the key, or has a certificate that is not trusted.
    pub(crate) async fn look(self: &Arc<Self>) -> Result<(), CallError> {
        let mut asked = JoinSet::new();
        for at in 0..self.sender.endpoints() {
            let client = Arc::clone(self);
            asked.spawn(async move { (at, client.look_at(at).await) });
        }
        let mut refused = None;
        let mut without_leader = None;
        // Those who take too long are left alone: their calls end with the set.
        while let Ok(Some(Ok((at, seen)))) = timeout(LOOK_WITHIN, asked.join_next()).await {
            match seen {
                Ok(status) if is_led(&status) => {
                    self.learn(&status);
                    self.sender.prefer(at);
                    return Ok(());
                }
                Ok(_) => without_leader = Some(at),
                Err(error) if is_for_good(&error) => refused = Some(error),
                Err(_) => {}
            }
        }
        match (without_leader, refused) {
            (Some(at), _) => self.sender.prefer(at),
            (None, Some(error)) => return Err(error),
            (None, None) => {}
        }
        Ok(())
    }

    /// What the cluster can do; one that is made in this run is first seen later.
    pub(super) fn learn(&self, status: &Json) {
        let names = status.get("idempotencyKeys").and_then(Json::as_bool);
        self.names.store(names == Some(true), Ordering::Relaxed);
    }

    async fn look_at(&self, at: usize) -> Result<Json, CallError> {
        self.count();
        let sent = (&Method::GET, STATUS, None);
        let answer = self.sender.exchange(at, sent, None, LOOK_WITHIN).await?;
        match answer.accepted(&Method::GET, STATUS) {
            Ok(answer) => answer.json(),
            // A key that may do other things than this is a key.
            Err(error) if error.kind() == Kind::Refused => Ok(Json::Null),
            Err(error) => Err(error),
        }
    }
}

fn is_led(status: &Json) -> bool {
    status.pointer("/raft/healthy").and_then(Json::as_bool) == Some(true)
}

const fn is_for_good(error: &CallError) -> bool {
    matches!(error.kind(), Kind::Untrusted | Kind::Unauthorized)
}
