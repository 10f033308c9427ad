//! Who a statement of a resource's policy is about.

/// Who asks. Nobody in particular unless something is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caller<'a> {
    /// Such as `arn:aws:iam::111122223333:user/name`.
    pub arn: Option<&'a str>,
    /// Twelve digits.
    pub account: Option<&'a str>,
    /// Such as `events.amazonaws.com`, where a service asks by itself.
    pub service: Option<&'a str>,
}

/// `Principal` or `NotPrincipal`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Principals {
    pub(super) negated: bool,
    pub(super) list: Vec<Principal>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Principal {
    /// `*`: everyone, those without a name included.
    Everyone,
    /// Twelve digits, or `arn:aws:iam::111122223333:root`: everyone of an account.
    Account(String),
    /// One ARN; wildcards inside it have no meaning.
    Arn(String),
    /// A service.
    Service(String),
    /// Federated and canonical users, who cannot ask here.
    Other,
}

impl Principal {
    /// Reads a text below `kind` (`AWS`, `Service`, ..); none when there is no such kind.
    pub(super) fn parse(kind: &str, text: &str) -> Option<Self> {
        Some(match kind {
            "AWS" | "Service" | "Federated" | "CanonicalUser" if text == "*" => Self::Everyone,
            "AWS" => match account(text) {
                Some(account) => Self::Account(account.to_owned()),
                None => Self::Arn(text.to_owned()),
            },
            "Service" => Self::Service(text.to_owned()),
            "Federated" | "CanonicalUser" => Self::Other,
            _ => return None,
        })
    }
}

fn account(text: &str) -> Option<&str> {
    let number = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if number(text) {
        return Some(text);
    }
    let rest = text.strip_prefix("arn:aws:iam::")?;
    rest.strip_suffix(":root").filter(|text| number(text))
}

impl Principals {
    pub(super) fn include(&self, caller: &Caller<'_>) -> bool {
        let one = |principal: &Principal| match principal {
            Principal::Everyone => true,
            Principal::Account(account) => caller.account == Some(account),
            Principal::Arn(arn) => caller.arn == Some(arn),
            Principal::Service(service) => caller.service == Some(service),
            Principal::Other => false,
        };
        self.list.iter().any(one) != self.negated
    }
}
