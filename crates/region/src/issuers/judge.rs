//! One token before an authorizer: who has issued it, whether that issuer's key has signed it, and
//! whether its claims are what the authorizer wants.

use lang::jwt::{Claims, Refused, Token};
use plan::region::token::TokenAuthorizer;

use super::{FetchError, Issuers};

/// Why a token is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    /// It is not good.
    #[error(transparent)]
    Token(#[from] Refused),
    /// Its issuer's keys cannot be had, so nobody knows.
    #[error(transparent)]
    Keys(#[from] FetchError),
}

impl Unfit {
    /// Its name in metrics and logs.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::Token(refused) => refused.reason(),
            Self::Keys(_) => "token_keys_unavailable",
        }
    }
}

/// Judges `text`, without a scheme before it, at a time in milliseconds since 1970.
pub(crate) async fn judge(
    issuers: &Issuers,
    plan: &TokenAuthorizer,
    text: &str,
    now_ms: u64,
) -> Result<Claims, Unfit> {
    let token = Token::parse(text)?;
    let issuer = token.claimed_issuer().and_then(|name| plan.issuer(name));
    let issuer = issuer.ok_or(Refused::Issuer)?;
    let keys = issuers.keys(&issuer.keys, token.key_id()).await?;
    let claims = keys.verify(token, &plan.accepted)?;
    claims.check(&issuer.rules, now_ms)?;
    Ok(claims)
}
