//! A region lets in a node that proves what it is, under the policy that it names.
//!
//! The proof is judged here, by this region's clock and keys; that it is used once, and that the
//! policy is still as it was, is for the cluster to agree on. A proof of a machine is no proof that
//! only this machine has it: see `docs/adr/0045-nodes-prove-what-they-are.md`.

use std::sync::Arc;

use link::RpcRefusal;
use model::{
    Admission, Config, JoinChange, JoinPolicy, JoinProof, NodeId, NodeRole, Oidc, Op, Rejection,
    ResourceKind, codec::Only,
};
use plan::join::{self, Keys, Proven, Refused};

use super::Registrar;
use crate::cluster::{
    membership::{self, now_ms},
    message::{OfferedProof, Proof, Refusal},
};

/// A refusal, and its label in metrics.
pub(super) struct Unfit {
    pub(super) reason: &'static str,
    pub(super) refusal: RpcRefusal,
}

impl Unfit {
    pub(super) fn rejected(reason: &'static str, text: impl std::fmt::Display) -> Self {
        Self {
            reason,
            refusal: Refusal::Rejected.because(text),
        }
    }

    fn unavailable(reason: &'static str, text: impl std::fmt::Display) -> Self {
        Self {
            reason,
            refusal: Refusal::Unavailable.because(text),
        }
    }
}

/// What has nothing to do with what is proven.
impl From<RpcRefusal> for Unfit {
    fn from(refusal: RpcRefusal) -> Self {
        Self {
            reason: "cluster",
            refusal,
        }
    }
}

impl From<Refused> for Unfit {
    fn from(refused: Refused) -> Self {
        Self::rejected(refused.reason(), refused)
    }
}

impl Registrar {
    /// The number of a node that may join by what it proves; and how it did, for metrics.
    pub(super) async fn admit(
        &self,
        offered: OfferedProof,
        (node, csr_der): (model::Node, &[u8]),
    ) -> Result<(NodeId, &'static str), Unfit> {
        let config = Arc::clone(&self.ledger.config().borrow());
        let policy = fitting(&config, &offered)?;
        let proven = self.judge(policy, &offered.proof).await?;
        let admission = Admission {
            policy: policy.name.clone(),
            stored: policy.stored,
            subject: proven.subject,
            until_ms: proven.until_ms,
            request_sha256: link::fingerprint(csr_der),
            node,
        };
        let kind = policy.proof.kind();
        let op = Op::Joining(Only(Box::new(JoinChange::Admit(admission))));
        let by = format!("join-policy-{}", policy.name);
        let applied = self.ledger.propose(membership::change(&by, op)).await;
        let applied = applied.map_err(|error| Unfit::unavailable("unavailable", error))?;
        let outcome = applied.outcome.map_err(rejected)?;
        let none = || Unfit::unavailable("unavailable", "no number given");
        Ok((outcome.node.ok_or_else(none)?, kind))
    }

    async fn judge(&self, policy: &JoinPolicy, proof: &Proof) -> Result<Proven, Unfit> {
        match (&policy.proof, proof) {
            (JoinProof::AwsIid(wanted), Proof::AwsDocument(text)) => {
                Ok(join::judge_instance(wanted, text, now_ms())?)
            }
            (JoinProof::Oidc(wanted), Proof::Token(text)) => self.judge_token(wanted, text).await,
            (wanted @ (JoinProof::AwsIid(_) | JoinProof::Oidc(_)), _) => {
                Err(Refused::Kind(wanted.kind()).into())
            }
        }
    }

    async fn judge_token(&self, wanted: &Oidc, text: &str) -> Result<Proven, Unfit> {
        let text = text.trim();
        let unreadable = |error| Unfit::unavailable("token_keys_unavailable", error);
        let keys = match join::keys(wanted).map_err(|error| unreadable(error.to_string()))? {
            Keys::Given(keys) => Arc::new(keys),
            Keys::Fetched(source) => {
                // Before anything is fetched for a stranger.
                let id = join::key_id(wanted, text)?;
                let fetched = self.region.issuer_keys(&source, &id).await;
                fetched.map_err(|error| unreadable(error.to_string()))?
            }
        };
        Ok(join::judge_token(wanted, &keys, text, now_ms())?)
    }
}

/// The policy that a node names, if it makes of it what it says it is.
fn fitting<'c>(config: &'c Config, offered: &OfferedProof) -> Result<&'c JoinPolicy, Unfit> {
    let policy = config.joining.policies.get(offered.policy.as_str());
    let policy = policy.ok_or_else(|| {
        let text = format!("the join policy {} is not known", offered.policy);
        Unfit::rejected("policy_unknown", text)
    })?;
    let (role, place) = words(&policy.role);
    if role != offered.role {
        let text = format!(
            "the join policy {} is for nodes of role {role}, and this one's settings have section \
             {}",
            policy.name, offered.role
        );
        return Err(Unfit::rejected("role", text));
    }
    if offered.place.as_ref().is_some_and(|wanted| wanted != place) {
        let text = format!("the join policy {} is for {role} {place}", policy.name);
        return Err(Unfit::rejected("place", text));
    }
    Ok(policy)
}

/// A role as settings name it, and its place.
fn words(role: &NodeRole) -> (&'static str, &str) {
    match role {
        NodeRole::Region(name) => ("region", name.as_str()),
        NodeRole::Pop(name) => ("pop", name.as_str()),
        NodeRole::Dns => ("dns", ""),
        NodeRole::Connector(name) => ("connector", name.as_str()),
    }
}

fn rejected(rejection: Rejection) -> Unfit {
    let reason = match &rejection {
        Rejection::Conflict { kind, .. } if *kind == ResourceKind::JoinUse => "proof_used",
        Rejection::Conflict { kind, .. } if *kind == ResourceKind::JoinPolicy => {
            // It was changed a moment ago, which the next try will see.
            return Unfit::unavailable("policy_changed", rejection);
        }
        Rejection::Limit { .. } => "limit",
        _ => "cluster",
    };
    Unfit::rejected(reason, rejection)
}
