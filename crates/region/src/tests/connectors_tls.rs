//! TLS from a connector to its upstream: whose certificates are taken, and which name they need.

use super::{
    backend::{Backend, echo},
    connectors::{Hub, orders},
    rest_tls::{own, server},
};
use crate::{Upstream, UpstreamTls, upstream::UpstreamError};
use http::StatusCode;

const GOOD: Result<StatusCode, UpstreamError> = Ok(StatusCode::OK);
const WRONG: Result<StatusCode, UpstreamError> = Err(UpstreamError::Tls);

#[tokio::test]
async fn names_and_authorities_are_verified_by_the_connector() {
    let made = own(&["orders.internal"]);
    let backend = Backend::tls(server(&made, None), echo).await;
    let mut hub = Hub::start();
    let always = |name: Option<&str>| Upstream {
        tls: UpstreamTls::Always,
        server_name: name.map(str::to_owned),
        ..orders(&backend)
    };
    // Nobody it knows has signed that certificate.
    let _unknown = hub.connector("unknown", 1, orders(&backend)).await;
    assert_eq!(hub.get_secure("unknown", "orders.internal").await, WRONG);

    hub.trusted = Some(made.cert.pem().into_bytes());
    let _asked = hub.connector("asked", 2, orders(&backend)).await;
    assert_eq!(hub.get_secure("asked", "orders.internal").await, GOOD);
    assert_eq!(hub.get_secure("asked", "other.internal").await, WRONG);
    // What the integration wants in plain text is sent in plain text, which this backend refuses.
    assert!(hub.get("asked", "orders").await.is_err());

    // The connector's settings go before what an integration says.
    let _named = hub
        .connector("named", 3, always(Some("orders.internal")))
        .await;
    assert_eq!(hub.get_secure("named", "other.internal").await, GOOD);
    assert_eq!(hub.get("named", "orders").await, GOOD);
    let _misnamed = hub
        .connector("misnamed", 4, always(Some("other.internal")))
        .await;
    assert_eq!(hub.get_secure("misnamed", "orders.internal").await, WRONG);
    assert_eq!(hub.get("misnamed", "orders").await, WRONG);
    // Without a name it is the address that is dialled, which the certificate does not have.
    let _nameless = hub.connector("nameless", 5, always(None)).await;
    assert_eq!(hub.get("nameless", "orders").await, WRONG);
    hub.drain.finish().await;
}
