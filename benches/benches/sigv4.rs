//! Checking a signature: what every management call and every IAM-authorised request pays.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use lang::sigv4::{Claim, Expected, Message, Signer};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const NOW_MS: u64 = 1_790_000_000_000;
const SERVICE: &str = "apigateway";

fn verify(criterion: &mut Criterion) {
    let body = vec![b'x'; 1024];
    let headers: [(&str, &[u8]); 3] = [
        ("host", b"127.0.0.1:7001"),
        ("content-type", b"application/json"),
        ("accept", b"*/*"),
    ];
    let message = Message {
        method: "POST",
        path: "/v2/apis/a1b2c3d4e5/routes",
        query: "",
        headers: &headers,
        body: &body,
    };
    let signer = Signer {
        access_key_id: "AKIDEXAMPLE",
        secret: SECRET,
        region: "us-east-1",
        service: SERVICE,
    };
    let signed = signer.sign(&message, NOW_MS);
    let mut headers = headers.to_vec();
    headers.push(("x-amz-date", signed.date.as_bytes()));
    headers.push(("authorization", signed.authorization.as_bytes()));
    let message = Message {
        headers: &headers,
        ..message
    };
    let expected = Expected {
        secret: SECRET,
        service: SERVICE,
        now_ms: NOW_MS,
    };
    let check = |message: &Message<'_>| {
        Claim::read(message).is_ok_and(|claim| claim.verify(message, &expected).is_ok())
    };
    assert!(
        check(&message),
        "the signature that is measured must be good"
    );
    criterion.bench_function("sigv4/verify, 1 KiB body", |bencher| {
        bencher.iter(|| check(black_box(&message)));
    });
}

criterion_group!(benches, verify);
criterion_main!(benches);
