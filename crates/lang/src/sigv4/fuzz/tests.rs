//! The fuzz target as bounded property tests: any bytes, and claims with changes.

use proptest::prelude::*;

use super::request;

const CLAIMS: [&str; 4] = [
    "a=b\n{}\nhost:edgeway.test\nx-amz-date:20260102T030405Z\nauthorization:AWS4-HMAC-SHA256 \
     Credential=AKIDFUZZ/20260102/us-east-1/apigateway/aws4_request, \
     SignedHeaders=host;x-amz-date, Signature=\
     0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDFUZZ%2F20260102%2Fus-east-1%2Fapigateway\
     %2Faws4_request&X-Amz-Date=20260102T030405Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&\
     X-Amz-Signature=00\n\nhost:edgeway.test",
    "tagKeys=a&tagKeys=b%20c&=&%\n\nx-a: 1\nx-a:2  3\nx-b:\u{c3}",
    "\n\nauthorization:AWS4-HMAC-SHA256 Credential=,SignedHeaders=;;;,Signature=\nhost:a\nhost:b",
];

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        request(&bytes);
    }

    #[test]
    fn changed_claims(
        which in 0..CLAIMS.len(),
        at in any::<prop::sample::Index>(),
        cut in 0_usize..6,
        put in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        let mut bytes = CLAIMS[which].as_bytes().to_vec();
        let at = at.index(bytes.len() + 1);
        let end = (at + cut).min(bytes.len());
        bytes.splice(at..end, put);
        request(&bytes);
    }
}
