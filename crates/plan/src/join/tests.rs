//! Policies before proofs that are good in every other way.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use model::{AwsIid, AwsSigner, Oidc, OidcKeys};
use serde_json::{Value, json};

use super::{Keys, Proven, Refused, judge_instance, judge_token, key_id, keys};
use crate::region::token::KeySource;

/// An identity document, signed with lengths that are indefinite, and the certificate's key.
static SIGNED: &str = include_str!("signed-document.txt");
static KEY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let text: String = include_str!("signer-key.txt").lines().collect();
    STANDARD.decode(text).unwrap()
});
/// When the instance was started.
const STARTED_MS: u64 = 1_795_294_019_000;

fn set(values: &[&str]) -> BTreeSet<String> {
    values.iter().map(|one| (*one).to_owned()).collect()
}

fn instances() -> AwsIid {
    AwsIid {
        signers: vec![AwsSigner {
            certificate_der: Vec::new(),
            rsa_key_der: KEY.clone(),
            not_after_ms: STARTED_MS + 1_000_000,
        }],
        accounts: set(&["111122223333", "444455556666"]),
        regions: set(&["eu-central-1"]),
        zones: BTreeSet::new(),
        images: BTreeSet::new(),
        instance_types: BTreeSet::new(),
        age_s_max: 600,
    }
}

fn check(change: impl FnOnce(&mut AwsIid), now_ms: u64, expected: Result<(), &str>) {
    let mut policy = instances();
    change(&mut policy);
    let judged = judge_instance(&policy, SIGNED, now_ms);
    let judged = judged.as_ref();
    assert_eq!(
        judged.map(|_| ()).map_err(|error| error.reason()),
        expected,
        "{judged:?}"
    );
}

#[test]
fn instances_and_conditions() {
    let now = STARTED_MS + 5_000;
    let proven = judge_instance(&instances(), SIGNED, now).unwrap();
    assert_eq!(
        proven,
        Proven {
            subject: "aws:i-0123456789abcdef0".to_owned(),
            until_ms: STARTED_MS + 600_000,
        }
    );
    check(
        |policy| policy.accounts = set(&["000000000000"]),
        now,
        Err("instance"),
    );
    check(
        |policy| policy.regions = set(&["us-east-1"]),
        now,
        Err("instance"),
    );
    check(|policy| policy.regions.clear(), now, Ok(()));
    // A policy without accounts lets nobody in.
    check(|policy| policy.accounts.clear(), now, Err("instance"));
    check(|policy| policy.zones = set(&["eu-central-1b"]), now, Ok(()));
    check(
        |policy| policy.zones = set(&["eu-central-1a"]),
        now,
        Err("instance"),
    );
    check(
        |policy| policy.images = set(&["ami-0123456789abcdef0"]),
        now,
        Ok(()),
    );
    check(
        |policy| policy.images = set(&["ami-1"]),
        now,
        Err("instance"),
    );
    check(
        |policy| policy.instance_types = set(&["c7g.large"]),
        now,
        Ok(()),
    );
    check(
        |policy| policy.instance_types = set(&["t4g.nano"]),
        now,
        Err("instance"),
    );
    check(
        |policy| policy.signers.clear(),
        now,
        Err("document_signature"),
    );
}

#[test]
fn instances_and_time() {
    check(|_| (), STARTED_MS - 60_000, Ok(()));
    check(|_| (), STARTED_MS - 60_001, Err("instance_future"));
    check(|_| (), STARTED_MS + 599_999, Ok(()));
    check(|_| (), STARTED_MS + 600_000, Err("instance_age"));
    // The certificate's time is over.
    let long = |policy: &mut AwsIid| policy.age_s_max = 2_000;
    check(long, STARTED_MS + 999_999, Ok(()));
    check(long, STARTED_MS + 1_000_000, Err("document_signature"));
}

/// Somebody's key, the document of keys with it, and tokens that it signs.
struct Issuer(EcdsaKeyPair);

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Issuer {
    fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    fn keys(&self) -> String {
        let (x, y) = self.0.public_key().as_ref()[1..].split_at(32);
        let key = json!({"kty": "EC", "crv": "P-256", "kid": "k", "x": encode(x), "y": encode(y)});
        json!({ "keys": [key] }).to_string()
    }

    fn token(&self, claims: &Value) -> String {
        let header = encode(r#"{"alg":"ES256","kid":"k"}"#);
        let text = format!("{header}.{}", encode(claims.to_string()));
        let signature = self.0.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        format!("{text}.{}", encode(signature))
    }
}

const NOW_S: u64 = 1_795_294_000;

fn claims() -> Value {
    json!({
        "iss": "https://i.test", "aud": ["edge", "other"], "exp": NOW_S + 60, "iat": NOW_S,
        "sub": "pop", "groups": ["a", "b"], "admin": true, "number": 7, "a/b": {"~": "deep"},
    })
}

fn tokens(issuer: &Issuer) -> Oidc {
    Oidc {
        issuer: "https://i.test".to_owned(),
        audiences: set(&["edge"]),
        claims: BTreeMap::from([("sub".to_owned(), set(&["pop", "dns"]))]),
        keys: OidcKeys::Given(issuer.keys()),
        once_by: None,
    }
}

fn judged(policy: &Oidc, token: &str) -> Result<Proven, Refused> {
    let Keys::Given(keys) = keys(policy).unwrap() else {
        panic!("the keys are in the policy");
    };
    judge_token(policy, &keys, token, NOW_S * 1000)
}

#[test]
fn claims_of_tokens() {
    let issuer = Issuer::new();
    let token = issuer.token(&claims());
    let check = |name: &str, values: &[&str], expected: Result<(), &str>| {
        let mut policy = tokens(&issuer);
        policy.claims.insert(name.to_owned(), set(values));
        let judged = judged(&policy, &token);
        let judged = judged.as_ref().map(|_| ()).map_err(Refused::reason);
        assert_eq!(judged, expected, "{name}");
    };
    check("sub", &["pop"], Ok(()));
    check("sub", &["po", "pop2", "*"], Err("token_claim"));
    check("missing", &["pop"], Err("token_claim"));
    check("groups", &["b"], Ok(()));
    check("groups", &["c"], Err("token_claim"));
    check("admin", &["true"], Ok(()));
    check("number", &["7"], Ok(()));
    check("a/b", &["deep"], Err("token_claim"));
    check("/a~1b/~0", &["deep"], Ok(()));
    check("/a~1b/none", &["deep"], Err("token_claim"));
    check("/groups/0", &["a"], Err("token_claim"));
    check("/", &["a"], Err("token_claim"));
}

#[test]
fn tokens_admit_once() {
    let issuer = Issuer::new();
    let subject = |claims: &Value, once_by: Option<&str>| {
        let mut policy = tokens(&issuer);
        policy.once_by = once_by.map(str::to_owned);
        let proven = judged(&policy, &issuer.token(claims));
        proven.map(|proven| (proven.subject, proven.until_ms))
    };
    // Each token, however often it is signed.
    let (first, until_ms) = subject(&claims(), None).unwrap();
    assert!(
        first.starts_with("token:") && until_ms == (NOW_S + 60) * 1000,
        "{first}"
    );
    assert_eq!(subject(&claims(), None).unwrap().0, first);
    let mut later = claims();
    later["exp"] = json!(NOW_S + 61);
    assert_ne!(subject(&later, None).unwrap().0, first);
    // Each value of a claim.
    let (first, _) = subject(&claims(), Some("sub")).unwrap();
    assert_eq!(first, "oidc:https://i.test pop");
    assert_eq!(subject(&later, Some("sub")).unwrap().0, first);
    let reason = |once_by: &str| subject(&claims(), Some(once_by)).unwrap_err().reason();
    assert_eq!(
        (reason("missing"), reason("groups")),
        ("token_once", "token_once")
    );
    later["sub"] = json!("pop\n");
    let mut policy = tokens(&issuer);
    policy.once_by = Some("sub".to_owned());
    policy.claims = BTreeMap::from([("admin".to_owned(), set(&["true"]))]);
    let judged = judged(&policy, &issuer.token(&later));
    assert_eq!(judged.unwrap_err().reason(), "token_once");
}

#[test]
fn tokens_of_others() {
    let (issuer, stranger) = (Issuer::new(), Issuer::new());
    let policy = tokens(&issuer);
    let check = |token: &str, expected: &str| {
        assert_eq!(judged(&policy, token).unwrap_err().reason(), expected);
    };
    check(&stranger.token(&claims()), "token_signature");
    check("", "token_malformed");
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        issuer.token(&claims)
    };
    check(&with("iss", json!("https://i.test/")), "token_issuer");
    check(&with("aud", json!("other")), "token_audience");
    check(&with("exp", json!(NOW_S)), "token_expired");
    check(&with("nbf", json!(NOW_S + 1)), "token_not_yet");
    // Nothing is fetched for a token of somebody else.
    let other = with("iss", json!("https://j.test"));
    assert_eq!(
        key_id(&policy, &other).unwrap_err().reason(),
        "token_issuer"
    );
    assert_eq!(key_id(&policy, &issuer.token(&claims())).unwrap(), "k");
}

#[test]
fn where_keys_are() {
    let mut policy = tokens(&Issuer::new());
    let check = |policy: &Oidc, expected: KeySource| match keys(policy).unwrap() {
        Keys::Fetched(source) => assert_eq!(*source, expected),
        Keys::Given(_) => panic!("they are to be fetched"),
    };
    policy.keys = OidcKeys::Discovered;
    check(&policy, KeySource::Discovered("https://i.test".into()));
    policy.keys = OidcKeys::Document("https://k.test/j".to_owned());
    check(&policy, KeySource::Document("https://k.test/j".into()));
    policy.keys = OidcKeys::Given("{}".to_owned());
    assert!(keys(&policy).is_err());
}
