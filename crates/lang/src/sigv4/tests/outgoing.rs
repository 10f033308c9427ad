//! Calls to AWS services are signed as the AWS SDK signs them.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningParams,
        SigningSettings, UriPathNormalizationMode, sign,
    },
    sign::v4,
};

use super::{KEY, NOW_MS, SECRET, Sent, sent, tricky, with_message};
use crate::sigv4::{self, Destination};

/// What the SDK adds, sorted.
fn sdk(request: &Sent, service: &str, token: Option<&str>) -> Vec<(String, String)> {
    let identity = Credentials::new(KEY, SECRET, token.map(str::to_owned), None, "test").into();
    let mut settings = SigningSettings::default();
    if service == "s3" {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
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
    let uri = format!("http://{}{}", super::HOST, request.target);
    let headers = request
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let body = SignableBody::Bytes(&request.body);
    let signable = SignableRequest::new(&request.method, uri.as_str(), headers, body).unwrap();
    let (instructions, _) = sign(signable, &params).unwrap().into_parts();
    let added = instructions.headers();
    let mut added: Vec<(String, String)> = added
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    added.sort();
    added
}

fn own(request: &Sent, service: &str, session_token: Option<&str>) -> Vec<(String, String)> {
    let credentials = sigv4::Credentials {
        access_key_id: KEY,
        secret: SECRET,
        session_token,
    };
    let destination = Destination {
        region: "eu-central-1",
        service,
    };
    let added = with_message(request, |message| {
        sigv4::sign_call(message, &credentials, &destination, NOW_MS)
    });
    let mut added: Vec<(String, String)> = added
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    added.sort();
    added
}

#[test]
fn calls_are_signed_as_the_sdk_signs_them() {
    let path =
        "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A1%3Afunction%3Af/invocations";
    let mut requests = tricky();
    requests.push(sent("POST", path, &[("x-amz-log-type", "None")], "{}"));
    requests.push(sent(
        "PUT",
        "/bucket/a//b/../c%20d%2Be",
        &[("content-type", "image/png")],
        "png",
    ));
    for request in requests {
        for service in ["dynamodb", "lambda", "s3"] {
            for token in [None, Some("IQoJb3JpZ2luX2VjEA//+=")] {
                assert_eq!(
                    own(&request, service, token),
                    sdk(&request, service, token),
                    "{service}: {request:?}"
                );
            }
        }
    }
}
