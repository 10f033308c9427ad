//! The fuzz targets of the link as bounded property tests: any bytes, and good ones with changes.

use bytes::{Buf as _, BytesMut};
use http::{Request, Response};
use proptest::prelude::*;

use super::{blocks, datagram};
use crate::probe::{Datagram, LoadReport, ProbeState};
use crate::services::{CallMeta, RpcRefusal, Trace};
use crate::wire::head;

/// One block of each kind.
fn good() -> Vec<Vec<u8>> {
    let meta = CallMeta {
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
    };
    let request = Request::get("https://api.example:8443/a%20b?q=1")
        .header("host", "api.example")
        .header("x-twice", "one")
        .header("x-twice", "two");
    let (request, ()) = request.body(()).unwrap().into_parts();
    let response = Response::builder()
        .status(404)
        .header("etag", "\"a\"")
        .body(());
    let (response, ()) = response.unwrap().into_parts();
    let refusal = RpcRefusal::new(7, "not now");
    let block = |fill: &dyn Fn(&mut BytesMut)| {
        let mut out = BytesMut::new();
        fill(&mut out);
        out.advance(super::PREFIX_BYTES);
        out.to_vec()
    };
    vec![
        block(&|out| head::put_request(out, &request, &meta, Some(7)).unwrap()),
        block(&|out| head::put_response(out, &response, None).unwrap()),
        block(&|out| head::put_trailers(out, &response.headers).unwrap()),
        block(&|out| head::put_refusal(out, &refusal).unwrap()),
    ]
}

fn answer() -> Vec<u8> {
    let load = LoadReport {
        in_flight: 3,
        limit: 200,
        service_p50_us: 4_000,
    };
    let state = ProbeState {
        load,
        revision: 12,
        draining: true,
    };
    Datagram::Answer { number: 9, state }.encode().to_vec()
}

type Edits = Vec<(prop::sample::Index, u8)>;

fn edits() -> impl Strategy<Value = Edits> {
    prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4)
}

fn edited(mut bytes: Vec<u8>, edits: Edits, tail: &[u8]) -> Vec<u8> {
    for (at, byte) in edits {
        let at = at.index(bytes.len());
        bytes[at] = byte;
    }
    bytes.extend(tail);
    bytes
}

proptest! {
    #[test]
    fn any_bytes_are_a_block_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        blocks(&bytes);
        datagram(&bytes);
    }

    #[test]
    fn changed_blocks_are_blocks_or_errors(
        which in 0_usize..4,
        edits in edits(),
        tail in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        blocks(&edited(good().swap_remove(which), edits, &tail));
    }

    #[test]
    fn changed_datagrams_are_datagrams_or_nothing(edits in edits()) {
        datagram(&edited(answer(), edits, &[]));
    }
}
