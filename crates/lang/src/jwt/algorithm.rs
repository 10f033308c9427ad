//! Ways to sign tokens: those with public keys that gateways of the kind accept. The list is
//! closed, so that `none` and shared keys cannot even be named.

use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED,
    EcdsaVerificationAlgorithm, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RsaParameters,
};

/// A way to sign (RFC 7518, 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA with SHA-256.
    Rs256,
    /// RSA with SHA-384.
    Rs384,
    /// RSA with SHA-512.
    Rs512,
    /// The curve P-256 with SHA-256.
    Es256,
    /// The curve P-384 with SHA-384.
    Es384,
    /// The curve P-521 with SHA-512.
    Es512,
}

/// Which of them a token may be signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// With a key that says how it signs.
    pub named: Vec<Algorithm>,
    /// With a key that does not.
    pub unnamed: Vec<Algorithm>,
}

/// How to verify.
pub(super) enum Verifier {
    Rsa(&'static RsaParameters),
    Curve {
        algorithm: &'static EcdsaVerificationAlgorithm,
        /// Its name in keys.
        curve: &'static str,
        /// Bytes of each coordinate.
        size: usize,
    },
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
    ];
    /// Those with RSA keys.
    pub const RSA: [Self; 3] = [Self::Rs256, Self::Rs384, Self::Rs512];

    /// Its name, exactly.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
        }
    }

    /// The one of that name; names are told apart by case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }

    pub(super) const fn verifier(self) -> Verifier {
        match self {
            Self::Rs256 => Verifier::Rsa(&RSA_PKCS1_2048_8192_SHA256),
            Self::Rs384 => Verifier::Rsa(&RSA_PKCS1_2048_8192_SHA384),
            Self::Rs512 => Verifier::Rsa(&RSA_PKCS1_2048_8192_SHA512),
            Self::Es256 => Verifier::Curve {
                algorithm: &ECDSA_P256_SHA256_FIXED,
                curve: "P-256",
                size: 32,
            },
            Self::Es384 => Verifier::Curve {
                algorithm: &ECDSA_P384_SHA384_FIXED,
                curve: "P-384",
                size: 48,
            },
            Self::Es512 => Verifier::Curve {
                algorithm: &ECDSA_P521_SHA512_FIXED,
                curve: "P-521",
                size: 66,
            },
        }
    }
}

impl Accepted {
    /// Those with RSA keys alone.
    #[must_use]
    pub fn rsa() -> Self {
        Self {
            named: Algorithm::RSA.into(),
            unnamed: Algorithm::RSA.into(),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}
