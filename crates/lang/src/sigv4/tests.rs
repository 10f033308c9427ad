//! Signatures are compared with those of the AWS SDK's own signer.

mod botocore;
mod outgoing;

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        SignableBody, SignableRequest, SignatureLocation, SigningParams, SigningSettings, sign,
    },
    sign::v4,
};
use proptest::prelude::*;

use super::{Claim, Expected, Message, Refusal, Signer, canonical, time};

const KEY: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// 2026-11-21T03:00:00Z
const NOW_MS: u64 = 1_795_230_000_000;
const HOST: &str = "127.0.0.1:7001";

/// What is sent: owned, so that signatures can be added.
#[derive(Clone, Debug)]
struct Sent {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

fn sent(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Sent {
    let mut own: Vec<(String, String)> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    own.push(("host".to_owned(), HOST.to_owned()));
    Sent {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: own,
        body: body.as_bytes().to_vec(),
    }
}

/// Signs with the SDK.
fn sdk(mut request: Sent, location: SignatureLocation, service: &str) -> Sent {
    let identity = Credentials::new(KEY, SECRET, None, None, "test").into();
    let mut settings = SigningSettings::default();
    settings.signature_location = location;
    if location == SignatureLocation::QueryParams {
        settings.expires_in = Some(Duration::from_mins(10));
    }
    let params: SigningParams<'_> = v4::SigningParams::builder()
        .identity(&identity)
        .region("eu-central-1")
        .name(service)
        .time(SystemTime::UNIX_EPOCH + Duration::from_millis(NOW_MS))
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let uri = format!("http://{HOST}{}", request.target);
    let headers = request
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let body = SignableBody::Bytes(&request.body);
    let signable = SignableRequest::new(&request.method, uri.as_str(), headers, body).unwrap();
    let (instructions, _) = sign(signable, &params).unwrap().into_parts();
    let mut http = http::Request::builder().uri(&uri).body(()).unwrap();
    instructions.apply_to_request_http1x(&mut http);
    request.target = http.uri().path_and_query().unwrap().to_string();
    for (name, value) in http.headers() {
        request
            .headers
            .push((name.to_string(), value.to_str().unwrap().to_owned()));
    }
    request
}

fn with_message<T>(sent: &Sent, check: impl FnOnce(&Message<'_>) -> T) -> T {
    let headers: Vec<(&str, &[u8])> = sent
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    let (path, query) = sent.target.split_once('?').unwrap_or((&sent.target, ""));
    check(&Message {
        method: &sent.method,
        path,
        query,
        headers: &headers,
        body: &sent.body,
    })
}

fn verify_at(sent: &Sent, now_ms: u64) -> Result<(), Refusal> {
    with_message(sent, |message| {
        let claim = Claim::read(message)?;
        assert_eq!(
            (claim.access_key_id(), claim.region()),
            (KEY, "eu-central-1")
        );
        claim.verify(
            message,
            &Expected {
                secret: SECRET,
                service: "apigateway",
                now_ms,
            },
        )
    })
}

fn signed(request: Sent) -> Sent {
    sdk(request, SignatureLocation::Headers, "apigateway")
}

fn own(mut request: Sent) -> Sent {
    let signer = Signer {
        access_key_id: KEY,
        secret: SECRET,
        region: "eu-central-1",
        service: "apigateway",
    };
    let signed = with_message(&request, |message| signer.sign(message, NOW_MS));
    request
        .headers
        .push(("authorization".to_owned(), signed.authorization));
    request.headers.push(("x-amz-date".to_owned(), signed.date));
    request
}

fn header(request: &Sent, name: &str) -> String {
    request
        .headers
        .iter()
        .find(|(key, _)| key == name)
        .unwrap()
        .1
        .clone()
}

fn set(request: &mut Sent, name: &str, value: &str) {
    request.headers.retain(|(key, _)| key != name);
    request.headers.push((name.to_owned(), value.to_owned()));
}

/// Requests that other implementations get wrong.
fn tricky() -> Vec<Sent> {
    let tag = "/v2/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapis%2Fa1b2c3d4e5";
    vec![
        sent("GET", "/v2/apis", &[], ""),
        sent("GET", "/", &[], ""),
        sent("GET", "/a%20b", &[], ""),
        sent("GET", "/%7Bx%7D", &[], ""),
        sent("GET", "/a%2Fb", &[], ""),
        sent("GET", "/a/./b/../c//d/", &[], ""),
        sent("GET", "/v2/apis/~x_-.", &[], ""),
        sent("GET", "/v2/apis/a:b,c;d=e@f!g$h'i(j)k*l+m", &[], ""),
        sent(
            "POST",
            tag,
            &[("content-type", "application/json")],
            r#"{"tags":{"a":"b"}}"#,
        ),
        sent(
            "DELETE",
            &format!("{tag}?tagKeys=b&tagKeys=a&tagKeys=a%20b"),
            &[],
            "",
        ),
        sent("GET", "/v2/apis?maxResults=2&nextToken=abc%3D%3D", &[], ""),
        sent("GET", "/v2/apis?b=2&a=1&A=3&a=0&a-=1&a%21=2", &[], ""),
        sent(
            "GET",
            "/v2/apis?empty&also=&&x=a+b&y=%2B&z=%e2%82%ac",
            &[],
            "",
        ),
        sent("GET", "/v2/apis?q=a/b:c", &[], ""),
        sent(
            "GET",
            "/v2/apis",
            &[("x-amz-meta", "  a   b  "), ("X-Amz-Upper", "C")],
            "",
        ),
        sent(
            "GET",
            "/v2/apis",
            &[("x-amz-twice", "b"), ("x-amz-twice", "a")],
            "",
        ),
        sent(
            "GET",
            "/v2/apis",
            &[("user-agent", "x"), ("x-amzn-trace-id", "y")],
            "",
        ),
        sent("PATCH", "/v2/apis/a", &[("content-length", "3")], "{é}"),
    ]
}

#[test]
fn what_the_sdk_signs_is_accepted() {
    for request in tricky() {
        let header = signed(request.clone());
        assert_eq!(verify_at(&header, NOW_MS), Ok(()), "{header:?}");
        let query = sdk(request, SignatureLocation::QueryParams, "apigateway");
        assert_eq!(verify_at(&query, NOW_MS), Ok(()), "{query:?}");
    }
}

/// As clients of APIs sign, whom regions hear.
#[test]
fn what_the_sdk_signs_for_apis_is_accepted() {
    let expected = Expected {
        secret: SECRET,
        service: "execute-api",
        now_ms: NOW_MS,
    };
    for request in tricky() {
        for location in [SignatureLocation::Headers, SignatureLocation::QueryParams] {
            let signed = sdk(request.clone(), location, "execute-api");
            let verified = with_message(&signed, |message| {
                Claim::read(message).unwrap().verify(message, &expected)
            });
            assert_eq!(verified, Ok(()), "{signed:?}");
        }
    }
}

#[test]
fn own_signatures_are_the_sdks() {
    for request in tricky() {
        let ours = own(request.clone());
        assert_eq!(
            header(&ours, "authorization"),
            header(&signed(request), "authorization")
        );
        assert_eq!(verify_at(&ours, NOW_MS), Ok(()));
    }
}

#[test]
fn own_presigned_requests_are_accepted_until_they_end() {
    let signer = Signer {
        access_key_id: KEY,
        secret: SECRET,
        region: "eu-central-1",
        service: "apigateway",
    };
    let mut request = sent("GET", "/v2/apis?maxResults=1", &[], "");
    let query = with_message(&request, |message| signer.presign(message, NOW_MS, 60));
    request.target = format!("/v2/apis?{query}");
    assert_eq!(verify_at(&request, NOW_MS + 60_000), Ok(()));
    let late = verify_at(&request, NOW_MS + 61_001);
    assert!(matches!(late, Err(Refusal::Expired { .. })), "{late:?}");
    request.target.push_str("&extra=1");
    assert_eq!(verify_at(&request, NOW_MS), Err(Refusal::Mismatch));
}

#[test]
fn anything_altered_is_refused() {
    let good = signed(sent("POST", "/v2/apis?a=1", &[("x-amz-meta", "m")], "{}"));
    let altered: [&dyn Fn(&mut Sent); 6] = [
        &|request| request.method = "PUT".to_owned(),
        &|request| request.target = "/v2/apis?a=2".to_owned(),
        &|request| request.target = "/v2/apib?a=1".to_owned(),
        &|request| request.body = b"{ }".to_vec(),
        &|request| set(request, "x-amz-meta", "n"),
        &|request| set(request, "host", "127.0.0.1:7002"),
    ];
    for alter in altered {
        let mut bad = good.clone();
        alter(&mut bad);
        assert_eq!(verify_at(&bad, NOW_MS), Err(Refusal::Mismatch), "{bad:?}");
    }
    let wrong = with_message(&good, |message| {
        let expected = Expected {
            secret: "other",
            service: "apigateway",
            now_ms: NOW_MS,
        };
        Claim::read(message).unwrap().verify(message, &expected)
    });
    assert_eq!(wrong, Err(Refusal::Mismatch));
}

#[test]
fn clocks_may_differ_by_five_minutes() {
    let request = signed(sent("GET", "/v2/apis", &[], ""));
    assert_eq!(verify_at(&request, NOW_MS + 300_000), Ok(()));
    assert_eq!(verify_at(&request, NOW_MS - 300_000), Ok(()));
    let old = verify_at(&request, NOW_MS + 301_000).unwrap_err();
    assert_eq!(
        old.to_string(),
        "Signature expired: 20261121T030000Z is now earlier than 20261121T030001Z \
         (20261121T030501Z - 5 min.)"
    );
    let young = verify_at(&request, NOW_MS - 301_000).unwrap_err();
    assert_eq!(
        young.to_string(),
        "Signature not yet current: 20261121T030000Z is still later than 20261121T025959Z \
         (20261121T025459Z + 5 min.)"
    );
    assert_eq!(
        (old.code(), young.code()),
        ("InvalidSignatureException", old.code())
    );
}

#[test]
fn malformed_signatures_say_what_is_wrong() {
    let read = |authorization: &str, date: Option<&str>| {
        let mut request = sent("GET", "/", &[("authorization", authorization)], "");
        if let Some(date) = date {
            set(&mut request, "x-amz-date", date);
        }
        with_message(&request, |message| {
            Claim::read(message).map(|_| ()).unwrap_err()
        })
    };
    let whole = "Credential=A/20261121/r/apigateway/aws4_request, SignedHeaders=host, Signature=00";
    let aws = |rest: &str| format!("AWS4-HMAC-SHA256 {rest}");
    let date = Some("20261121T030000Z");
    assert_eq!(read("Bearer abc", date), Refusal::Algorithm);
    assert_eq!(read("AWS4-HMAC-SHA256X a=b", date), Refusal::Algorithm);
    assert_eq!(read(&aws("x"), date), Refusal::Part("Credential"));
    assert_eq!(
        read(&aws(&whole.replace("Signature=00", "")), date),
        Refusal::Part("Signature")
    );
    let twice = format!("{whole}, Signature=00");
    assert_eq!(read(&aws(&twice), date), Refusal::Part("Signature"));
    assert_eq!(
        read(&aws(&whole.replace("SignedHeaders=host, ", "")), date),
        Refusal::Part("SignedHeaders")
    );
    assert!(matches!(
        read(&aws(&whole.replace("/r/", "/")), date),
        Refusal::Credential(_)
    ));
    assert!(matches!(
        read(&aws(&whole.replace("aws4_", "")), date),
        Refusal::Terminator(_)
    ));
    assert_eq!(read(&aws(whole), None), Refusal::Date);
    for bad in [
        "2026-11-21T03:00:00Z",
        "20261121T030060Z",
        "20260230T030000Z",
        "é0261121T03000",
    ] {
        assert!(
            matches!(read(&aws(whole), Some(bad)), Refusal::DateFormat(_)),
            "{bad}"
        );
    }
    let unsigned = sent("GET", "/", &[], "");
    let missing = with_message(&unsigned, |message| Claim::read(message).unwrap_err());
    assert_eq!(
        (missing.to_string().as_str(), missing.reason()),
        ("Missing Authentication Token", "missing")
    );
}

#[test]
fn scope_payload_and_host_are_checked() {
    let good = signed(sent("GET", "/v2/apis", &[], ""));
    let change = |from: &str, to: &str| {
        let mut request = good.clone();
        let text = header(&request, "authorization").replace(from, to);
        set(&mut request, "authorization", &text);
        verify_at(&request, NOW_MS)
    };
    assert!(matches!(
        change("/20261121/", "/20261120/"),
        Err(Refusal::ScopeDate { .. })
    ));
    assert!(matches!(
        change("/apigateway/", "/s3/"),
        Err(Refusal::Service(_))
    ));
    assert_eq!(
        change("SignedHeaders=host;", "SignedHeaders="),
        Err(Refusal::HostNotSigned)
    );
    assert_eq!(change("Signature=", "Signature=g"), Err(Refusal::Mismatch));
    let many = format!("SignedHeaders={}", "a;".repeat(200));
    assert_eq!(
        change("SignedHeaders=", &many),
        Err(Refusal::TooManyHeaders)
    );
    let other = sdk(
        sent("GET", "/", &[], ""),
        SignatureLocation::Headers,
        "execute-api",
    );
    assert!(matches!(
        verify_at(&other, NOW_MS),
        Err(Refusal::Service(_))
    ));
    let mut declared = good.clone();
    set(&mut declared, "x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    assert!(matches!(
        verify_at(&declared, NOW_MS),
        Err(Refusal::Payload(_))
    ));
    let mut token = good;
    set(&mut token, "x-amz-security-token", "t");
    assert_eq!(verify_at(&token, NOW_MS), Err(Refusal::UnknownKey));
}

#[test]
fn presigned_parameters_are_checked() {
    let good = sdk(
        sent("GET", "/v2/apis", &[], ""),
        SignatureLocation::QueryParams,
        "apigateway",
    );
    let change = |from: &str, to: &str| {
        let mut request = good.clone();
        request.target = request.target.replace(from, to);
        verify_at(&request, NOW_MS)
    };
    assert_eq!(
        change("X-Amz-Expires=600", "X-Amz-Expires=700000"),
        Err(Refusal::Expires)
    );
    assert_eq!(
        change("X-Amz-Expires=600&", ""),
        Err(Refusal::Parameter("X-Amz-Expires"))
    );
    assert_eq!(
        change("X-Amz-Expires=600", "X-Amz-Expires=601"),
        Err(Refusal::Mismatch)
    );
    assert_eq!(change("HMAC-SHA256", "HMAC-SHA1"), Err(Refusal::Algorithm));
}

proptest! {
    #[test]
    fn any_target_and_body_the_sdk_signs_is_accepted(
        path in "(/[a-zA-Z0-9._~!$&'()*+,;=:@-]{0,8}|/%[0-7][0-9A-F]){1,5}",
        query in "([a-zA-Z0-9._~+-]{1,5}=?(%[2-7][0-9A-F])?[a-z+/:]{0,3}&?){0,5}",
        value in "[ -~]{0,20}",
        body in "\\PC{0,40}",
    ) {
        let request = sent("POST", &format!("{path}?{query}"), &[("x-amz-any", &value)], &body);
        prop_assert_eq!(verify_at(&signed(request.clone()), NOW_MS), Ok(()));
        let ours = own(request.clone());
        prop_assert_eq!(header(&ours, "authorization"), header(&signed(request), "authorization"));
    }

    #[test]
    fn no_request_panics(
        authorization in "(AWS4-HMAC-SHA256 )?\\PC{0,80}",
        query in "(X-Amz-Algorithm=AWS4-HMAC-SHA256&)?[ -~]{0,60}",
        date in "[0-9TZ]{16}",
    ) {
        let headers: [(&str, &[u8]); 2] =
            [("authorization", authorization.as_bytes()), ("x-amz-date", date.as_bytes())];
        for headers in [&headers[..], &[]] {
            let message =
                Message { method: "GET", path: "/", query: &query, headers, body: b"" };
            if let Ok(claim) = Claim::read(&message) {
                let expected = Expected { secret: "s", service: "apigateway", now_ms: NOW_MS };
                prop_assert!(claim.verify(&message, &expected).is_err());
            }
        }
    }

    #[test]
    fn times_read_as_they_are_written(ms in 0_u64..253_402_300_800_000) {
        let seconds = ms / 1000 * 1000;
        prop_assert_eq!(time::parse(&time::format(ms)), Some(seconds));
    }

    #[test]
    fn hexadecimal_reads_as_it_is_written(bytes: Vec<u8>) {
        prop_assert_eq!(canonical::unhex(&canonical::hex(&bytes)), Some(bytes));
    }
}
