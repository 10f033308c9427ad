//! One request on its way through an operation, and what a writing operation wants.

use http::StatusCode;
use model::{Config, Op, Origin, RolloutMode};
use tokio::sync::Semaphore;

use crate::{
    admin::{AdminSettings, Ports},
    answer::Answer,
    document::Document,
    refusal::Refusal,
    repeat::Repeat,
};

/// Everything an operation may look at.
pub(crate) struct Call<'a> {
    pub(crate) settings: &'a AdminSettings,
    pub(crate) ports: &'a Ports,
    /// Room for those who wait for a revision.
    pub(crate) waiters: &'a Semaphore,
    /// As of the request's arrival.
    pub(crate) config: &'a Config,
    /// The values of the path's variables, decoded, in order.
    pub(crate) arguments: Vec<String>,
    /// Decoded.
    pub(crate) query: Vec<(String, String)>,
    /// The body, of operations that take JSON.
    pub(crate) document: Document,
    /// The body as sent.
    pub(crate) body: &'a [u8],
    /// The header `Accept`; empty when there is none.
    pub(crate) accept: &'a str,
    /// The operation's name.
    pub(crate) operation: &'static str,
    pub(crate) now_ms: u64,
    /// How the caller wants changes to reach the nodes, if it says so.
    pub(crate) mode: Option<RolloutMode>,
    /// The caller's access key.
    pub(crate) by: &'a str,
    /// What the call's choices follow from, if it has a name.
    pub(crate) repeat: Option<Repeat>,
    /// For the audit trail.
    pub(crate) origin: Origin,
}

/// What to change, all of it or nothing, and how to show the result.
pub(crate) struct Write {
    pub(crate) ops: Vec<Op>,
    pub(crate) render: Render,
}

/// Makes the answer from the configuration that includes the changes.
pub(crate) type Render = Box<dyn FnOnce(&Config) -> Result<Answer, Refusal> + Send>;

impl Call<'_> {
    /// The path's variable number `at`.
    pub(crate) fn argument(&self, at: usize) -> &str {
        self.arguments.get(at).map_or("", String::as_str)
    }

    /// The first value of a query parameter.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

impl Write {
    /// The one change that is to be proposed, if there is anything to change.
    pub(crate) fn into_change(mut self) -> (Option<Op>, Render) {
        let op = if self.ops.len() > 1 {
            Some(Op::Batch(self.ops))
        } else {
            self.ops.pop()
        };
        (op, self.render)
    }

    /// One change, and the resource it leaves.
    pub(crate) fn showing(
        op: Op,
        render: impl FnOnce(&Config) -> Result<Answer, Refusal> + Send + 'static,
    ) -> Self {
        Self {
            ops: vec![op],
            render: Box::new(render),
        }
    }

    /// One change that leaves nothing to show: 204.
    pub(crate) fn silent(op: Op) -> Self {
        Self::showing(op, |_| Ok(Answer::empty(StatusCode::NO_CONTENT)))
    }
}
