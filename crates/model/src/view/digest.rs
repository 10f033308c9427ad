//! Digest and size of a view, by which a subscriber knows that it holds what the region meant.
//!
//! Both sides compute them from content and not from bytes, so that neither has to encode a whole
//! view for a change to one API: tables keep the sums of what has not changed.

use super::{EdgeView, ZoneView};
use crate::Sum;

impl EdgeView {
    /// Digest and, nearly, the size of its record.
    #[must_use]
    pub fn sum(&self) -> Sum {
        let names = (&self.cluster, &self.base_domain);
        let few = (&self.regions, &self.challenges, &self.pops);
        Sum::of(&(self.revision, names, few))
            + self.apis.sum().in_field(1)
            + self.domains.sum().in_field(2)
            + self.certificates.sum().in_field(3)
    }
}

impl ZoneView {
    /// Digest and, nearly, the size of its record.
    #[must_use]
    pub fn sum(&self) -> Sum {
        let names = (&self.cluster, &self.base_domain);
        let places = (&self.regions, &self.pops, &self.dns);
        let few = (&self.zones, &self.priors, &self.challenges);
        Sum::of(&(self.revision, names, places, few, &self.certificates))
            + self.apis.sum().in_field(1)
            + self.domains.sum().in_field(2)
    }
}
