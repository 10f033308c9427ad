//! Phase: the client's request becomes the backend's (docs/aws-behaviour.md).
//!
//! The client's header map is altered and moved on, not copied. What belongs to the client's
//! connection is removed, what earlier proxies said is folded into one `Forwarded`.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Uri,
    header::{EXPECT, VIA},
    uri::PathAndQuery,
};
use lang::uri_template::Extras;
use plan::region::{Action, HttpProxy, Origin};
use serve::Body;

use crate::{
    exchange::Exchange,
    fault::Fault,
    forwarded::{self, Hop},
};

/// What the integration is to do.
pub(crate) struct Call<'a> {
    pub(crate) origin: &'a Arc<Origin>,
    pub(crate) request: Request<Body>,
    /// Until the answer's head.
    pub(crate) timeout: Duration,
}

/// Makes the backend's request; takes headers and body out of the exchange.
pub(crate) fn map<'a>(exchange: &mut Exchange<'a>) -> Result<Call<'a>, Fault> {
    let route = exchange.route.ok_or(Fault::NoRoute)?;
    let proxy = match route.action() {
        Action::HttpProxy(proxy) => proxy,
        Action::WebSocket => return Err(Fault::WebSocket),
        Action::Broken(reason) => return Err(Fault::BrokenRoute(Arc::clone(reason))),
    };
    let mut request = Request::new(std::mem::take(&mut exchange.body));
    *request.method_mut() = method(exchange, proxy);
    *request.uri_mut() = uri(exchange, proxy)?;

    let mut headers = std::mem::take(&mut exchange.headers);
    serve::strip_hop_by_hop(&mut headers);
    // The listener has dealt with it: bodies are asked for when they are read.
    headers.remove(EXPECT);
    let facts = exchange.facts;
    let hop = Hop {
        by: &facts.by,
        client: facts.client.ip(),
        host: exchange.host(),
        https: facts.https,
    };
    forwarded::fold(&mut headers, hop);
    headers.append(VIA, HeaderValue::from_static("1.1 edgeway"));
    *request.headers_mut() = headers;

    let timeout = Duration::from_millis(proxy.timeout_ms.into());
    let timeout = facts
        .deadline
        .map_or(timeout, |deadline| deadline.min(timeout));
    Ok(Call {
        origin: &proxy.origin,
        request,
        timeout,
    })
}

fn method(exchange: &Exchange<'_>, proxy: &HttpProxy) -> Method {
    let own = proxy
        .method
        .as_ref()
        .and_then(|name| Method::from_bytes(name.as_bytes()).ok());
    own.unwrap_or_else(|| exchange.method.clone())
}

fn uri(exchange: &Exchange<'_>, proxy: &HttpProxy) -> Result<Uri, Fault> {
    let (Some(found), Some(route)) = (&exchange.found, exchange.route) else {
        return Err(Fault::NoRoute);
    };
    let staged = proxy.appends_stage.as_deref();
    let staged = staged.map(|stage| format!("{stage}/{}", found.path));
    let path = staged.as_deref().unwrap_or(found.path);
    let extras = Extras {
        append_path: proxy.appends_path.then_some(path),
        query: exchange.uri.query(),
    };
    let rendered = proxy
        .uri
        .render(|name| route.parameter(name, found.path), extras);
    // Compiling has checked that the route has every parameter, so only the values can be wrong.
    let rendered = rendered.map_err(|_| Fault::BadPath)?;
    let path =
        PathAndQuery::from_maybe_shared(Bytes::from(rendered)).map_err(|_| Fault::BadPath)?;
    Ok(Uri::from(path))
}
