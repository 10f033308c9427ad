//! Tokens that are good, and all that is done to them to make bad ones pass.

use std::sync::LazyLock;

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
        RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaEncoding, RsaKeyPair,
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    Accepted, Algorithm, Audience, ClaimRule, Claims, KEYS_BYTES_MAX, KEYS_MAX, KeySet,
    KeySetError, Refused, Rules, TOKEN_BYTES_MAX, Token, bare,
};

const NOW_MS: u64 = 1_795_230_000_500;
const NOW_S: u64 = NOW_MS / 1000;

static RSA: LazyLock<RsaKeyPair> =
    LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
static CURVE: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap());
static LARGE: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| EcdsaKeyPair::generate(&ECDSA_P521_SHA512_FIXED_SIGNING).unwrap());

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn unsigned(header: &Value, claims: &Value) -> String {
    format!(
        "{}.{}",
        encode(header.to_string()),
        encode(claims.to_string())
    )
}

fn by_rsa(encoding: &'static dyn RsaEncoding, text: &str) -> Vec<u8> {
    let mut signature = vec![0; RSA.public_modulus_len()];
    RSA.sign(
        encoding,
        &SystemRandom::new(),
        text.as_bytes(),
        &mut signature,
    )
    .unwrap();
    signature
}

/// Signed by the key that the header names, in the way that it names.
fn token_with(header: &Value, claims: &Value) -> String {
    let text = unsigned(header, claims);
    let curve = |pair: &EcdsaKeyPair| {
        let signed = pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        signed.as_ref().to_vec()
    };
    let signature = match (header["kid"].as_str(), header["alg"].as_str()) {
        (Some("curve"), _) => curve(&CURVE),
        (Some("large"), _) => curve(&LARGE),
        (_, Some("RS384")) => by_rsa(&RSA_PKCS1_SHA384, &text),
        (_, Some("RS512")) => by_rsa(&RSA_PKCS1_SHA512, &text),
        _ => by_rsa(&RSA_PKCS1_SHA256, &text),
    };
    format!("{text}.{}", encode(signature))
}

fn token(claims: &Value) -> String {
    token_with(&json!({"alg": "RS256", "kid": "rsa", "typ": "JWT"}), claims)
}

fn rsa_key(id: &str) -> Value {
    let key = RSA.public_key();
    json!({"kty": "RSA", "kid": id, "use": "sig",
        "n": encode(key.modulus().big_endian_without_leading_zero()),
        "e": encode(key.exponent().big_endian_without_leading_zero())})
}

fn curve_key(id: &str, curve: &str, pair: &EcdsaKeyPair) -> Value {
    let point = pair.public_key().as_ref();
    let size = point.len() / 2;
    json!({"kty": "EC", "crv": curve, "kid": id, "x": encode(&point[1..=size]),
        "y": encode(&point[1 + size..])})
}

fn key_set() -> KeySet {
    let mut only = rsa_key("only");
    only["alg"] = "RS256".into();
    read(&[
        rsa_key("rsa"),
        only,
        curve_key("curve", "P-256", &CURVE),
        curve_key("large", "P-521", &LARGE),
    ])
}

fn read(keys: &[Value]) -> KeySet {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

static KEYS: LazyLock<KeySet> = LazyLock::new(key_set);

fn all() -> Accepted {
    Accepted {
        named: Algorithm::ALL.into(),
        unnamed: Algorithm::ALL.into(),
    }
}

fn rules() -> Rules {
    Rules {
        issuer: "https://issuer.test/a".into(),
        audience: Audience::Listed(vec!["one".into(), "two".into()]),
        claims: Vec::new(),
    }
}

fn good() -> Value {
    json!({"iss": "https://issuer.test/a", "aud": "one", "exp": NOW_S + 1, "nbf": NOW_S,
        "iat": NOW_S, "scope": "read write", "sub": "somebody"})
}

fn judge(text: &str, rules: &Rules) -> Result<Claims, Refused> {
    let claims = KEYS.verify(Token::parse(text)?, &all())?;
    claims.check(rules, NOW_MS)?;
    Ok(claims)
}

#[track_caller]
fn check(text: &str, expected: Result<(), Refused>) {
    assert_eq!(judge(text, &rules()).map(|_| ()), expected, "{text}");
}

/// What becomes of good claims with that one altered.
#[track_caller]
fn with(name: &str, value: Value, expected: Result<(), Refused>) {
    let mut claims = good();
    match value {
        Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
        value => claims[name] = value,
    }
    check(&token(&claims), expected);
}

#[test]
fn every_algorithm_verifies_its_own() {
    for (algorithm, id) in [
        ("RS256", "rsa"),
        ("RS384", "rsa"),
        ("RS512", "rsa"),
        ("RS256", "only"),
        ("ES256", "curve"),
        ("ES512", "large"),
    ] {
        let header = json!({"alg": algorithm, "kid": id});
        check(&token_with(&header, &good()), Ok(()));
    }
}

#[test]
fn algorithms_are_not_chosen_by_strangers() {
    let named = |name: &str| Err(Refused::Algorithm(name.to_owned()));
    for name in ["none", "None", "HS256", "PS256", "rs256", "EdDSA"] {
        let header = json!({"alg": name, "kid": "rsa"});
        check(&token_with(&header, &good()), named(name));
    }
    let text = unsigned(&json!({"alg": "none", "kid": "rsa"}), &good());
    check(&format!("{text}."), named("none"));
    // The signature is good, for another algorithm than the header says.
    let check_key = |algorithm: &str, id: &str, expected| {
        check(
            &token_with(&json!({"alg": algorithm, "kid": id}), &good()),
            expected,
        );
    };
    check_key("ES256", "rsa", Err(Refused::KeyType(Algorithm::Es256)));
    check_key("RS256", "curve", Err(Refused::KeyType(Algorithm::Rs256)));
    check_key("ES384", "curve", Err(Refused::KeyType(Algorithm::Es384)));
    check_key("RS512", "only", Err(Refused::KeyType(Algorithm::Rs512)));
    let text = token(&good());
    let other = encode(json!({"alg": "RS384", "kid": "rsa", "typ": "JWT"}).to_string());
    let swapped = format!("{other}.{}", text.split_once('.').unwrap().1);
    check(&swapped, Err(Refused::Signature));
    // A key that says nothing signs as the authorizer's owner says.
    let token = Token::parse(&text).unwrap();
    let accepted = Accepted {
        named: Algorithm::ALL.into(),
        unnamed: vec![Algorithm::Rs512],
    };
    let refused = KEYS.verify(token, &accepted).unwrap_err();
    assert_eq!(refused, Refused::KeyType(Algorithm::Rs256));
    let token = token_with(&json!({"alg": "ES256", "kid": "curve"}), &good());
    let refused = KEYS.verify(Token::parse(&token).unwrap(), &Accepted::rsa());
    assert_eq!(refused.unwrap_err(), Refused::Algorithm("ES256".into()));
}

#[test]
fn shapes_of_tokens() {
    check("", Err(Refused::Segments));
    check("a.b", Err(Refused::Segments));
    check("a.b.c.d", Err(Refused::Segments));
    check("a.b.c.d.e", Err(Refused::Segments));
    check("..", Err(Refused::Malformed));
    check(&"a".repeat(TOKEN_BYTES_MAX + 1), Err(Refused::TooLong));
    let deep = format!("{}.e30.", encode("[".repeat(9_000)));
    check(&deep, Err(Refused::Malformed));
    for (header, expected) in [
        (json!({"alg": "RS256"}), Refused::NoKeyId),
        (json!({"alg": "RS256", "kid": 1}), Refused::NoKeyId),
        (json!({"alg": "RS256", "kid": "else"}), Refused::UnknownKey),
        (json!({"kid": "rsa"}), Refused::Malformed),
        (
            json!({"alg": "RS256", "kid": "rsa", "crit": ["b64"]}),
            Refused::Critical,
        ),
    ] {
        check(&token_with(&header, &good()), Err(expected));
    }
    check(&format!("{}=", token(&good())), Err(Refused::Malformed));
    assert_eq!(bare("  Bearer  abc "), "abc");
    assert_eq!(bare("bEARER abc"), "abc");
    assert_eq!(bare("abc"), "abc");
    assert_eq!(bare("Basic abc"), "Basic abc");
}

#[test]
fn claims_are_held_against_rules() {
    with("iss", Value::Null, Err(Refused::Issuer));
    with("iss", json!("https://issuer.test/a/"), Err(Refused::Issuer));
    with(
        "iss",
        json!(["https://issuer.test/a"]),
        Err(Refused::Issuer),
    );
    with("aud", json!("three"), Err(Refused::Audience));
    with("aud", json!(["three", "two"]), Ok(()));
    with("aud", json!([]), Err(Refused::Audience));
    with("aud", Value::Null, Err(Refused::Audience));
    with("exp", json!(NOW_S), Err(Refused::Expired));
    with("exp", json!(NOW_S as f64 + 0.75), Ok(()));
    with("exp", json!("9999999999"), Err(Refused::Expired));
    with("exp", Value::Null, Err(Refused::Expired));
    with("exp", json!(-1), Err(Refused::Expired));
    with("nbf", json!(NOW_S + 1), Err(Refused::NotYet));
    with("nbf", json!("0"), Err(Refused::NotYet));
    with("nbf", Value::Null, Ok(()));
    with("iat", json!(NOW_S + 1), Err(Refused::IssuedLater));
    with("iat", Value::Null, Ok(()));
    let or_client = Rules {
        audience: Audience::OrClient(vec!["one".into()]),
        ..rules()
    };
    let mut claims = good();
    claims.as_object_mut().unwrap().remove("aud");
    claims["client_id"] = "one".into();
    assert!(judge(&token(&claims), &or_client).is_ok());
    claims["aud"] = "two".into();
    assert_eq!(judge(&token(&claims), &or_client), Err(Refused::Audience));
}

#[test]
fn further_claims_are_texts() {
    let rule = |is_required, expected: &[&str]| Rules {
        claims: vec![ClaimRule {
            name: "tier".into(),
            is_required,
            expected: expected.iter().map(|one| (*one).into()).collect(),
        }],
        ..rules()
    };
    let check = |tier: Value, rules: &Rules, fits: bool| {
        let mut claims = good();
        if !tier.is_null() {
            claims["tier"] = tier;
        }
        let expected = if fits {
            Ok(())
        } else {
            Err(Refused::Claim("tier".into()))
        };
        assert_eq!(judge(&token(&claims), rules).map(|_| ()), expected);
    };
    check(Value::Null, &rule(true, &[]), false);
    check(Value::Null, &rule(false, &["gold"]), true);
    check(json!("gold"), &rule(true, &["tin", "gold"]), true);
    check(json!("Gold"), &rule(true, &["gold"]), false);
    check(json!(["gold"]), &rule(false, &["gold"]), false);
    check(json!("any"), &rule(true, &[]), true);
}

#[test]
fn scopes_are_words() {
    let check = |claims: Value, expected: &[&str]| {
        let Value::Object(claims) = claims else {
            panic!("no object");
        };
        let claims = Claims(claims);
        let found: Vec<&str> = claims.scopes().collect();
        assert_eq!(found, expected);
    };
    check(json!({"scope": "a/read  b"}), &["a/read", "b"]);
    check(json!({"scp": ["a", "b c"]}), &["a", "b", "c"]);
    check(json!({"scp": "a b", "scope": "c"}), &["c", "a", "b"]);
    check(json!({"scope": 1}), &[]);
}

#[test]
fn documents_of_keys() {
    let refused = |text: &str, expected| {
        assert_eq!(KeySet::parse(text.as_bytes()).unwrap_err(), expected);
    };
    refused("", KeySetError::Malformed);
    refused("[]", KeySetError::Malformed);
    refused(r#"{"keys": {}}"#, KeySetError::Malformed);
    refused(&" ".repeat(KEYS_BYTES_MAX + 1), KeySetError::TooLong);
    let altered = |name: &str, value: Value| {
        let mut key = rsa_key("x");
        key[name] = value;
        read(&[json!(1), key]).has("x")
    };
    assert!(altered("use", json!("sig")) && altered("key_ops", json!(["verify"])));
    assert!(altered("alg", json!("RS384")) && altered("e", json!("AAEAAQ==")));
    for (name, value) in [
        ("use", json!("enc")),
        ("key_ops", json!(["encrypt"])),
        ("alg", json!("RSA-OAEP")),
        ("alg", json!("ES256")),
        ("kty", json!("oct")),
        ("n", json!("")),
        ("n", json!("*")),
        ("kid", json!("")),
    ] {
        assert!(!altered(name, value.clone()), "{name} {value}");
    }
    let mut off = curve_key("x", "P-256", &CURVE);
    off["y"] = off["x"].clone();
    assert!(!read(&[off]).has("x"), "a point that is not on the curve");
    let many: Vec<Value> = (0..=KEYS_MAX).map(|id| rsa_key(&id.to_string())).collect();
    let set = read(&many);
    assert!(set.has("0") && !set.has(&KEYS_MAX.to_string()));
}

/// Each key of a set that calls them the same is tried.
#[test]
fn keys_may_share_an_id() {
    let set = read(&[curve_key("x", "P-256", &CURVE), rsa_key("x")]);
    let text = token_with(&json!({"alg": "RS256", "kid": "x"}), &good());
    assert!(set.verify(Token::parse(&text).unwrap(), &all()).is_ok());
}

#[test]
fn small_keys_verify_nothing() {
    let mut small = rsa_key("rsa");
    small["n"] = encode([0xc3; 128]).into();
    let set = read(&[small]);
    let text = token(&good());
    assert!(set.verify(Token::parse(&text).unwrap(), &all()).is_err());
}

static GOOD: LazyLock<[String; 2]> = LazyLock::new(|| {
    let curve = token_with(&json!({"alg": "ES256", "kid": "curve"}), &good());
    [token(&good()), curve]
});

proptest! {
    /// Whatever is done to a good token: nothing but the token itself is let through.
    #[test]
    fn mangled_tokens_are_refused(
        which in 0..2_usize,
        edits in prop::collection::vec(
            (any::<prop::sample::Index>(), 0..3_u8, "[A-Za-z0-9_.=-]"),
            1..4,
        ),
    ) {
        let original = &GOOD[which];
        let mut bytes = original.clone().into_bytes();
        for (at, kind, with) in edits {
            let (at, with) = (at.index(bytes.len()), with.as_bytes()[0]);
            match kind {
                0 => bytes[at] = with,
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, with),
            }
        }
        let text = String::from_utf8(bytes).unwrap();
        prop_assert_eq!(judge(&text, &rules()).is_ok(), text == *original);
    }

    /// Segments of one token with those of another.
    #[test]
    fn parts_of_tokens_do_not_mix(
        claim in "[A-Z]{1,8}",
        order in prop::sample::subsequence(vec![0, 1, 2], 1..3),
    ) {
        let mut claims = good();
        claims["sub"] = claim.into();
        let other = token(&claims);
        let (mine, other): (Vec<&str>, Vec<&str>) =
            (GOOD[0].split('.').collect(), other.split('.').collect());
        let mixed: Vec<&str> = (0..3)
            .map(|at| if order.contains(&at) { other[at] } else { mine[at] })
            .collect();
        let mixed = mixed.join(".");
        let claims_or_signature = order.contains(&1) != order.contains(&2);
        prop_assert_eq!(judge(&mixed, &rules()).is_err(), claims_or_signature);
    }

    #[test]
    fn any_text_is_looked_at(
        text in "\\PC{0,80}",
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        prop_assert!(judge(&text, &rules()).is_err());
        let _ = KeySet::parse(&bytes);
        let segments = format!("{}.{}.{}", encode(&bytes), encode(&text), encode(&bytes));
        prop_assert!(judge(&segments, &rules()).is_err());
    }
}
