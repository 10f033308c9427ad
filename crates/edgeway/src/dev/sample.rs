//! The sample backend and the sample API of a `dev` cluster, so that the first request works.
//!
//! The backend tells what it received: `/echo` gives the body back, `/cached` may be cached for a
//! minute, everything else answers JSON about the request.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use http::{HeaderValue, Method, header};
use serde_json::{Value, json};
use serve::{Body, BoxFuture, Conn, Handler, ListenerSettings, Request, Response, Server, Serving};

use super::{layout::Layout, location_json};
use crate::{client::Client, settings::Place};

/// Address prefixes of documentation (RFC 5737), taken to be in New York, Paris and Tokyo.
const PRIORS: [(&str, f64, f64); 3] = [
    ("198.51.100.0/24", 40.7, -74.0),
    ("203.0.113.0/24", 48.9, 2.4),
    ("192.0.2.0/24", 35.7, 139.7),
];

/// The backend while it serves.
pub(super) struct Backend {
    drain: serve::Drain,
    serving: Serving,
}

/// Serves the backend in this process.
pub(super) fn serve(addr: SocketAddr) -> anyhow::Result<Backend> {
    let metrics = serve::Metrics::register(&prometheus::Registry::new())?;
    let drain = serve::Drain::new(Duration::from_secs(1));
    let listener = ListenerSettings::plain("sample-backend", addr);
    let bound = Server::bind(vec![listener], 1, &metrics).context("the sample backend")?;
    let serving = bound.serve_on_current(Arc::new(Sample), &drain);
    Ok(Backend { drain, serving })
}

impl Backend {
    pub(super) async fn end(self) {
        self.drain.finish().await;
        self.serving.ended().await;
    }
}

struct Sample;

impl Handler for Sample {
    fn handle(&self, request: Request, _: Arc<Conn>) -> BoxFuture<'_, Response> {
        Box::pin(async move {
            if request.uri().path() == "/echo" {
                return Response::new(request.into_body());
            }
            let cached = request.uri().path().starts_with("/cached");
            let mut response = Response::new(Body::full(described(&request)));
            let headers = response.headers_mut();
            let json = HeaderValue::from_static("application/json");
            headers.insert(header::CONTENT_TYPE, json);
            let control = if cached { "max-age=60" } else { "no-store" };
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(control));
            response
        })
    }
}

fn described(request: &Request) -> String {
    let pairs = request.headers().iter().map(|(name, value)| {
        (
            name.to_string(),
            Value::String(String::from_utf8_lossy(value.as_bytes()).into_owned()),
        )
    });
    let text = json!({
        "message": "hello from the sample backend",
        "method": request.method().as_str(),
        "path": request.uri().path(),
        "query": request.uri().query(),
        "headers": pairs.collect::<serde_json::Map<String, Value>>(),
    });
    format!("{text:#}\n")
}

/// Makes the sample API unless there is one; gives its id and the revision that has it.
pub(super) async fn create(client: &Client, layout: &Layout) -> anyhow::Result<(String, u64)> {
    endpoints(client, layout).await?;
    let known = client.call(Method::GET, "/v2/apis", None).await?;
    let items = known
        .get("items")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let mut ours = items.filter(|api| api.get("name").and_then(Value::as_str) == Some("sample"));
    let api = match ours.next() {
        Some(api) => api.clone(),
        None => create_api(client, layout).await?,
    };
    let id = api
        .get("apiId")
        .and_then(Value::as_str)
        .context("the API has no id")?
        .to_owned();
    let status = client.call(Method::GET, "/edgeway/v1/status", None).await?;
    let revision = status
        .get("revision")
        .and_then(Value::as_u64)
        .context("no revision")?;
    Ok((id, revision))
}

/// Registers the private endpoints whose listeners the nodes have.
async fn endpoints(client: &Client, layout: &Layout) -> anyhow::Result<()> {
    let path = "/edgeway/v1/private-endpoints";
    let known = client.call(Method::GET, path, None).await?;
    for member in layout.regions() {
        let Some(entry) = &member.private else {
            continue;
        };
        let id = entry.endpoint_id.as_str();
        let items = known.get("items").and_then(Value::as_array);
        let mut items = items.into_iter().flatten();
        if items.any(|one| one.get("endpointId").and_then(Value::as_str) == Some(id)) {
            continue;
        }
        let body = json!({
            "region": member.name, "addresses": [entry.http.ip()],
            "vpcId": format!("vpc-{}", member.name),
        });
        let path = format!("{path}/{id}");
        client.call(Method::PUT, &path, Some(&body)).await?;
    }
    Ok(())
}

async fn create_api(client: &Client, layout: &Layout) -> anyhow::Result<Value> {
    for (prefix, latitude, longitude) in PRIORS {
        let path = format!("/edgeway/v1/priors/{}", prefix.replace('/', "%2F"));
        let body = location_json(Place {
            latitude,
            longitude,
        });
        client.call(Method::PUT, &path, Some(&body)).await?;
    }
    let body = json!({
        "name": "sample",
        "protocolType": "HTTP",
        "target": format!("http://{}", layout.backend),
    });
    client.call(Method::POST, "/v2/apis", Some(&body)).await
}
