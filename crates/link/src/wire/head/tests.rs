//! Heads: there and back, limits, and hostile bytes.

use bytes::Buf as _;
use proptest::prelude::*;

use super::*;

fn meta() -> CallMeta {
    CallMeta {
        request_id: "id-1".into(),
        client: "[2001:db8::7]:4000".parse().unwrap(),
        scheme_https: true,
        deadline_ms: 29_000,
        trace: Some(Trace {
            trace_id: [1; 16],
            span_id: [2; 8],
            flags: 1,
        }),
        region_hint: Some("eu-west-1".into()),
        revision: 1 << 40,
        relayed: false,
    }
}

fn block(fill: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut out = BytesMut::new();
    fill(&mut out);
    let length = out.get_u32() as usize;
    assert_eq!(length, out.len());
    out.freeze()
}

fn request_block() -> Bytes {
    let request = Request::builder()
        .method("PURGE")
        .uri("https://api.example:8443/a%20b/%7Bx%7D?q=1&q=2")
        .header("host", "api.example")
        .header("x-twice", "one")
        .header("x-twice", "two")
        .header("x-bytes", HeaderValue::from_bytes(b"caf\xc3\xa9").unwrap())
        .body(())
        .unwrap();
    let (parts, ()) = request.into_parts();
    block(|out| put_request(out, &parts, &meta(), Some(7)).unwrap())
}

#[test]
fn a_request_head_reads_back() {
    let head = read_request(&request_block(), 4).unwrap();
    assert_eq!(head.meta, meta());
    assert_eq!(head.length, Some(7));
    assert_eq!(head.request.method(), "PURGE");
    assert_eq!(
        head.request.uri().to_string(),
        "https://api.example:8443/a%20b/%7Bx%7D?q=1&q=2"
    );
    let twice: Vec<_> = head.request.headers().get_all("x-twice").iter().collect();
    assert_eq!(twice, ["one", "two"]);
    assert_eq!(head.request.headers()["x-bytes"].as_bytes(), b"caf\xc3\xa9");
}

#[test]
fn origin_form_and_asterisk_read_back() {
    for uri in ["/", "/a?b", "*", "example.com:443"] {
        let (parts, ()) = Request::builder().uri(uri).body(()).unwrap().into_parts();
        let bytes = block(|out| put_request(out, &parts, &meta(), None).unwrap());
        assert_eq!(read_request(&bytes, 0).unwrap().request.uri(), uri);
    }
}

#[test]
fn header_values_are_not_copied() {
    let bytes = request_block();
    let head = read_request(&bytes, 10).unwrap();
    let value = head.request.headers()["host"].as_bytes().as_ptr();
    assert!(bytes.as_ptr_range().contains(&value));
}

#[test]
fn a_response_head_and_trailers_read_back() {
    let response = Response::builder()
        .status(418)
        .header("set-cookie", "a")
        .header("set-cookie", "b");
    let (parts, ()) = response.body(()).unwrap().into_parts();
    let bytes = block(|out| put_response(out, &parts, None).unwrap());
    let head = read_response(&bytes, 2).unwrap();
    assert_eq!(head.response.status(), 418);
    assert_eq!(head.length, None);
    assert_eq!(head.response.headers(), &parts.headers);
    let bytes = block(|out| put_trailers(out, &parts.headers).unwrap());
    assert_eq!(read_trailers(&bytes, 2).unwrap(), parts.headers);
}

#[test]
fn too_many_headers_and_trailing_bytes_are_refused() {
    let bytes = request_block();
    assert!(matches!(read_request(&bytes, 3), Err(HeadFault::TooLarge)));
    let mut longer = bytes.to_vec();
    longer.push(0);
    assert!(matches!(
        read_request(&longer.into(), 9),
        Err(HeadFault::Trailing)
    ));
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = request_block();
    for length in 0..bytes.len() {
        assert!(read_request(&bytes.slice(..length), 10).is_err());
    }
}

#[test]
fn a_refusal_is_cut_at_a_character() {
    let refusal = RpcRefusal::new(9, "é".repeat(REFUSAL_BYTES_MAX));
    let bytes = block(|out| put_refusal(out, &refusal).unwrap());
    let read = read_refusal(&bytes).unwrap();
    assert_eq!((read.code, read.message.len()), (9, REFUSAL_BYTES_MAX));
}

proptest! {
    #[test]
    fn any_bytes_are_a_head_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let bytes = Bytes::from(bytes);
        let _ = read_request(&bytes, 64);
        let _ = read_response(&bytes, 64);
        let _ = read_trailers(&bytes, 64);
        let _ = read_refusal(&bytes);
    }

    #[test]
    fn any_change_is_a_head_or_an_error(at in 0usize..170, to in any::<u8>()) {
        let mut bytes = request_block().to_vec();
        let at = at % bytes.len();
        bytes[at] = to;
        let _ = read_request(&bytes.into(), 64);
    }
}
