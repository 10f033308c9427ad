//! An issuer of tokens, as a cloud or a Kubernetes cluster is one: a key, the document of keys,
//! tokens, and a metadata service like Google's that hands them out.

use std::{convert::Infallible, sync::Arc};

use anyhow::anyhow;
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Who signs tokens with a P-256 key.
pub struct TokenIssuer {
    key: EcdsaKeyPair,
    id: String,
}

impl TokenIssuer {
    /// With a key of its own, called `id`.
    ///
    /// # Errors
    /// When the crypto library refuses.
    pub fn new(id: &str) -> anyhow::Result<Self> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
        Ok(Self {
            key: key.map_err(|_| anyhow!("no key"))?,
            id: id.to_owned(),
        })
    }

    /// The document of keys.
    #[must_use]
    pub fn keys(&self) -> Value {
        let point = self.key.public_key().as_ref();
        let (x, y) = point.get(1..).unwrap_or_default().split_at(32);
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({"keys": [{
            "kty": "EC", "crv": "P-256", "kid": self.id, "use": "sig", "alg": "ES256",
            "x": encode(x), "y": encode(y),
        }]})
    }

    /// A token with these claims.
    ///
    /// # Errors
    /// When the crypto library refuses.
    pub fn token(&self, claims: &Value) -> anyhow::Result<String> {
        self.token_with(
            &json!({"alg": "ES256", "kid": self.id, "typ": "JWT"}),
            claims,
        )
    }

    /// The same with any header; the signature is there whatever it says.
    ///
    /// # Errors
    /// When the crypto library refuses.
    pub fn token_with(&self, header: &Value, claims: &Value) -> anyhow::Result<String> {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (header, claims) = (header.to_string(), claims.to_string());
        let text = format!(
            "{}.{}",
            encode(header.as_bytes()),
            encode(claims.as_bytes())
        );
        let signature = self.key.sign(&SystemRandom::new(), text.as_bytes());
        let signature = signature.map_err(|_| anyhow!("no signature"))?;
        Ok(format!("{text}.{}", encode(signature.as_ref())))
    }
}

/// An issuer whose keys are found by its discovery document, and the metadata service of a machine
/// in its cloud.
pub struct Cloud {
    /// The issuer, and the metadata service.
    pub url: String,
}

impl Cloud {
    /// Begins to serve on the current runtime; its tokens have these claims beside those that say
    /// who has issued them for whom.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start(issuer: TokenIssuer, claims: Value) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let own = url.clone();
        let shared = Arc::new((issuer, claims));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (url, shared) = (own.clone(), Arc::clone(&shared));
                let service = service_fn(move |request: Request<Incoming>| {
                    let answer = answer(&request, &url, &shared.0, &shared.1);
                    let mut response = Response::default();
                    match answer {
                        Some(text) => *response.body_mut() = Full::new(Bytes::from(text)),
                        None => *response.status_mut() = StatusCode::NOT_FOUND,
                    }
                    async move { Ok::<_, Infallible>(response) }
                });
                let connection = hyper::server::conn::http1::Builder::new();
                let connection = connection.serve_connection(TokioIo::new(stream), service);
                tokio::spawn(async move { drop(connection.await) });
            }
        });
        Ok(Self { url })
    }
}

fn answer(
    request: &Request<Incoming>,
    url: &str,
    issuer: &TokenIssuer,
    claims: &Value,
) -> Option<String> {
    const IDENTITY: &str = "/computeMetadata/v1/instance/service-accounts/default/identity";
    match request.uri().path() {
        "/.well-known/openid-configuration" => {
            let keys = format!("{url}/keys");
            Some(json!({ "issuer": url, "jwks_uri": keys }).to_string())
        }
        "/keys" => Some(issuer.keys().to_string()),
        IDENTITY if request.headers().get("metadata-flavor")? == "Google" => {
            let query = request.uri().query()?.strip_suffix("&format=full")?;
            let audience = query.strip_prefix("audience=")?;
            let mut claims = claims.clone();
            let fields = claims.as_object_mut()?;
            fields.insert("iss".to_owned(), url.into());
            fields.insert("aud".to_owned(), audience.into());
            issuer.token(&claims).ok()
        }
        _ => None,
    }
}
