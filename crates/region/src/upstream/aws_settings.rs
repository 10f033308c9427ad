//! Where AWS services are and who calls them: settings of a node, never part of an API.
//!
//! An API names services by ARN and roles by ARN. What stands behind those names is the operator's
//! business: real AWS, or anything that speaks like it. Secrets are kept here and shown nowhere.

use std::{collections::BTreeMap, fmt, sync::Arc};

use http::Uri;
use lang::aws::Service;
use plan::region::{Origin, OriginTls};

use super::AwsError;

/// Endpoints and credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwsSettings {
    /// For services without an entry in `endpoints`; Amazon's own hosts unless given.
    pub endpoint: Option<AwsEndpoint>,
    /// By service as URIs name it, such as `states`.
    pub endpoints: BTreeMap<String, AwsEndpoint>,
    /// For integrations without a role, and for roles that are not in `roles`.
    pub default: Option<AwsCredentials>,
    /// By the ARN that integrations name as their `credentials`.
    pub roles: BTreeMap<String, AwsCredentials>,
}

/// Where a service is, or a stand-in for many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsEndpoint {
    https: bool,
    host: String,
    port: u16,
    authority: String,
    /// Before each path; does not end in a slash.
    prefix: String,
}

/// Not an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a URL of the form http://HOST:PORT or https://HOST:PORT")]
pub struct AwsEndpointError(String);

/// An access key.
#[derive(Clone, PartialEq, Eq)]
pub struct AwsCredentials {
    /// The public half.
    pub access_key_id: String,
    /// The secret half.
    pub secret_access_key: String,
    /// Comes with temporary credentials.
    pub session_token: Option<String>,
}

/// What an integration names when the caller's own credentials are to be used.
const CALLER: &str = "arn:aws:iam::*:user/*";

/// Where a call goes.
pub(super) struct Place {
    pub(super) origin: Arc<Origin>,
    /// Before the call's own path; does not end in a slash.
    pub(super) prefix: String,
    /// The settings say so: it need not be Amazon.
    pub(super) chosen: bool,
}

impl AwsSettings {
    /// The credentials for an integration that names `role`; none if there are none at all.
    pub(super) fn credentials(
        &self,
        role: Option<&str>,
    ) -> Result<Option<&AwsCredentials>, AwsError> {
        if role == Some(CALLER) {
            return Err(AwsError::CallerCredentials);
        }
        let named = role.and_then(|role| self.roles.get(role));
        Ok(named.or(self.default.as_ref()))
    }

    /// Where `service` is, for a region and what stands before the service.
    pub(super) fn place(
        &self,
        service: &Service<'_>,
        region: &str,
        subdomain: Option<&str>,
    ) -> Place {
        let own = self.endpoints.get(service.name);
        let Some(endpoint) = own.or(self.endpoint.as_ref()) else {
            let host = service.host(region, subdomain);
            let origin = Origin {
                https: true,
                port: 443,
                server_name: None,
                authority: host.as_str().into(),
                host: host.into(),
                tls: OriginTls::default(),
                via: None,
            };
            return Place {
                origin: Arc::new(origin),
                prefix: String::new(),
                chosen: false,
            };
        };
        // A stand-in has no names for buckets: they go into the path.
        let bucket = subdomain.filter(|_| service.name == "s3");
        let prefix = match bucket {
            Some(bucket) => format!("{}/{bucket}", endpoint.prefix),
            None => endpoint.prefix.clone(),
        };
        let origin = Origin {
            https: endpoint.https,
            host: endpoint.host.as_str().into(),
            port: endpoint.port,
            server_name: None,
            authority: endpoint.authority.as_str().into(),
            tls: OriginTls::default(),
            via: None,
        };
        Place {
            origin: Arc::new(origin),
            prefix,
            chosen: true,
        }
    }
}

impl AwsEndpoint {
    /// Reads a URL.
    ///
    /// # Errors
    /// It is not one, or has a user, a query or a fragment.
    pub fn parse(url: &str) -> Result<Self, AwsEndpointError> {
        let failed = || AwsEndpointError(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| failed())?;
        let https = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            Some(_) | None => return Err(failed()),
        };
        let authority = uri.authority().ok_or_else(failed)?;
        if authority.as_str().contains('@') || uri.query().is_some() || url.contains('#') {
            return Err(failed());
        }
        let host = authority.host().to_ascii_lowercase();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        Ok(Self {
            https,
            host: bare.to_owned(),
            port: authority.port_u16().unwrap_or(if https { 443 } else { 80 }),
            authority: authority.as_str().to_ascii_lowercase(),
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }
}

impl fmt::Debug for AwsCredentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "AwsCredentials({})", self.access_key_id)
    }
}

#[cfg(test)]
mod tests {
    use super::{AwsCredentials, AwsEndpoint, AwsSettings};
    use crate::upstream::AwsError;
    use lang::aws::Service;

    fn credentials(key: &str) -> AwsCredentials {
        AwsCredentials {
            access_key_id: key.to_owned(),
            secret_access_key: "very secret".to_owned(),
            session_token: Some("token".to_owned()),
        }
    }

    #[test]
    fn endpoints_are_urls() {
        let check = |url: &str, expected: Option<(&str, u16, &str, &str)>| {
            let read = AwsEndpoint::parse(url).ok();
            let parts = read.as_ref().map(|read| {
                let AwsEndpoint {
                    host,
                    port,
                    authority,
                    prefix,
                    ..
                } = read;
                (host.as_str(), *port, authority.as_str(), prefix.as_str())
            });
            assert_eq!(parts, expected, "{url}");
        };
        let local = ("127.0.0.1", 4566, "127.0.0.1:4566", "");
        check("http://127.0.0.1:4566", Some(local));
        check("http://127.0.0.1:4566/", Some(local));
        check("https://Host/a/", Some(("host", 443, "host", "/a")));
        check("http://[::1]:5000", Some(("::1", 5000, "[::1]:5000", "")));
        for url in [
            "",
            "127.0.0.1:1",
            "ftp://h",
            "http://u@h",
            "http://h?q",
            "http://h/#f",
        ] {
            check(url, None);
        }
    }

    #[test]
    fn places_of_services() {
        let mut settings = AwsSettings::default();
        let s3 = Service::named("s3");
        let place = settings.place(&s3, "eu-west-1", Some("b"));
        assert_eq!(&*place.origin.host, "b.s3.eu-west-1.amazonaws.com");
        assert!(place.origin.https && !place.chosen && place.prefix.is_empty());
        settings.endpoint = AwsEndpoint::parse("http://127.0.0.1:1/x").ok();
        let own = AwsEndpoint::parse("http://127.0.0.1:2").unwrap();
        settings.endpoints.insert("sqs".to_owned(), own);
        let place = settings.place(&s3, "eu-west-1", Some("b"));
        assert_eq!((place.origin.port, place.prefix.as_str()), (1, "/x/b"));
        let place = settings.place(&Service::named("sqs"), "eu-west-1", None);
        assert!(place.chosen && place.origin.port == 2 && place.prefix.is_empty());
    }

    #[test]
    fn credentials_of_roles() {
        let role = "arn:aws:iam::123456789012:role/r";
        let mut settings = AwsSettings::default();
        assert_eq!(settings.credentials(Some(role)), Ok(None));
        settings.default = Some(credentials("default"));
        settings.roles.insert(role.to_owned(), credentials("role"));
        let key = |role| {
            let found = settings.credentials(role).unwrap();
            found.map(|found| found.access_key_id.as_str())
        };
        assert_eq!(key(Some(role)), Some("role"));
        assert_eq!(
            key(Some("arn:aws:iam::123456789012:role/other")),
            Some("default")
        );
        assert_eq!(key(None), Some("default"));
        let caller = settings.credentials(Some("arn:aws:iam::*:user/*"));
        assert_eq!(caller, Err(AwsError::CallerCredentials));
        let shown = format!("{settings:?}");
        assert!(
            !shown.contains("secret") && !shown.contains("token"),
            "{shown}"
        );
    }
}
