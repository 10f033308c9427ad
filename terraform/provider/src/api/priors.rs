//! Priors: where clients of an address prefix are taken to be.

use std::net::IpAddr;

use super::table::{Field, Make, Piece, Style};
use crate::framework::{Attribute, Check, Resource};

pub(super) fn all() -> Vec<Box<dyn Resource>> {
    vec![Box::new(prior())]
}

fn prior() -> Piece {
    Piece::new(
        "edgeway_location_prior",
        "prior",
        "Where clients of an address prefix are taken to be, before anything has been measured.",
    )
    .at("/edgeway/v1/priors/{prefix}", Make::Put, Style::Put)
    .listed("/edgeway/v1/priors", "prefix", "prefix")
    .imported_by(&["prefix"], "PREFIX")
    .field(
        Field::plain(
            Attribute::text("prefix", "The prefix, such as `192.0.2.0/24`.")
                .required()
                .check(Check::Text(network)),
            "prefix",
        )
        .once(),
    )
    .field(Field::plain(
        Attribute::number("latitude", "Degrees.")
            .required()
            .check(Check::Range(-90, 90)),
        "latitude",
    ))
    .field(Field::plain(
        Attribute::number("longitude", "Degrees.")
            .required()
            .check(Check::Range(-180, 180)),
        "longitude",
    ))
    .waits()
}

/// A prefix without bits beyond it, which the API would cut off.
fn network(text: &str) -> Result<(), String> {
    let wrong = || Err(format!("{text:?} is no prefix such as 192.0.2.0/24."));
    let Some((address, length)) = text.split_once('/') else {
        return wrong();
    };
    let parsed = (address.parse::<IpAddr>(), length.parse::<u32>());
    let (bits, rest) = match parsed {
        (Ok(IpAddr::V4(address)), Ok(length @ 0..=32)) => {
            (u128::from(address.to_bits()), 32 - length)
        }
        (Ok(IpAddr::V6(address)), Ok(length @ 0..=128)) => (address.to_bits(), 128 - length),
        _ => return wrong(),
    };
    let beyond = 1_u128.checked_shl(rest).map_or(u128::MAX, |next| next - 1);
    if bits & beyond != 0 {
        return Err(format!("{text:?} has bits beyond its prefix."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::network;

    #[test]
    fn a_prefix_has_no_bits_beyond_it() {
        for good in [
            "192.0.2.0/24",
            "0.0.0.0/0",
            "2001:db8::/32",
            "::1/128",
            "::/0",
        ] {
            assert_eq!(network(good), Ok(()), "{good}");
        }
        for bad in [
            "192.0.2.1/24",
            "2001:db8::1/32",
            "192.0.2.0",
            "192.0.2.0/33",
            "x/8",
        ] {
            assert!(network(bad).is_err(), "{bad}");
        }
    }
}
