//! The NSEC record that denies a type at a name, or the name itself (RFC 9824, section 3).

use plan::zone::NAME_BYTES_MAX;

use super::{NSEC, RRSIG};

/// The data of the NSEC record of `name`: it says nothing of any other name.
pub(crate) fn denial(name: &[u8], types: &[u16]) -> Vec<u8> {
    let mut wire = next_name(name);
    push_bitmap(&mut wire, types);
    wire
}

/// Types in the NSEC record, sorted: those that the name has without the asked one, and the two
/// that every signed name has.
pub(crate) fn denied_types(own: impl IntoIterator<Item = u16>, asked: u16) -> Vec<u16> {
    let mut types: Vec<u16> = own.into_iter().filter(|kind| *kind != asked).collect();
    types.extend([RRSIG, NSEC]);
    types.sort_unstable();
    types.dedup();
    types
}

/// The name right behind `name` in the canonical order of RFC 4034, section 6.1.
fn next_name(name: &[u8]) -> Vec<u8> {
    if name.len() + 2 <= NAME_BYTES_MAX {
        let mut wire = vec![1, 0];
        wire.extend(name);
        return wire;
    }
    // No room for another label: the next higher value of the first one will do (RFC 4471).
    let mut wire = name.to_vec();
    let length = wire.first().copied().map_or(0, usize::from);
    if let Some(last) = wire.get_mut(length) {
        *last = last.saturating_add(1);
    }
    wire
}

/// Windows of 256 types (RFC 4034, section 4.1.2). `types` are sorted.
fn push_bitmap(wire: &mut Vec<u8>, types: &[u16]) {
    for window in types.chunk_by(|a, b| a >> 8 == b >> 8) {
        let mut bits = [0_u8; 32];
        let mut used = 0;
        let mut number = 0;
        for kind in window {
            let [high, low] = kind.to_be_bytes();
            let at = usize::from(low / 8);
            if let Some(byte) = bits.get_mut(at) {
                *byte |= 0x80 >> (low % 8);
            }
            (number, used) = (high, low / 8 + 1);
        }
        wire.extend([number, used]);
        wire.extend(bits.iter().take(usize::from(used)));
    }
}
