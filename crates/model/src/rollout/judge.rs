//! Decides how a rollout goes on.

use super::{Rollout, RolloutPolicy, RolloutStage, Tally};

/// What is known of a rollout's stage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Milliseconds that the stage has lasted.
    pub soaked_ms: u64,
    /// Requests that the new version answered.
    pub new: Tally,
    /// Requests that the old version answered meanwhile.
    pub old: Tally,
    /// A node could not take the revision; says which and why.
    pub refused: Option<String>,
}

/// How a rollout goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it is.
    Wait,
    /// To the next stage.
    Advance,
    /// To everyone.
    Release,
    /// Back, for this reason.
    RollBack(String),
}

impl Rollout {
    /// Decides. A failed gate counts at once; a stage that nobody uses passes when its time is
    /// over, since waiting for requests could last for ever.
    #[must_use]
    pub fn judge(&self, policy: &RolloutPolicy, evidence: &Evidence) -> Verdict {
        if let Some(reason) = policy.failed_gate(evidence) {
            return Verdict::RollBack(reason);
        }
        if evidence.soaked_ms < u64::from(policy.soak_ms) {
            return Verdict::Wait;
        }
        match self.stage {
            RolloutStage::Pop => Verdict::Advance,
            RolloutStage::Region => Verdict::Release,
        }
    }
}

impl RolloutPolicy {
    fn failed_gate(&self, evidence: &Evidence) -> Option<String> {
        if let Some(refused) = &evidence.refused {
            return Some(format!("refused: {refused}"));
        }
        let (new, old, gates) = (&evidence.new, &evidence.old, &self.gates);
        let enough = |tally: &Tally| tally.requests >= u64::from(gates.requests_min.max(1));
        if !enough(new) {
            return None;
        }
        // Too few requests of the old version say nothing: then it counts as free of errors.
        let usual = if enough(old) { old.permille() } else { 0 };
        if new.permille() > usual + u64::from(gates.errors_rise_permille) {
            return Some(format!(
                "5xx: {} of {} requests ({} permille), {usual} permille before",
                new.errors,
                new.requests,
                new.permille()
            ));
        }
        let (slow, usual) = (new.p99_ms(), old.p99_ms());
        if enough(old) && slow > usual + u64::from(gates.p99_rise_ms) {
            return Some(format!("p99: {slow} ms, {usual} ms before"));
        }
        None
    }
}
