//! What a machine can prove of itself: asked of its cloud's metadata service, or read from a file,
//! anew for each try, since proofs expire.
//!
//! Metadata services speak plain HTTP on a link-local address that only the machine itself
//! reaches; nothing is sent there that is secret.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri, header};
use http_body_util::Full;

use super::message::Proof;
use crate::{client, settings::Identity};

/// Longest proof that is read.
const PROOF_BYTES_MAX: u64 = 64 * 1024;
/// A metadata service answers at once, or is none.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Seconds for which a session with EC2's metadata service lasts.
const SESSION_S: &str = "60";

const AWS: &str = "http://169.254.169.254";
const GCP: &str = "http://metadata.google.internal";
const AZURE: &str = "http://169.254.169.254";
/// Of Azure's metadata service.
const AZURE_API: &str = "2018-02-01";

/// Gets a proof.
pub(crate) async fn obtain(identity: &Identity) -> anyhow::Result<Proof> {
    match identity {
        Identity::Aws(aws) => aws_document(aws.endpoint.as_deref().unwrap_or(AWS)).await,
        Identity::Gcp(gcp) => {
            let endpoint = gcp.endpoint.as_deref().unwrap_or(GCP);
            gcp_token(endpoint, &gcp.audience).await
        }
        Identity::Azure(azure) => {
            let endpoint = azure.endpoint.as_deref().unwrap_or(AZURE);
            let client = azure.client_id.as_deref();
            azure_token(endpoint, &azure.resource, client).await
        }
        Identity::Oidc(oidc) => file(&oidc.token_file),
    }
}

fn file(path: &Path) -> anyhow::Result<Proof> {
    let named = || {
        format!(
            "settings key 'join.identity.oidc.token_file': {}",
            path.display()
        )
    };
    let size = std::fs::metadata(path).with_context(named)?.len();
    if size > PROOF_BYTES_MAX {
        bail!("{}: {size} bytes are too long for a token", named());
    }
    let text = std::fs::read_to_string(path).with_context(named)?;
    Ok(Proof::Token(text.trim().to_owned()))
}

/// By version 2 of EC2's metadata service: a session first.
async fn aws_document(endpoint: &str) -> anyhow::Result<Proof> {
    let session = ask(
        endpoint,
        (Method::PUT, "/latest/api/token"),
        &[("x-aws-ec2-metadata-token-ttl-seconds", SESSION_S)],
    );
    let session = session
        .await
        .context("EC2's metadata service (a session)")?;
    let headers = [("x-aws-ec2-metadata-token", session.trim())];
    let path = "/latest/dynamic/instance-identity/rsa2048";
    let document = ask(endpoint, (Method::GET, path), &headers).await;
    let document = document.context("EC2's metadata service (the identity document)")?;
    Ok(Proof::AwsDocument(document))
}

async fn gcp_token(endpoint: &str, audience: &str) -> anyhow::Result<Proof> {
    let audience = encoded(audience);
    let path = format!(
        "/computeMetadata/v1/instance/service-accounts/default/identity?audience={audience}\
         &format=full"
    );
    let token = ask(
        endpoint,
        (Method::GET, &path),
        &[("metadata-flavor", "Google")],
    );
    let token = token
        .await
        .context("Google's metadata service (an identity token)")?;
    Ok(Proof::Token(token.trim().to_owned()))
}

async fn azure_token(
    endpoint: &str,
    resource: &str,
    client: Option<&str>,
) -> anyhow::Result<Proof> {
    let resource = encoded(resource);
    let client = client.map_or_else(String::new, |id| format!("&client_id={}", encoded(id)));
    let path = format!(
        "/metadata/identity/oauth2/token?api-version={AZURE_API}&resource={resource}{client}"
    );
    let answer = ask(endpoint, (Method::GET, &path), &[("metadata", "true")]);
    let answer = answer.await.context("Azure's metadata service (a token)")?;
    let answer: serde_json::Value =
        serde_json::from_str(&answer).context("Azure's metadata service did not answer JSON")?;
    let token = answer.get("access_token").and_then(|token| token.as_str());
    let token = token.context("Azure's metadata service answered without access_token")?;
    Ok(Proof::Token(token.to_owned()))
}

fn encoded(text: &str) -> impl std::fmt::Display {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
}

async fn ask(
    endpoint: &str,
    (method, path): (Method, &str),
    headers: &[(&'static str, &str)],
) -> anyhow::Result<String> {
    let uri: Uri = endpoint.parse().with_context(|| endpoint.to_owned())?;
    let host = uri
        .host()
        .with_context(|| format!("{endpoint} has no host"))?;
    let port = uri.port_u16().unwrap_or(80);
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, host);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::<Bytes>::default())?;
    let authority = format!("{host}:{port}");
    let answered = tokio::time::timeout(TIMEOUT, client::send(&authority, request)).await;
    let (status, body) = answered.with_context(|| format!("{endpoint}: no answer"))??;
    let text = String::from_utf8_lossy(&body).into_owned();
    if status != StatusCode::OK {
        let start: String = text.chars().take(200).collect();
        bail!("{endpoint}{path}: {status}: {start}");
    }
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > PROOF_BYTES_MAX {
        bail!("{endpoint}{path}: the answer is too long");
    }
    Ok(text)
}
