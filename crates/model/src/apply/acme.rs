//! Changes around certificates by ACME: what keeps two leaders from ordering the same twice.

use std::sync::Arc;

use super::Context;
use crate::{
    AcmeChange, AcmeOrder, Certificate, CertificateId, Config, Rejection, ResourceKind, limits,
};

impl Config {
    pub(super) fn perform_acme(
        &mut self,
        change: AcmeChange,
        context: &Context,
    ) -> Result<(), Rejection> {
        match change {
            AcmeChange::Configure(settings) => {
                let acme = Arc::make_mut(&mut self.acme);
                let account = acme.account.take();
                // An account is worth nothing with another authority.
                acme.account = account.filter(|known| known.directory == settings.directory);
                acme.settings = Some(settings);
                Ok(())
            }
            AcmeChange::KeepAccount(account) => {
                Arc::make_mut(&mut self.acme).account = Some(account);
                Ok(())
            }
            AcmeChange::Begin {
                certificate,
                attempt,
                lost_ms,
            } => {
                let order = self.order_mut(&certificate)?;
                if order.attempt != attempt || context.at_ms < order.next_ms {
                    return Err(Rejection::conflict(
                        ResourceKind::Certificate,
                        "another order for the certificate has been begun",
                    ));
                }
                order.attempt += 1;
                (order.running, order.next_ms) = (true, lost_ms);
                self.withdraw(&certificate);
                Ok(())
            }
            AcmeChange::Answer {
                certificate,
                answers,
            } => self.answer(certificate, answers),
            AcmeChange::Fail {
                certificate,
                error,
                next_ms,
            } => {
                let order = self.order_mut(&certificate)?;
                (order.running, order.next_ms) = (false, next_ms);
                order.error = Some(error);
                self.withdraw(&certificate);
                Ok(())
            }
            AcmeChange::Issue {
                certificate,
                next_ms,
            } => self.issue(certificate, next_ms, context),
        }
    }

    fn answer(
        &mut self,
        certificate: CertificateId,
        answers: Vec<crate::ChallengeAnswer>,
    ) -> Result<(), Rejection> {
        self.order_mut(&certificate)?;
        if answers.len() > limits::ACME_NAMES_MAX {
            return Err(Rejection::Limit {
                kind: ResourceKind::Certificate,
                max: limits::ACME_NAMES_MAX,
            });
        }
        let acme = Arc::make_mut(&mut self.acme);
        acme.answers.insert(certificate, answers);
        Ok(())
    }

    fn issue(
        &mut self,
        issued: Certificate,
        next_ms: u64,
        context: &Context,
    ) -> Result<(), Rejection> {
        let id = issued.id.clone();
        let order = self.order_mut(&id)?;
        let challenge = order.challenge;
        *order = AcmeOrder {
            challenge,
            attempt: 0,
            next_ms,
            running: false,
            error: None,
        };
        if let Some(known) = self.certificates.get_mut(&id).map(Arc::make_mut) {
            known.chain_der = issued.chain_der;
            known.key_der = issued.key_der;
            known.not_after_ms = issued.not_after_ms;
            known.stored = context.revision;
        }
        self.withdraw(&id);
        Ok(())
    }

    /// Takes an order's answers back.
    pub(super) fn withdraw(&mut self, certificate: &CertificateId) {
        if self.acme.answers.contains_key(certificate) {
            Arc::make_mut(&mut self.acme).answers.remove(certificate);
        }
    }

    fn order_mut(&mut self, id: &CertificateId) -> Result<&mut AcmeOrder, Rejection> {
        let certificate = self.certificates.get_mut(id).map(Arc::make_mut);
        certificate
            .and_then(|certificate| certificate.acme.as_mut())
            .ok_or_else(|| Rejection::not_found(ResourceKind::Certificate, id))
    }
}
