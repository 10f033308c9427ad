//! An identity provider of the test's own on loopback: its discovery document and its key over TLS,
//! and tokens that it has signed, as people's clients bring them.
//!
//! It has one RSA key, which is what HTTP APIs take, and no users. Keys of other kinds, and ones
//! that change, are tested where they are read (`region::issuers`) and with another library's
//! tokens (`tests/clients/rest_tokens.py`).

use std::{
    convert::Infallible,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::issuer::TestIssuer;

const KEY_ID: &str = "one";

/// Serves, and signs tokens, as long as the test's runtime lives.
#[derive(Debug)]
pub struct IdentityProvider {
    key: RsaKeyPair,
    url: String,
    authority: Vec<u8>,
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl IdentityProvider {
    /// Begins to serve on the current runtime.
    ///
    /// # Errors
    /// When no port is free, or the crypto library refuses.
    pub async fn start() -> anyhow::Result<Self> {
        let key = RsaKeyPair::generate(KeySize::Rsa2048)?;
        let authority = TestIssuer::new("tokens")?;
        let issued = authority.issue(&["localhost"])?;
        let chain: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(issued.chain.as_bytes()).collect();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(
                chain?,
                PrivateKeyDer::from_pem_slice(issued.key.as_bytes())?,
            )?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("https://localhost:{}", listener.local_addr()?.port());
        let documents = Arc::new(Documents::of(&url, &key));
        tokio::spawn(serve(
            listener,
            TlsAcceptor::from(Arc::new(config)),
            documents,
        ));
        Ok(Self {
            key,
            url,
            authority: authority.root_pem().to_vec(),
        })
    }

    /// What `iss` is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What those who fetch its key have to trust, PEM.
    #[must_use]
    pub fn authority_pem(&self) -> &[u8] {
        &self.authority
    }

    /// A signed token for `audience` with these scopes (names with spaces between them) that ends
    /// so many seconds from now, which may be before.
    ///
    /// # Errors
    /// When the crypto library refuses.
    pub fn token(&self, audience: &str, scopes: &str, life_s: i64) -> anyhow::Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let now = i64::try_from(now)?;
        let claims = json!({
            "iss": self.url, "sub": "somebody", "aud": audience, "scope": scopes,
            "iat": now.min(now + life_s) - 60, "exp": now + life_s,
        });
        let header = json!({ "alg": "RS256", "kid": KEY_ID });
        let text = format!(
            "{}.{}",
            encode(header.to_string()),
            encode(claims.to_string())
        );
        let mut signature = vec![0; self.key.public_modulus_len()];
        let random = SystemRandom::new();
        self.key
            .sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature)?;
        Ok(format!("{text}.{}", encode(signature)))
    }
}

/// What it tells everybody.
struct Documents {
    discovery: Value,
    keys: Value,
}

impl Documents {
    fn of(url: &str, key: &RsaKeyPair) -> Self {
        let public = key.public_key();
        let (modulus, exponent) = (public.modulus(), public.exponent());
        Self {
            discovery: json!({ "issuer": url, "jwks_uri": format!("{url}/keys") }),
            keys: json!({ "keys": [{
                "kty": "RSA", "alg": "RS256", "use": "sig", "kid": KEY_ID,
                "n": encode(modulus.big_endian_without_leading_zero()),
                "e": encode(exponent.big_endian_without_leading_zero()),
            }] }),
        }
    }

    fn answer(&self, path: &str) -> Response<Full<Bytes>> {
        let (status, body) = match path {
            "/.well-known/openid-configuration" => (StatusCode::OK, self.discovery.to_string()),
            "/keys" => (StatusCode::OK, self.keys.to_string()),
            _ => (StatusCode::NOT_FOUND, String::new()),
        };
        let mut answer = Response::new(Full::from(body));
        *answer.status_mut() = status;
        answer
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, documents: Arc<Documents>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, documents) = (acceptor.clone(), Arc::clone(&documents));
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let service = service_fn(|request: http::Request<hyper::body::Incoming>| {
                let answer = documents.answer(request.uri().path());
                async move { Ok::<_, Infallible>(answer) }
            });
            let http = hyper::server::conn::http1::Builder::new();
            drop(http.serve_connection(TokioIo::new(stream), service).await);
        });
    }
}
