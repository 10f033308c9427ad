//! Settings of calls to AWS services and functions: where they are and who calls them.
//!
//! The variables that AWS tools know (`AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_<SERVICE>`,
//! `AWS_ACCESS_KEY_ID` and its like) go before the file, as they do in those tools. Deliberately
//! not here: profiles, and asking the machine or a token service for credentials.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use lang::aws::{Service, known_services};
use region::{AwsCredentials, AwsEndpoint, AwsSettings};
use serde::{Deserialize, Serialize};

use super::{SettingsError, check::bad};

/// Calls to AWS services and functions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aws {
    /// URL of what stands in for services that have none of their own; Amazon's hosts unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// URLs by service, as the URIs of integrations name it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub endpoints: BTreeMap<String, String>,
    /// Access keys by role.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub credentials: Vec<AwsKey>,
}

/// An access key. Of each secret, the text or a file that holds it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsKey {
    /// The ARN that integrations name as their `credentials`; none: for all others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The public half.
    pub access_key_id: String,
    /// The secret half.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_access_key: Option<String>,
    /// The same in a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_access_key_file: Option<PathBuf>,
    /// Comes with temporary credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_token: Option<String>,
    /// The same in a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_token_file: Option<PathBuf>,
}

/// Looks up an environment variable; one that is empty is none.
pub(crate) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Aws {
    /// What is wrong without a look at files.
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let all = self.endpoint.iter().chain(self.endpoints.values());
        for url in all {
            AwsEndpoint::parse(url).map_err(|error| bad("aws.endpoint", &error.to_string()))?;
        }
        for key in &self.credentials {
            let given = [
                key.secret_access_key.is_some(),
                key.secret_access_key_file.is_some(),
            ];
            if given.iter().filter(|given| **given).count() != 1 {
                let reason = "give secret_access_key or secret_access_key_file, and not both";
                return Err(bad("aws.credentials", reason));
            }
            if key.session_token.is_some() && key.session_token_file.is_some() {
                let reason = "give session_token or session_token_file, and not both";
                return Err(bad("aws.credentials", reason));
            }
        }
        Ok(())
    }

    /// Whether something of it stands in other files.
    pub(crate) fn has_files(&self) -> bool {
        let in_file =
            |key: &AwsKey| key.secret_access_key_file.is_some() || key.session_token_file.is_some();
        self.credentials.iter().any(in_file)
    }

    /// What calls are made with, from the file, the files it names and the environment.
    ///
    /// # Errors
    /// A file cannot be read, or a variable holds no URL.
    pub(crate) fn resolve(&self, variables: Variables<'_>) -> Result<AwsSettings, SettingsError> {
        let parse = |key: &str, url: &str| {
            AwsEndpoint::parse(url).map_err(|error| bad(key, &error.to_string()))
        };
        let everywhere = variables("AWS_ENDPOINT_URL");
        let mut services: Vec<Service<'_>> = known_services().collect();
        services.extend(self.endpoints.keys().map(|name| Service::named(name)));
        let mut endpoints = BTreeMap::new();
        for service in services {
            let variable = service.endpoint_variable();
            let own = variables(&variable);
            // A variable for all goes before the file's entry for one, as in AWS tools.
            let file = self.endpoints.get(service.name);
            let file = file.filter(|_| everywhere.is_none()).cloned();
            if let Some(url) = own.or(file) {
                endpoints.insert(service.name.to_owned(), parse(&variable, &url)?);
            }
        }
        let endpoint = everywhere.or_else(|| self.endpoint.clone());
        let mut settings = AwsSettings {
            endpoint: endpoint
                .map(|url| parse("AWS_ENDPOINT_URL", &url))
                .transpose()?,
            endpoints,
            default: None,
            roles: BTreeMap::new(),
        };
        for key in &self.credentials {
            let credentials = key.read()?;
            match &key.role {
                Some(role) => drop(settings.roles.insert(role.clone(), credentials)),
                None => settings.default = Some(credentials),
            }
        }
        let id = variables("AWS_ACCESS_KEY_ID");
        let secret = variables("AWS_SECRET_ACCESS_KEY");
        if let (Some(access_key_id), Some(secret_access_key)) = (id, secret) {
            settings.default = Some(AwsCredentials {
                access_key_id,
                secret_access_key,
                session_token: variables("AWS_SESSION_TOKEN"),
            });
        }
        Ok(settings)
    }
}

impl AwsKey {
    fn read(&self) -> Result<AwsCredentials, SettingsError> {
        let secret = text_or_file(
            self.secret_access_key.as_deref(),
            self.secret_access_key_file.as_deref(),
        )?;
        Ok(AwsCredentials {
            access_key_id: self.access_key_id.clone(),
            secret_access_key: secret.unwrap_or_default(),
            session_token: text_or_file(
                self.session_token.as_deref(),
                self.session_token_file.as_deref(),
            )?,
        })
    }
}

fn text_or_file(text: Option<&str>, file: Option<&Path>) -> Result<Option<String>, SettingsError> {
    let Some(path) = file else {
        return Ok(text.map(str::to_owned));
    };
    let read = std::fs::read_to_string(path).map_err(|source| SettingsError::Read {
        path: path.to_owned(),
        source,
    })?;
    Ok(Some(read.trim().to_owned()))
}

impl fmt::Debug for AwsKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "AwsKey({:?}, {})", self.role, self.access_key_id)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use region::{AwsEndpoint, AwsSettings};

    use super::Aws;
    use crate::settings::Settings;

    fn region(aws: &str) -> String {
        let text = "data_dir = \"/d\"\n[link]\nbind = \"127.0.0.1:4433\"\n[region]\n";
        let role = "http = [\"127.0.0.1:80\"]\nmanagement = \"127.0.0.1:7001\"\n";
        format!("{text}{role}{aws}")
    }

    fn read(aws: &str) -> Aws {
        let path = std::path::Path::new("edgeway.toml");
        Settings::read(path, &region(aws)).unwrap().aws.unwrap()
    }

    fn refused(text: &str) -> String {
        let path = std::path::Path::new("edgeway.toml");
        Settings::read(path, text).unwrap_err().to_string()
    }

    fn resolve(aws: &Aws, variables: &[(&str, &str)]) -> AwsSettings {
        let variables: BTreeMap<&str, &str> = variables.iter().copied().collect();
        let look = |name: &str| variables.get(name).map(|value| (*value).to_owned());
        aws.resolve(&look).unwrap()
    }

    fn url(text: &str) -> Option<AwsEndpoint> {
        AwsEndpoint::parse(text).ok()
    }

    const FILE: &str = r#"
[aws]
endpoint = "http://127.0.0.1:1"
[aws.endpoints]
states = "http://127.0.0.1:2"
new-one = "http://127.0.0.1:3"
"#;

    #[test]
    fn variables_go_before_the_file() {
        let aws = read(FILE);
        let plain = resolve(&aws, &[]);
        assert_eq!(plain.endpoint, url("http://127.0.0.1:1"));
        assert_eq!(
            plain.endpoints.get("states"),
            url("http://127.0.0.1:2").as_ref()
        );
        assert_eq!(
            plain.endpoints.get("new-one"),
            url("http://127.0.0.1:3").as_ref()
        );
        assert_eq!(plain.endpoints.len(), 2);
        let one = resolve(&aws, &[("AWS_ENDPOINT_URL_SFN", "http://127.0.0.1:4")]);
        assert_eq!(
            one.endpoints.get("states"),
            url("http://127.0.0.1:4").as_ref()
        );
        assert_eq!(
            one.endpoints.get("new-one"),
            url("http://127.0.0.1:3").as_ref()
        );
        let all = [
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:5"),
            ("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:6"),
        ];
        let all = resolve(&aws, &all);
        assert_eq!(all.endpoint, url("http://127.0.0.1:5"));
        assert_eq!(all.endpoints.get("states"), None);
        assert_eq!(all.endpoints.get("sqs"), url("http://127.0.0.1:6").as_ref());
    }

    #[test]
    fn credentials_by_role_and_for_all_others() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, "of a file\n").unwrap();
        let text = format!(
            "[[aws.credentials]]\naccess_key_id = \"A\"\nsecret_access_key = \"s\"\n\
             [[aws.credentials]]\nrole = \"arn:aws:iam::1:role/r\"\naccess_key_id = \"B\"\n\
             secret_access_key_file = {:?}\nsession_token = \"t\"\n",
            file.to_str().unwrap()
        );
        let aws = read(&text);
        assert!(aws.has_files());
        let resolved = resolve(&aws, &[]);
        assert_eq!(resolved.default.unwrap().access_key_id, "A");
        let role = &resolved.roles["arn:aws:iam::1:role/r"];
        assert_eq!(role.secret_access_key, "of a file");
        assert_eq!(role.session_token.as_deref(), Some("t"));
        let own = [("AWS_ACCESS_KEY_ID", "C"), ("AWS_SECRET_ACCESS_KEY", "x")];
        let resolved = resolve(&aws, &own);
        assert_eq!(resolved.default.unwrap().access_key_id, "C");
        let shown = format!("{aws:?}");
        assert!(
            !shown.contains("\"s\"") && !shown.contains("\"t\""),
            "{shown}"
        );
        std::fs::remove_file(&file).unwrap();
        assert!(
            aws.resolve(&|_| None)
                .unwrap_err()
                .to_string()
                .contains("secret")
        );
    }

    #[test]
    fn refusals() {
        let check = |text: String, expected: &str| {
            let message = refused(&text);
            assert!(message.contains(expected), "{message:?} lacks {expected:?}");
        };
        check(
            region("[aws]\nendpoint = \"127.0.0.1:1\""),
            "'aws.endpoint'",
        );
        check(region("[aws]\ncolour = 1"), "colour");
        let key = "[[aws.credentials]]\naccess_key_id = \"A\"\n";
        check(region(key), "secret_access_key_file, and not both");
        let text = "data_dir = \"/d\"\n[link]\nbind = \"127.0.0.1:1\"\n[pop]\n";
        let pop = format!("{text}http = [\"127.0.0.1:80\"]\n[aws]\n");
        check(pop, "'aws': only region nodes");
    }
}
