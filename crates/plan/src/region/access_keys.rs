//! Access keys, by id, and what each may do: who may call methods that want a signature.
//!
//! They hold secrets, because the signature is symmetric; plans of regions never leave a region.
//! What a signature is and whether a request has a good one is not known here.

use std::{collections::BTreeMap, sync::Arc};

use lang::policy::{Kind, Policy, Request, Verdict};
use model::{AccessKey, AccessKeyId, Config, KeyState};

/// All access keys.
#[derive(Debug, Default)]
pub struct AccessKeysPlan {
    account: Box<str>,
    keys: BTreeMap<AccessKeyId, Arc<AccessKeyPlan>>,
}

/// An access key with its policy, read once.
#[derive(Debug)]
pub struct AccessKeyPlan {
    key: Arc<AccessKey>,
    arn: Box<str>,
    permissions: Permissions,
}

#[derive(Debug)]
enum Permissions {
    Everything,
    Policy(Box<Policy>),
    /// A policy that cannot be read, as a newer version may have written it.
    Unknown,
}

impl AccessKeysPlan {
    /// The keys of a configuration; `known` itself where nothing of them has changed, else whatever
    /// of it is still the same.
    pub(super) fn compile(known: &Arc<Self>, account: &str, config: &Config) -> Arc<Self> {
        let nothing = Self::default();
        let last = if *known.account == *account {
            known
        } else {
            &nothing
        };
        let kept = |id: &AccessKeyId, key: &Arc<AccessKey>| {
            let kept = last.keys.get(id);
            kept.filter(|kept| Arc::ptr_eq(&kept.key, key)).cloned()
        };
        let mut all = config.access_keys.iter();
        let same = last.keys.len() == config.access_keys.len();
        if same && *known.account == *account && all.all(|(id, key)| kept(id, key).is_some()) {
            return Arc::clone(known);
        }
        let keys = config.access_keys.iter().map(|(id, key)| {
            let compiled = kept(id, key);
            let compiled =
                compiled.unwrap_or_else(|| Arc::new(AccessKeyPlan::compile(key, account)));
            (id.clone(), compiled)
        });
        Arc::new(Self {
            account: account.into(),
            keys: keys.collect(),
        })
    }

    /// The key that works under this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&AccessKeyPlan> {
        let found = self.keys.get(id)?;
        (found.key.state == KeyState::Active).then_some(found)
    }
}

impl AccessKeyPlan {
    fn compile(key: &Arc<AccessKey>, account: &str) -> Self {
        let permissions = match &key.policy {
            None => Permissions::Everything,
            Some(text) => match Policy::parse(text, Kind::Identity) {
                Ok(policy) => Permissions::Policy(Box::new(policy)),
                Err(_) => Permissions::Unknown,
            },
        };
        Self {
            arn: format!("arn:aws:iam::{account}:user/{}", key.name).into(),
            key: Arc::clone(key),
            permissions,
        }
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &Arc<AccessKey> {
        &self.key
    }

    /// Its owner's, as policies name them.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// What its policy says. One that cannot be read denies: it may hold denials.
    #[must_use]
    pub fn evaluate(&self, request: &Request<'_>) -> Verdict {
        match &self.permissions {
            Permissions::Everything => Verdict::Allowed,
            Permissions::Policy(policy) => policy.evaluate(request),
            Permissions::Unknown => Verdict::Denied,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lang::policy::{Caller, Context, Request, Verdict};
    use model::{AccessKey, Config, KeyState};

    use super::AccessKeysPlan;

    fn key(id: &str, policy: Option<&str>) -> Arc<AccessKey> {
        let mut key = AccessKey::unrestricted(id, "secret", format!("{id}-name"), 0);
        key.policy = policy.map(Arc::from);
        Arc::new(key)
    }

    fn config(keys: Vec<Arc<AccessKey>>) -> Config {
        let keys = keys.into_iter().map(|key| (key.id.clone(), key));
        Config {
            access_keys: keys.collect(),
            ..Config::default()
        }
    }

    fn verdict(plan: &AccessKeysPlan, id: &str) -> Verdict {
        plan.find(id).unwrap().evaluate(&Request {
            action: "execute-api:Invoke",
            resource: "arn:aws:execute-api:r:1:a/s/GET/x",
            caller: Caller::default(),
            context: &Context::new(),
        })
    }

    #[test]
    fn a_key_may_do_what_its_policy_says() {
        let allow = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow",
            "Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:r:1:*/GET/x"}}"#;
        let other = allow.replace("GET", "PUT");
        let keys = vec![
            key("free", None),
            key("one", Some(allow)),
            key("other", Some(&other)),
            key("odd", Some("{")),
        ];
        let plan = AccessKeysPlan::compile(&Arc::default(), "1", &config(keys));
        assert_eq!(verdict(&plan, "free"), Verdict::Allowed);
        assert_eq!(verdict(&plan, "one"), Verdict::Allowed);
        assert_eq!(verdict(&plan, "other"), Verdict::NotAllowed);
        assert_eq!(verdict(&plan, "odd"), Verdict::Denied);
        assert!(plan.find("none").is_none());
        let arn = plan.find("free").unwrap().arn();
        assert_eq!(arn, "arn:aws:iam::1:user/free-name");
        assert!(!format!("{plan:?}").contains("secret"));
    }

    #[test]
    fn only_what_differs_is_compiled_again() {
        let mut config = config(vec![key("a", None), key("b", None)]);
        let first = AccessKeysPlan::compile(&Arc::default(), "1", &config);
        let second = AccessKeysPlan::compile(&first, "1", &config.clone());
        assert!(Arc::ptr_eq(&first, &second));
        let altered = config.access_keys.get_mut("a").unwrap();
        Arc::make_mut(altered).state = KeyState::Disabled;
        let third = AccessKeysPlan::compile(&second, "1", &config);
        assert!(third.find("a").is_none());
        assert!(Arc::ptr_eq(&first.keys["b"], &third.keys["b"]));
        let moved = AccessKeysPlan::compile(&third, "2", &config);
        assert_eq!(moved.find("b").unwrap().arn(), "arn:aws:iam::2:user/b-name");
        config.access_keys.clear();
        let none = AccessKeysPlan::compile(&moved, "2", &config);
        assert!(none.find("b").is_none());
    }
}
