//! Which cluster a command speaks to, and as whom: options, then the environment.
//!
//! An option goes before any variable, also before one of another option's. The variables are those
//! that Terraform's provider knows, so that one environment serves both.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::Client;

const ENDPOINT: &str = "EDGEWAY_ENDPOINT";
const READY_FILE: &str = "EDGEWAY_READY_FILE";
/// The first that is set.
const KEY_IDS: [&str; 2] = ["EDGEWAY_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"];
const SECRETS: [&str; 2] = ["EDGEWAY_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY"];

/// Which cluster a command speaks to.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct Target {
    /// The management API, such as http://127.0.0.1:7001 or https://10.0.0.1:7443; or
    /// `EDGEWAY_ENDPOINT`, of which the first is asked.
    #[arg(long)]
    endpoint: Option<String>,
    /// Take endpoint and key from the ready file of `edgeway dev`; or `EDGEWAY_READY_FILE`.
    #[arg(long, conflicts_with = "endpoint")]
    ready_file: Option<PathBuf>,
    /// Take the key from the admin.json that `edgeway init` wrote.
    #[arg(long, env = "EDGEWAY_ADMIN_FILE")]
    admin_file: Option<PathBuf>,
    /// Authorities that the management API's certificate may be of, such as the cluster's ca.pem;
    /// the system's unless given.
    #[arg(long, env = "EDGEWAY_CA_FILE")]
    ca_file: Option<PathBuf>,
    /// Access key of the management API; or `EDGEWAY_ACCESS_KEY_ID`, `AWS_ACCESS_KEY_ID`.
    #[arg(long)]
    access_key_id: Option<String>,
    /// Its secret; or `EDGEWAY_SECRET_ACCESS_KEY`, `AWS_SECRET_ACCESS_KEY`.
    #[arg(long)]
    secret_access_key: Option<String>,
    /// Why, for the history: up to 256 characters.
    #[arg(long, env = "EDGEWAY_REASON")]
    reason: Option<String>,
}

/// Where the management API is said to be.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    Endpoint(String),
    ReadyFile(PathBuf),
}

impl Target {
    /// The client that the options describe.
    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let mut client = match self.place(set)? {
            Place::ReadyFile(file) => {
                let ready = json_file(&file)?;
                let first = ready.pointer("/regions/0/management");
                let first = first.and_then(Value::as_str);
                client_of(&ready, first.context("the ready file names no region")?)?
            }
            Place::Endpoint(endpoint) => self.keyed(&endpoint, set)?,
        };
        client.ca_file.clone_from(&self.ca_file);
        client.reason.clone_from(&self.reason);
        Ok(client)
    }

    fn place(&self, set: impl Fn(&str) -> Option<String>) -> anyhow::Result<Place> {
        match (&self.endpoint, &self.ready_file) {
            (Some(endpoint), _) => return Ok(Place::Endpoint(endpoint.clone())),
            (None, Some(file)) => return Ok(Place::ReadyFile(file.clone())),
            (None, None) => {}
        }
        match (set(ENDPOINT), set(READY_FILE)) {
            (Some(_), Some(_)) => {
                bail!("{ENDPOINT} and {READY_FILE} are both set: say --endpoint or --ready-file")
            }
            (Some(all), None) => {
                // Terraform's provider takes several.
                let first = all.split(',').next().unwrap_or_default().trim();
                Ok(Place::Endpoint(first.to_owned()))
            }
            (None, Some(file)) => Ok(Place::ReadyFile(file.into())),
            (None, None) => {
                bail!("say which cluster: --endpoint URL, or --ready-file FILE of edgeway dev")
            }
        }
    }

    fn keyed(
        &self,
        endpoint: &str,
        set: impl Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Client> {
        if let Some(file) = &self.admin_file {
            return client_of(&json_file(file)?, endpoint);
        }
        match self.key(set) {
            (Some(id), Some(secret)) => Client::new(endpoint, &id, &secret),
            _ => bail!(
                "say who calls: EDGEWAY_ACCESS_KEY_ID and EDGEWAY_SECRET_ACCESS_KEY (or Amazon's \
                 names for them), or --admin-file FILE"
            ),
        }
    }

    fn key(&self, set: impl Fn(&str) -> Option<String>) -> (Option<String>, Option<String>) {
        let first = |given: &Option<String>, names: &[&str]| {
            let given = given.clone();
            given.or_else(|| names.iter().find_map(|name| set(name)))
        };
        (
            first(&self.access_key_id, &KEY_IDS),
            first(&self.secret_access_key, &SECRETS),
        )
    }
}

fn json_file(file: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read(file).with_context(|| file.display().to_string())?;
    serde_json::from_slice(&text).with_context(|| file.display().to_string())
}

fn client_of(keys: &Value, endpoint: &str) -> anyhow::Result<Client> {
    let text = |name: &str| keys.get(name).and_then(Value::as_str);
    let id = text("access_key_id").context("the file has no access_key_id")?;
    let secret = text("secret_access_key").context("the file has no secret_access_key")?;
    Client::new(endpoint, id, secret)
}

#[cfg(test)]
mod tests {
    use super::{Place, Target};

    fn set<'a>(all: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<String> + use<'a> {
        move |name| {
            let found = all.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        }
    }

    const BOTH: [(&str, &str); 2] = [
        ("EDGEWAY_ENDPOINT", "https://one:7443, https://two:7443"),
        ("EDGEWAY_READY_FILE", "theirs.json"),
    ];

    #[test]
    fn an_option_goes_before_variables_of_any_option() {
        let by_file = Target {
            ready_file: Some("mine.json".into()),
            ..Target::default()
        };
        let mine = Place::ReadyFile("mine.json".into());
        assert_eq!(by_file.place(set(&BOTH)).unwrap(), mine);
        let by_url = Target {
            endpoint: Some("http://three:1".to_owned()),
            ..Target::default()
        };
        let three = Place::Endpoint("http://three:1".to_owned());
        assert_eq!(by_url.place(set(&BOTH)).unwrap(), three);
    }

    #[test]
    fn variables_stand_in_for_options() {
        let none = Target::default();
        let (endpoint, file) = BOTH.split_at(1);
        let one = Place::Endpoint("https://one:7443".to_owned());
        assert_eq!(none.place(set(endpoint)).unwrap(), one);
        let theirs = Place::ReadyFile("theirs.json".into());
        assert_eq!(none.place(set(file)).unwrap(), theirs);
        let problem = none.place(set(&BOTH)).unwrap_err().to_string();
        assert!(problem.contains("both set"), "{problem}");
        let problem = none.place(set(&[])).unwrap_err().to_string();
        assert!(problem.contains("--ready-file"), "{problem}");
    }

    #[test]
    fn keys_have_our_names_before_amazons() {
        let none = Target::default();
        let amazons = [("AWS_ACCESS_KEY_ID", "A"), ("AWS_SECRET_ACCESS_KEY", "a")];
        let ours = [
            ("EDGEWAY_ACCESS_KEY_ID", "E"),
            ("EDGEWAY_SECRET_ACCESS_KEY", "e"),
        ];
        let pair = |id: &str, secret: &str| (Some(id.to_owned()), Some(secret.to_owned()));
        assert_eq!(none.key(set(&amazons)), pair("A", "a"));
        assert_eq!(none.key(set(&[amazons, ours].concat())), pair("E", "e"));
        assert_eq!(none.key(set(&[])), (None, None));
    }
}
