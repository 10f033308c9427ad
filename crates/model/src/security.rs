//! The TLS policies that API Gateway has names for.
//!
//! Here are only the names, as the management API takes and gives them back. Which versions, suites
//! and groups a name stands for is decided where listeners are made.

use serde::{Deserialize, Serialize};

/// What a client must be able to speak to reach a custom domain, by Amazon's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SecurityPolicy {
    /// `TLS_1_0`
    Tls10,
    /// `TLS_1_2`
    #[default]
    Tls12,
    /// `SecurityPolicy_TLS13_1_3_2025_09`
    Only13,
    /// `SecurityPolicy_TLS13_1_3_FIPS_2025_09`
    Only13Fips,
    /// `SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09`
    From12PfsPq,
    /// `SecurityPolicy_TLS13_1_2_FIPS_PQ_2025_09`
    From12FipsPq,
    /// `SecurityPolicy_TLS13_1_2_FIPS_PFS_PQ_2025_09`
    From12FipsPfsPq,
    /// `SecurityPolicy_TLS13_1_2_Ext2_PQ_2025_09`
    From12Ext2Pq,
    /// `SecurityPolicy_TLS13_1_2_Ext2_FIPS_PQ_2025_09`
    From12Ext2FipsPq,
    /// `SecurityPolicy_TLS13_1_2_PQ_2025_09`
    From12Pq,
    /// `SecurityPolicy_TLS13_1_2_2021_06`
    From12Of2021,
    /// `SecurityPolicy_TLS13_2025_EDGE`
    Edge13,
    /// `SecurityPolicy_TLS12_PFS_2025_EDGE`
    Edge12Pfs,
    /// `SecurityPolicy_TLS12_2018_EDGE`
    Edge12Of2018,
}

impl SecurityPolicy {
    /// All of them, in the order that error messages list them.
    pub const ALL: [Self; 14] = [
        Self::Tls10,
        Self::Tls12,
        Self::Only13,
        Self::Only13Fips,
        Self::From12PfsPq,
        Self::From12FipsPq,
        Self::From12FipsPfsPq,
        Self::From12Ext2Pq,
        Self::From12Ext2FipsPq,
        Self::From12Pq,
        Self::From12Of2021,
        Self::Edge13,
        Self::Edge12Pfs,
        Self::Edge12Of2018,
    ];

    /// Amazon's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tls10 => "TLS_1_0",
            Self::Tls12 => "TLS_1_2",
            Self::Only13 => "SecurityPolicy_TLS13_1_3_2025_09",
            Self::Only13Fips => "SecurityPolicy_TLS13_1_3_FIPS_2025_09",
            Self::From12PfsPq => "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09",
            Self::From12FipsPq => "SecurityPolicy_TLS13_1_2_FIPS_PQ_2025_09",
            Self::From12FipsPfsPq => "SecurityPolicy_TLS13_1_2_FIPS_PFS_PQ_2025_09",
            Self::From12Ext2Pq => "SecurityPolicy_TLS13_1_2_Ext2_PQ_2025_09",
            Self::From12Ext2FipsPq => "SecurityPolicy_TLS13_1_2_Ext2_FIPS_PQ_2025_09",
            Self::From12Pq => "SecurityPolicy_TLS13_1_2_PQ_2025_09",
            Self::From12Of2021 => "SecurityPolicy_TLS13_1_2_2021_06",
            Self::Edge13 => "SecurityPolicy_TLS13_2025_EDGE",
            Self::Edge12Pfs => "SecurityPolicy_TLS12_PFS_2025_EDGE",
            Self::Edge12Of2018 => "SecurityPolicy_TLS12_2018_EDGE",
        }
    }

    /// The policy of this name; Amazon's names are exact.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }

    /// What an owner who chose this policy should know: a version of the protocol that the name
    /// promises and no listener of ours speaks.
    #[must_use]
    pub const fn shortfall(self) -> Option<&'static str> {
        match self {
            Self::Tls10 => {
                Some("TLS 1.0 and 1.1 are not spoken; served as if its policy were TLS_1_2")
            }
            Self::Tls12
            | Self::Only13
            | Self::Only13Fips
            | Self::From12PfsPq
            | Self::From12FipsPq
            | Self::From12FipsPfsPq
            | Self::From12Ext2Pq
            | Self::From12Ext2FipsPq
            | Self::From12Pq
            | Self::From12Of2021
            | Self::Edge13
            | Self::Edge12Pfs
            | Self::Edge12Of2018 => None,
        }
    }
}

impl std::fmt::Display for SecurityPolicy {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
