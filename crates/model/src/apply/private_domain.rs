//! Changes to what only private custom domains have.

use super::{room, text};
use crate::{AssociationPatch, DomainName, EndpointType, Rejection, ResourceKind, limits};

/// The fields of a patch that only private domains have.
pub(super) struct PrivatePatch {
    pub(super) policy: Option<String>,
    pub(super) management_policy: Option<String>,
    pub(super) association: Option<AssociationPatch>,
}

impl PrivatePatch {
    pub(super) fn apply_to(self, domain: &mut DomainName) -> Result<(), Rejection> {
        let private = domain.endpoint == EndpointType::Private;
        if private != domain.private.is_some() {
            return Err(Rejection::invalid(
                "endpointConfiguration",
                "A domain name cannot become private or stop being private",
            ));
        }
        let nothing =
            self.policy.is_none() && self.management_policy.is_none() && self.association.is_none();
        let Some(private) = &mut domain.private else {
            return if nothing {
                Ok(())
            } else {
                Err(Rejection::invalid(
                    "policy",
                    "Only private domain names have policies and access associations",
                ))
            };
        };
        if let Some(policy) = self.policy {
            private.policy = text(policy);
        }
        if let Some(policy) = self.management_policy {
            private.management_policy = text(policy);
        }
        let Some(AssociationPatch { source, tags }) = self.association else {
            return Ok(());
        };
        let Some(tags) = tags else {
            let gone = private.associations.remove(&source);
            return gone.map(|_| ()).ok_or_else(|| {
                Rejection::Missing(
                    "Invalid domain name access association identifier specified".to_owned(),
                )
            });
        };
        if private.associations.contains_key(&source) {
            return Err(Rejection::conflict(
                ResourceKind::Part,
                "Domain name access association already exists",
            ));
        }
        let max = limits::ASSOCIATIONS_PER_DOMAIN_MAX;
        room(&private.associations, ResourceKind::Part, max)?;
        private.associations.insert(source, tags);
        Ok(())
    }
}
