//! How a VPC link stands: whether its target is understood, and whether a connector is connected.
//!
//! A link is `AVAILABLE` as soon as it is understood, as Amazon's is when its way is built,
//! whatever is behind it: tools wait for that word. What is behind it is told in the message, which
//! no tool waits for; it is soft state and nothing of it is replicated.

use model::rest::VpcLink;
use plan::region::ends_of;

use crate::ports::ConnectedConnector;

/// What Amazon says of links that work.
pub(crate) const READY: &str = "VPC link is ready to route traffic";

/// Status and message.
pub(crate) fn standing(link: &VpcLink, connected: &[ConnectedConnector]) -> (&'static str, String) {
    let (names, upstream) = match ends_of(link) {
        Ok(ends) => ends,
        Err(reason) => return ("FAILED", reason),
    };
    let mut serving = connected
        .iter()
        .filter(|one| !one.draining && names.contains(&one.name.as_str()))
        .peekable();
    let message = if serving.peek().is_none() {
        format!("No connector named {} is connected", names.join(" or "))
    } else if let Some(upstream) = upstream
        && !serving.any(|one| one.upstreams.iter().any(|(name, ..)| name == upstream))
    {
        format!("Connector {} does not offer {upstream}", names.join(" or "))
    } else {
        READY.to_owned()
    };
    ("AVAILABLE", message)
}

#[cfg(test)]
mod tests {
    use model::{
        NodeId,
        rest::{VpcLink, VpcLinkKind},
    };

    use super::{ConnectedConnector, READY, standing};

    #[track_caller]
    fn check(target: &str, connected: &[ConnectedConnector], expected: (&str, &str)) {
        let link = VpcLink {
            id: "l".into(),
            name: "l".to_owned(),
            description: None,
            created_ms: 0,
            tags: [].into(),
            kind: VpcLinkKind::V1 {
                targets: vec![format!("arn:aws:elasticloadbalancing:r:1:{target}")],
            },
        };
        let (status, message) = standing(&link, connected);
        assert_eq!(status, expected.0);
        assert!(message.contains(expected.1), "{message}");
    }

    #[test]
    fn a_link_says_what_is_behind_it() {
        let office = ConnectedConnector {
            node: NodeId(9),
            name: "office".to_owned(),
            by: NodeId(1),
            draining: false,
            connections: 1,
            in_flight: 0,
            upstreams: vec![("orders".to_owned(), "healthy", String::new())],
        };
        let orders = "loadbalancer/net/office/orders";
        let here = [office.clone()];
        check(orders, &here, ("AVAILABLE", READY));
        check(orders, &[], ("AVAILABLE", "No connector named office"));
        let pay = "loadbalancer/net/office/pay";
        check(pay, &here, ("AVAILABLE", "does not offer pay"));
        let leaving = ConnectedConnector {
            draining: true,
            ..office
        };
        check(orders, &[leaving], ("AVAILABLE", "No connector named"));
        check("targetgroup/x", &here, ("FAILED", "names no connector"));
    }
}
