//! Writes a file of MaxMind's format (version 2.0 of its specification) with places of IPv4
//! networks, as small as one can be. Written after the specification, not after the reader.

use std::net::Ipv4Addr;

/// A record of the search tree.
#[derive(Clone, Copy)]
enum Slot {
    Nothing,
    Node(usize),
    /// The number of a network's place.
    Place(usize),
}

/// A network with where it is: address, length, latitude, longitude.
pub type Located = (Ipv4Addr, u8, f64, f64);

/// The country of every network, one that ISO 3166 leaves to its users.
pub const COUNTRY: &str = "ZZ";

/// The autonomous system of every network, one for documentation (RFC 5398).
pub const AS_NUMBER: u32 = 64_500;

/// Bytes between the tree and the data.
const GAP: usize = 16;

/// The whole file. Networks must not lie in each other.
#[must_use]
pub fn file(networks: &[Located]) -> Vec<u8> {
    let mut tree = vec![[Slot::Nothing; 2]];
    for (number, (address, length, ..)) in networks.iter().enumerate() {
        add(&mut tree, address.to_bits(), *length, number);
    }
    let (mut data, mut offsets) = (Vec::new(), Vec::new());
    for (.., latitude, longitude) in networks {
        offsets.push(data.len());
        map(&mut data, 3);
        text(&mut data, "country");
        map(&mut data, 1);
        text(&mut data, "iso_code");
        text(&mut data, COUNTRY);
        text(&mut data, "autonomous_system_number");
        number_of(&mut data, AS_NUMBER);
        text(&mut data, "location");
        map(&mut data, 2);
        text(&mut data, "latitude");
        double(&mut data, *latitude);
        text(&mut data, "longitude");
        double(&mut data, *longitude);
    }
    let nodes = tree.len();
    let mut bytes = Vec::new();
    for slot in tree.iter().flatten() {
        let value = match slot {
            Slot::Nothing => nodes,
            Slot::Node(node) => *node,
            Slot::Place(number) => nodes + GAP + offsets.get(*number).copied().unwrap_or(0),
        };
        let value = u32::try_from(value).unwrap_or(u32::MAX).to_be_bytes();
        bytes.extend(value.iter().skip(1));
    }
    bytes.extend([0; GAP]);
    bytes.append(&mut data);
    bytes.extend(b"\xab\xcd\xefMaxMind.com");
    metadata(&mut bytes, u32::try_from(nodes).unwrap_or(u32::MAX));
    bytes
}

/// Walks, and makes, the nodes on the way to a network.
fn add(tree: &mut Vec<[Slot; 2]>, bits: u32, length: u8, number: usize) {
    let mut at = 0;
    for depth in 0..length {
        let side = usize::from(bits >> (31 - depth) & 1 == 1);
        let next = tree.len();
        let Some(slot) = tree.get_mut(at).and_then(|node| node.get_mut(side)) else {
            return;
        };
        match slot {
            _ if depth + 1 == length => *slot = Slot::Place(number),
            Slot::Node(node) => at = *node,
            Slot::Nothing | Slot::Place(_) => {
                *slot = Slot::Node(next);
                tree.push([Slot::Nothing; 2]);
                at = next;
            }
        }
    }
}

fn metadata(out: &mut Vec<u8>, nodes: u32) {
    map(out, 9);
    for (key, value) in [
        ("binary_format_major_version", 2),
        ("binary_format_minor_version", 0),
        ("ip_version", 4),
        ("record_size", 24),
    ] {
        text(out, key);
        out.push(5 << 5 | 2);
        out.extend(u16::to_be_bytes(value));
    }
    text(out, "node_count");
    out.push(6 << 5 | 4);
    out.extend(nodes.to_be_bytes());
    text(out, "build_epoch");
    // An extended type: 9, a number of 64 bits.
    out.extend([8, 9 - 7]);
    out.extend(1_800_000_000_u64.to_be_bytes());
    text(out, "database_type");
    text(out, "Test-City");
    text(out, "languages");
    // An extended type: 11, an array; empty.
    out.extend([0, 11 - 7]);
    text(out, "description");
    map(out, 0);
}

/// Of fewer than 29 pairs.
fn map(out: &mut Vec<u8>, pairs: u8) {
    out.push(7 << 5 | pairs);
}

/// Of fewer than 29 bytes.
fn text(out: &mut Vec<u8>, text: &str) {
    out.push(2 << 5 | u8::try_from(text.len()).unwrap_or(0));
    out.extend(text.as_bytes());
}

/// An unsigned number of 32 bits.
fn number_of(out: &mut Vec<u8>, value: u32) {
    out.push(6 << 5 | 4);
    out.extend(value.to_be_bytes());
}

fn double(out: &mut Vec<u8>, value: f64) {
    out.push(3 << 5 | 8);
    out.extend(value.to_be_bytes());
}
