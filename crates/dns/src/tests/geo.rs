//! A source of locations counts where the configuration says nothing.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use model::Location;

use super::{IRELAND, Live, TOKYO, query, responder, told, view};
use crate::{Geo, Transport};

/// Says something of three networks, the last of which is configured to be elsewhere, and of the
/// rest that nothing is known.
#[derive(Debug)]
struct Everything;

impl Geo for Everything {
    fn find(&self, address: IpAddr) -> (Option<Location>, u8) {
        match address {
            IpAddr::V4(address) => match address.octets() {
                [198, 20, ..] => (Some(TOKYO), 16),
                [198, 21, ..] => (Some(IRELAND), 28),
                [198, 18, ..] => (Some(TOKYO), 16),
                _ => (None, 12),
            },
            IpAddr::V6(_) => (None, 0),
        }
    }
}

fn check(subnet: &str, expected: &str) {
    let responder = responder(&view(), &Live::default()).with_geo(Some(Arc::new(Everything)));
    let name = "edge000001.execute-api.us-east-1.edgeway.test";
    let packet = query(&format!("{name} A +ecs={subnet}"));
    let mut answer = Vec::new();
    let asker = IpAddr::V4(Ipv4Addr::LOCALHOST);
    responder.answer(&packet, asker, Transport::Udp, &mut answer);
    let said = told(&answer);
    assert!(said.contains(expected), "{subnet}: {said}");
}

#[test]
fn a_client_is_where_the_source_says_unless_it_is_configured() {
    check("198.20.7.0/24", "203.0.113.14");
    check("198.21.7.0/24", "203.0.113.13");
    // Virginia, by the configuration.
    check("198.18.9.0/24", "203.0.113.11");
}

#[test]
fn scopes_are_those_of_the_source_or_wider_ones_that_were_asked() {
    check("198.20.7.0/24", "198.20.7.0/24/16");
    check("198.21.7.0/24", "198.21.7.0/24/24");
}
