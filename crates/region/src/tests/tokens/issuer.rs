//! An issuer of tokens on loopback, over TLS: its discovery document, its keys, and tokens that
//! are good or made by others.

use std::{
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use arc_swap::ArcSwap;
use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Response;
use serde_json::{Value, json};
use serve::Body;

use super::super::{backend::Backend, backends::certificate};
use crate::{AwsEndpoint, AwsSettings};

static CURVE: LazyLock<EcdsaKeyPair> = LazyLock::new(curve);
/// Of somebody else.
static STRANGER: LazyLock<EcdsaKeyPair> = LazyLock::new(curve);
static RSA: LazyLock<RsaKeyPair> =
    LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());

fn curve() -> EcdsaKeyPair {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()
}

pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn now_s() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_secs()
}

#[derive(Default)]
struct Shown {
    /// Ids of keys.
    keys: Mutex<Vec<String>>,
    is_down: AtomicBool,
    discoveries: AtomicU64,
    fetches: AtomicU64,
}

pub(super) struct Issuer {
    backend: Option<Backend>,
    pem: String,
    shown: Arc<Shown>,
}

impl Issuer {
    pub(super) async fn start() -> Self {
        let (pem, config) = certificate(&["localhost"], &["http/1.1"]);
        let shown = Arc::new(Shown::default());
        shown.keys.lock().unwrap().push("one".to_owned());
        let seen = Arc::clone(&shown);
        let backend = Backend::tls(config, move |request| {
            let host = request.headers()["host"].to_str().unwrap().to_owned();
            let answer = seen.answer(&host, request.uri().path());
            async move { answer }
        });
        Self {
            backend: Some(backend.await),
            pem,
            shown,
        }
    }

    /// One that only names what has no address.
    pub(super) fn unbound() -> Self {
        Self {
            backend: None,
            pem: String::new(),
            shown: Arc::default(),
        }
    }

    /// What `iss` must be.
    pub(super) fn url(&self) -> String {
        let port = self.backend.as_ref().map_or(1, |it| it.addr.port());
        format!("https://localhost:{port}/tenant")
    }

    pub(super) fn pem(&self) -> Vec<u8> {
        self.pem.clone().into_bytes()
    }

    /// Settings that have user pools here.
    pub(super) fn as_user_pools(&self) -> Arc<ArcSwap<AwsSettings>> {
        let url = self.url();
        let endpoint = AwsEndpoint::parse(url.trim_end_matches("/tenant")).unwrap();
        let mut settings = AwsSettings::default();
        settings
            .endpoints
            .insert("cognito-idp".to_owned(), endpoint);
        Arc::new(ArcSwap::from_pointee(settings))
    }

    /// How often its discovery document and its keys have been fetched.
    pub(super) fn asked(&self) -> (u64, u64) {
        let shown = &self.shown;
        let count = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        (count(&shown.discoveries), count(&shown.fetches))
    }

    pub(super) fn set_down(&self, is_down: bool) {
        self.shown.is_down.store(is_down, Ordering::SeqCst);
    }

    pub(super) fn publish(&self, id: &str) {
        self.shown.keys.lock().unwrap().push(id.to_owned());
    }

    pub(super) fn withdraw(&self, id: &str) {
        self.shown.keys.lock().unwrap().retain(|one| one != id);
    }

    pub(super) fn sign(&self, claims: &Value) -> String {
        self.sign_as("one", claims)
    }

    pub(super) fn sign_as(&self, id: &str, claims: &Value) -> String {
        by(&CURVE, id, claims)
    }

    /// With the issuer's key's name, but not with its key.
    pub(super) fn forge(&self, claims: &Value) -> String {
        by(&STRANGER, "one", claims)
    }

    pub(super) fn sign_rsa(&self, claims: &Value) -> String {
        let text = unsigned("RS256", "rsa", claims);
        let mut signature = vec![0; RSA.public_modulus_len()];
        RSA.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            text.as_bytes(),
            &mut signature,
        )
        .unwrap();
        format!("{text}.{}", encode(signature))
    }
}

fn unsigned(algorithm: &str, id: &str, claims: &Value) -> String {
    let header = json!({"alg": algorithm, "kid": id});
    format!(
        "{}.{}",
        encode(header.to_string()),
        encode(claims.to_string())
    )
}

fn by(key: &EcdsaKeyPair, id: &str, claims: &Value) -> String {
    let text = unsigned("ES256", id, claims);
    let signature = key.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
    format!("{text}.{}", encode(signature))
}

impl Shown {
    fn answer(&self, host: &str, path: &str) -> Response<Body> {
        let is_keys = path == "/keys/now" || path == "/eu-west-1_Pool/.well-known/jwks.json";
        let counter = if is_keys {
            &self.fetches
        } else {
            &self.discoveries
        };
        counter.fetch_add(1, Ordering::SeqCst);
        let (mut status, mut body) = (200, json!({}));
        if self.is_down.load(Ordering::SeqCst) {
            status = 503;
        } else if is_keys {
            let point = CURVE.public_key().as_ref();
            let ids = self.keys.lock().unwrap();
            let keys = ids.iter().map(|id| {
                json!({"kty": "EC", "crv": "P-256", "kid": id, "alg": "ES256",
                    "x": encode(&point[1..33]), "y": encode(&point[33..])})
            });
            let modulus = RSA.public_key().modulus();
            let exponent = RSA.public_key().exponent();
            let rsa = json!({"kty": "RSA", "kid": "rsa", "use": "sig", "alg": "RS256",
                "n": encode(modulus.big_endian_without_leading_zero()),
                "e": encode(exponent.big_endian_without_leading_zero())});
            let keys: Vec<Value> = keys.chain([rsa]).collect();
            body = json!({ "keys": keys });
        } else if path == "/tenant/.well-known/openid-configuration" {
            body = json!({"issuer": format!("https://{host}/tenant"),
                "jwks_uri": format!("https://{host}/keys/now")});
        } else {
            status = 404;
        }
        Response::builder()
            .status(status)
            .body(Body::full(body.to_string()))
            .unwrap()
    }
}
