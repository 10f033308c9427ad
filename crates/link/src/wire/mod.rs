//! What travels on a stream, and nothing of who sends it.
//!
//! Every stream begins with two bytes, protocol version and service. A call goes on with a
//! length-prefixed head and a body; the response is a head and a body without the two bytes:
//!
//! ```text
//! request  = version:u8 service:u8 block(request head) body
//! response = block(response head) body
//! block    = length:u32be bytes
//! body     = bytes of the length in the head [block(trailers)]        when the length is known
//!          | *(length:u32be bytes) 0:u32be [block(trailers)]          otherwise
//! rpc      = version:u8 service:u8 block(request) / status:u8 block(answer or refusal)
//! feed     = version:u8 service:u8 *block(frame) in both directions
//! ```
//!
//! A stream that ends before its body is complete is an error, never a short body. All heads
//! are bincode, and this directory is the only place that knows it (with `token.rs`).

pub(crate) mod body_in;
pub(crate) mod body_out;
pub(crate) mod head;
pub(crate) mod stream;

/// The protocol version, the first byte of every stream.
pub(crate) const VERSION: u8 = 1;
/// The ALPN of the connection; changes with an incompatible protocol.
pub(crate) const ALPN: &[u8] = b"edgeway/1";
/// The ALPN over TCP, which anything in between expects; the version is in the paths.
pub(crate) const ALPN_TCP: &[u8] = b"h2";
/// Bytes of a block's length prefix.
pub(crate) const PREFIX_BYTES: usize = 4;
/// Bodies are read and written in pieces of about this size.
pub(crate) const COALESCE_BYTES: usize = 64 * 1024;
