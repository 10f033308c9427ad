//! The provider's own block: where the cluster is and who asks; and what is made of it.
//!
//! A configuration may depend on what is not known while planning. Then there is no client, and
//! reading keeps the states as they are.

use std::{env, fs, time::Duration};

use serde_json::Value as Json;

use crate::{
    client::{CallError, Client, Kind, Setup, SetupError, Shared, Written},
    cty::Value,
    framework::{Attribute, Check, Note, Path, Schema, Step},
};

/// What a finished change means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitFor {
    /// The cluster has it for good.
    Leader,
    /// Every live node serves it.
    Pops,
}

impl WaitFor {
    pub(crate) const WORDS: &'static [&'static str] = &["leader", "pops"];

    pub(crate) fn parse(word: &str) -> Option<Self> {
        match word {
            "leader" => Some(Self::Leader),
            "pops" => Some(Self::Pops),
            _ => None,
        }
    }
}

/// What all operations of a run share.
pub(crate) struct Session {
    client: Result<Shared, Note>,
    wait_for: WaitFor,
    wait_timeout: Duration,
}

const REQUEST_TIMEOUT_S: i64 = 30;
const WAIT_TIMEOUT_S: i64 = 60;

pub(crate) fn schema() -> Schema {
    Schema::new(
        "Edgeway clusters, and the APIs on them. Everything may also be given in the environment; \
         resources that need no cluster (secrets, local nodes) need no configuration.",
    )
    .with(Attribute::text_list(
        "endpoints",
        "URLs of the management API, such as `https://management.example.net:8443`; the first \
         that answers is used. Environment: `EDGEWAY_ENDPOINT`, with commas between several.",
    ))
    .with(Attribute::text(
        "access_key_id",
        "Who signs. Environment: `EDGEWAY_ACCESS_KEY_ID`, then `AWS_ACCESS_KEY_ID`.",
    ))
    .with(
        Attribute::text(
            "secret_access_key",
            "What is signed with. Environment: `EDGEWAY_SECRET_ACCESS_KEY`, then \
             `AWS_SECRET_ACCESS_KEY`.",
        )
        .sensitive(),
    )
    .with(Attribute::text(
        "region",
        "The region of signatures; any name does. Environment: `EDGEWAY_REGION`.",
    ))
    .with(Attribute::text(
        "ca_file",
        "A file with the authorities of the management API's certificate, PEM. Environment: \
         `EDGEWAY_CA_FILE`. Without this and `ca_pem`, those of the system.",
    ))
    .with(Attribute::text(
        "ca_pem",
        "The authorities themselves, PEM.",
    ))
    .with(
        Attribute::text(
            "wait_for",
            "When a change is finished: `leader` (default) when the cluster has it for good, \
             `pops` when every live node serves it. Environment: `EDGEWAY_WAIT_FOR`.",
        )
        .check(Check::OneOf(WaitFor::WORDS)),
    )
    .with(Attribute::text(
        "reason",
        "Why changes are made, for the history: up to 256 printable characters. Environment: \
         `EDGEWAY_REASON`.",
    ))
    .with(
        Attribute::number(
            "wait_timeout",
            "How long `wait_for = \"pops\"` waits, seconds; 60 unless given.",
        )
        .check(Check::Range(1, 300)),
    )
    .with(
        Attribute::number(
            "request_timeout",
            "How long one call may take, seconds; 30 unless given.",
        )
        .check(Check::Range(1, 600)),
    )
}

/// What is wrong with a configuration as a whole.
pub(crate) fn validate(config: &Value) -> Vec<Note> {
    let both = config.attribute("ca_file").is_set() && config.attribute("ca_pem").is_set();
    let detail = "Give the authorities as a file or as text, not both.";
    let note = || Note::error("Two sources of authorities", detail).at(Path::of("ca_pem"));
    both.then(note).into_iter().collect()
}

/// An attribute, or the first of the environment's variables that is there.
fn setting(config: &Value, name: &str, variables: &[&str]) -> Option<String> {
    let given = config.text(name).map(str::to_owned);
    given.or_else(|| {
        let mut values = variables.iter().filter_map(|name| env::var(name).ok());
        values.find(|value| !value.is_empty())
    })
}

/// Makes a session of a configuration. The cluster may be down, or not be there yet; one that is
/// there has to take the key.
pub(crate) async fn configure(config: &Value, notes: &mut Vec<Note>) -> Result<Session, Note> {
    let seconds = |name: &str, usual: i64| {
        let seconds = config.whole(name).unwrap_or(usual);
        Duration::from_secs(u64::try_from(seconds).unwrap_or(1))
    };
    let wait_for = setting(config, "wait_for", &["EDGEWAY_WAIT_FOR"]);
    let wait_for = match wait_for.as_deref() {
        None => WaitFor::Leader,
        Some(word) => WaitFor::parse(word).ok_or_else(|| {
            let detail = format!("{word:?} is neither leader nor pops.");
            Note::error("Invalid wait_for", detail).at(Path::of("wait_for"))
        })?,
    };
    let client = client(config, seconds("request_timeout", REQUEST_TIMEOUT_S), notes)?;
    if let Ok(client) = &client
        && let Err(error) = client.look().await
    {
        if error.kind() == Kind::Unauthorized {
            return Err(refused(&error));
        }
        notes.push(untrusted(config, &error));
    }
    Ok(Session {
        client,
        wait_for,
        wait_timeout: seconds("wait_timeout", WAIT_TIMEOUT_S),
    })
}

/// The client, or what to say to those who need it.
fn client(
    config: &Value,
    timeout: Duration,
    notes: &mut Vec<Note>,
) -> Result<Result<Shared, Note>, Note> {
    if !config.is_known() {
        let detail = "A part of the provider's configuration is not known before something else \
                      has been applied.";
        notes.push(Note::warning("The cluster is not known yet", detail));
        return Ok(Err(Note::error("The cluster is not known yet", detail)));
    }
    let missing = |name: &str, variable: &str| {
        let detail = format!("Set {name} in the provider's block, or {variable}.");
        Note::error("The provider is not configured", detail)
    };
    let mut endpoints = config.texts("endpoints");
    if endpoints.is_empty() {
        let given = env::var("EDGEWAY_ENDPOINT").unwrap_or_default();
        let given = given
            .split(',')
            .map(str::trim)
            .filter(|url| !url.is_empty());
        endpoints = given
            .map(|url| url.trim_end_matches('/').to_owned())
            .collect();
    }
    if endpoints.is_empty() {
        return Ok(Err(missing("endpoints", "EDGEWAY_ENDPOINT")));
    }
    let names = ["EDGEWAY_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"];
    let Some(access_key_id) = setting(config, "access_key_id", &names) else {
        return Ok(Err(missing("access_key_id", names[0])));
    };
    let names = ["EDGEWAY_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY"];
    let Some(secret) = setting(config, "secret_access_key", &names) else {
        return Ok(Err(missing("secret_access_key", names[0])));
    };
    let region = setting(config, "region", &["EDGEWAY_REGION"]);
    let setup = Setup {
        endpoints,
        access_key_id,
        secret,
        region: region.unwrap_or_else(|| "us-east-1".to_owned()),
        ca_pem: authorities(config)?,
        reason: setting(config, "reason", &["EDGEWAY_REASON"]),
        timeout,
    };
    let client = Client::new(setup).map_err(|error| unusable(config, &error))?;
    Ok(Ok(client.into()))
}

/// The attribute that the authorities come from; the endpoints where there are none.
fn authorities_at(config: &Value) -> Path {
    let given = ["ca_pem", "ca_file"];
    let given = given
        .into_iter()
        .find(|name| config.attribute(name).is_set());
    Path::of(given.unwrap_or("endpoints"))
}

fn unusable(config: &Value, error: &SetupError) -> Note {
    let at = match error {
        SetupError::Endpoint { at, .. } => {
            let at = i64::try_from(*at).unwrap_or_default();
            Path::of("endpoints").then(Step::Index(at))
        }
        _ => authorities_at(config),
    };
    let summary = "The provider's configuration cannot be used";
    Note::error(summary, format!("{error}.")).at(at)
}

/// Why nothing can be done with a cluster that answers.
fn refused(error: &CallError) -> Note {
    let detail = format!(
        "{error}. The endpoint answers, but does not take the key: check access_key_id and \
         secret_access_key, and this machine's clock."
    );
    let at = Path::of("access_key_id");
    Note::error("The cluster refuses the access key", detail).at(at)
}

/// A warning: before the cluster is made, its addresses may lead to somebody else.
fn untrusted(config: &Value, error: &CallError) -> Note {
    let detail = format!(
        "{error}. What answers has a certificate of another authority: give this cluster's own \
         (`ca_certificate_pem` of its secrets) as ca_pem or ca_file, and its own endpoints. If \
         this run makes the cluster, it may not be there yet."
    );
    let summary = "The management API is not trusted";
    Note::warning(summary, detail).at(authorities_at(config))
}

fn authorities(config: &Value) -> Result<Option<String>, Note> {
    if let Some(pem) = config.text("ca_pem") {
        return Ok(Some(pem.to_owned()));
    }
    let Some(file) = setting(config, "ca_file", &["EDGEWAY_CA_FILE"]) else {
        return Ok(None);
    };
    let unreadable = |error| {
        let detail = format!("{file}: {error}.");
        Note::error("The file of authorities cannot be read", detail).at(Path::of("ca_file"))
    };
    fs::read_to_string(&file).map(Some).map_err(unreadable)
}

impl Session {
    /// Before the provider has been configured, which for validating it never is.
    pub(crate) fn unconfigured() -> Self {
        let detail = "Terraform has not configured the provider.";
        Self {
            client: Err(Note::error("The provider is not configured", detail)),
            wait_for: WaitFor::Leader,
            wait_timeout: Duration::ZERO,
        }
    }

    pub(crate) fn is_configured(&self) -> bool {
        self.client.is_ok()
    }

    /// The management API.
    pub(crate) fn client(&self) -> Result<&Client, Note> {
        self.client.as_deref().map_err(Clone::clone)
    }

    /// Waits as the object's `wait_for` says, or else as the provider's does.
    pub(crate) async fn settle(&self, object: &Value, written: Written) -> Result<Json, Note> {
        self.settle_at(object, written.revision).await?;
        Ok(written.body)
    }

    pub(crate) async fn settle_at(&self, object: &Value, revision: u64) -> Result<(), Note> {
        let own = object.text("wait_for").and_then(WaitFor::parse);
        if own.unwrap_or(self.wait_for) == WaitFor::Leader {
            return Ok(());
        }
        let waited = self.client()?.wait(revision, self.wait_timeout).await;
        waited.map_err(|error: CallError| error.note("see the change served everywhere"))
    }
}
