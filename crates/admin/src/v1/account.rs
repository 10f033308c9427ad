//! `Account`: settings of all REST APIs.

use model::{
    Config,
    rest::{Account, SharedKey, SharedPart},
};
use serde_json::{Value, json};

use super::{
    checks,
    kind::{self, Key, Kind, Part},
    patch::{AD, Holds, R, Rule, Step, Verb, rule},
    view::View,
};
use crate::{
    call::Call,
    document::Document,
    operation::{Operation, read, write},
    refusal::Refusal,
};

pub(super) const OPERATIONS: &[Operation] = &[
    read("GetAccount", "/account", kind::show::<Accounts>),
    write(
        "UpdateAccount",
        "PATCH",
        "/account",
        kind::update::<Accounts>,
    ),
];

struct Accounts;

impl Kind for Accounts {
    type Item = Account;

    const RULES: &'static [Rule] = &[
        rule("/cloudwatchRoleArn", R, Holds::Text),
        rule("/features", AD, Holds::List),
    ];

    fn key(_call: &Call<'_>) -> Result<Key, Refusal> {
        Ok(Key::Shared(SharedKey::Account))
    }

    fn missing(_call: &Call<'_>) -> Refusal {
        Refusal::Internal("the account is always there".to_owned())
    }

    fn item(part: Part) -> Option<Account> {
        match part {
            Part::Shared(SharedPart::Account(account)) => Some(account),
            _ => None,
        }
    }

    fn part(account: Account) -> Part {
        Part::Shared(SharedPart::Account(account))
    }

    fn view(account: &Account) -> Value {
        View::default()
            .maybe("cloudwatchRoleArn", account.cloudwatch_role.as_deref())
            .put("features", vec!["UsagePlans"])
            .done()
    }

    fn read(
        _call: &Call<'_>,
        input: &Document,
        _old: Option<&Account>,
    ) -> Result<Account, Refusal> {
        let role = checks::optional(input, "cloudwatchRoleArn")?;
        if let Some(role) = &role {
            let parts = checks::arn(role)?;
            if parts.get(2) != Some(&"iam") {
                return Err(Refusal::bad(
                    "The role ARN does not have required permissions configured. Please grant \
                     trust permission for API Gateway and add the required role policy.",
                ));
            }
        }
        Ok(Account {
            cloudwatch_role: role,
        })
    }

    fn shown(_config: &Config, _key: &Key, account: &Account) -> Value {
        let mut view = Self::view(account);
        if let Value::Object(fields) = &mut view {
            fields.insert("apiKeyVersion".to_owned(), "4".into());
            let limits = json!({"burstLimit": 5000, "rateLimit": 10000.0});
            fields.insert("throttleSettings".to_owned(), limits);
        }
        view
    }

    fn special(_account: &mut Account, steps: Vec<Step>) -> Result<Vec<Step>, Refusal> {
        let feature = |step: &&Step| step.segments.first().map(String::as_str) == Some("features");
        let Some(step) = steps.iter().find(feature) else {
            return Ok(steps);
        };
        if step.verb == Verb::Remove {
            return Err(Refusal::bad("Usage Plans cannot be disabled once enabled"));
        }
        match step.value.as_deref() {
            // It is always on.
            Some("UsagePlans") => Ok(steps),
            other => Err(Refusal::bad(format!(
                "Invalid feature specified: {}",
                other.unwrap_or("null")
            ))),
        }
    }
}
