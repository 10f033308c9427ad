//! Datagrams: both forms and back, and anything else is nothing.

use proptest::prelude::*;

use super::*;

#[test]
fn datagrams_read_back() {
    let load = LoadReport {
        in_flight: 1,
        limit: u32::MAX,
        service_p50_us: 3,
    };
    let state = ProbeState {
        load,
        revision: u64::MAX - 1,
        draining: true,
    };
    for datagram in [
        Datagram::Ask { number: 42 },
        Datagram::Answer {
            number: u64::MAX,
            state,
        },
    ] {
        assert_eq!(Datagram::decode(&datagram.encode()), Some(datagram));
    }
    assert_eq!(Datagram::Ask { number: 0 }.encode().len(), ASK_BYTES);
    assert_eq!(
        Datagram::Answer { number: 0, state }.encode().len(),
        ANSWER_BYTES
    );
}

proptest! {
    #[test]
    fn any_datagram_is_ours_or_nothing(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Some(Datagram::Ask { .. }) = Datagram::decode(&bytes) {
            prop_assert_eq!(bytes.len(), ASK_BYTES);
        }
    }
}
