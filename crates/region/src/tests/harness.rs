//! A region with a small configuration, and a client that calls its handler.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use http::{Request, Response};
use model::{
    Api, ApiKind, Authority, Cluster, Config, Content, Cors, Deployment, EndpointType, HttpContent,
    Integration, IntegrationKind, IpAddressType, Revision, Route, RouteKey, Stage,
};
use prometheus::Registry;
use serve::{Body, Conn, Drain, Handler};
use steer::limits::Standing;
use tokio::sync::watch;

use crate::{Region, RegionSettings};

pub(super) const HOST: &str = "a1.execute-api.us-east-1.edgeway.test";

/// A route with its integration.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) key: &'static str,
    pub(super) uri: String,
    pub(super) method: Option<&'static str>,
    pub(super) server_name: Option<&'static str>,
    pub(super) timeout_ms: u32,
}

pub(super) fn line(key: &'static str, uri: impl Into<String>) -> Line {
    Line {
        key,
        uri: uri.into(),
        method: None,
        server_name: None,
        timeout_ms: 10_000,
    }
}

/// What a test's API consists of.
#[derive(Clone, Default)]
pub(super) struct Setup {
    pub(super) lines: Vec<Line>,
    pub(super) cors: Option<Cors>,
    pub(super) variables: BTreeMap<String, String>,
    pub(super) endpoint: Option<EndpointType>,
    pub(super) revision: u64,
}

impl Setup {
    pub(super) fn of(lines: impl Into<Vec<Line>>) -> Self {
        Self {
            lines: lines.into(),
            ..Self::default()
        }
    }

    pub(super) fn config(&self) -> Config {
        let mut content = HttpContent {
            cors: self.cors.clone(),
            ..HttpContent::default()
        };
        for (index, line) in self.lines.iter().enumerate() {
            let id = format!("x{index}");
            let integration = Integration {
                id: id.as_str().into(),
                kind: IntegrationKind::HttpProxy {
                    uri: line.uri.clone(),
                    method: line.method.map(str::to_owned),
                    server_name: line.server_name.map(str::to_owned),
                },
                description: None,
                timeout_ms: line.timeout_ms,
                payload_format_version: "1.0".to_owned(),
                managed: false,
                mapping: Default::default(),
            };
            let route = Route {
                id: id.as_str().into(),
                key: RouteKey::parse(line.key).unwrap(),
                target: Some(integration.id.clone()),
                operation_name: None,
                managed: false,
                rules: Default::default(),
            };
            content
                .integrations
                .insert(integration.id.clone(), Arc::new(integration));
            content.routes.insert(route.id.clone(), Arc::new(route));
        }
        let api = self.api(content);
        let cluster = Cluster {
            name: "test".to_owned(),
            base_domain: "edgeway.test".to_owned(),
            account_id: "000000000000".to_owned(),
            authority: Authority {
                certificate_der: Vec::new(),
                key_der: Vec::new(),
            },
            created_ms: 0,
            format: model::codec::Level::OLDEST,
        };
        let region = model::Region {
            name: "us-east-1".into(),
            location: None,
        };
        Config {
            revision: Revision(self.revision.max(1)),
            cluster: Some(Arc::new(cluster)),
            regions: [(region.name.clone(), Arc::new(region))].into(),
            apis: [(api.id.clone(), Arc::new(api))].into(),
            ..Config::default()
        }
    }

    fn api(&self, content: HttpContent) -> Api {
        let deployment = Deployment::of("d".into(), Content::Http(content), 0);
        let stage = Stage {
            name: "$default".into(),
            description: None,
            deployment: Some(deployment.id.clone()),
            auto_deploy: true,
            variables: self.variables.clone(),
            tags: BTreeMap::new(),
            created_ms: 0,
            updated_ms: 0,
            managed: false,
            last_deployment_status: None,
            rest: None,
            v2: None,
        };
        Api {
            id: "a1".into(),
            name: "test".to_owned(),
            description: None,
            version: None,
            home: "us-east-1".into(),
            endpoint: self.endpoint.unwrap_or(EndpointType::Edge),
            created_ms: 0,
            served: Revision(1),
            disable_execute_api_endpoint: false,
            ip_address_type: IpAddressType::Ipv4,
            tags: BTreeMap::new(),
            kind: ApiKind::Http(model::HttpApi::default()),
            stages: [(stage.name.clone(), stage)].into(),
            deployments: [(deployment.id.clone(), Arc::new(deployment))].into(),
        }
    }
}

/// A running region.
pub(super) struct Rig {
    pub(super) region: Arc<Region>,
    pub(super) handler: Arc<dyn Handler>,
    pub(super) config: watch::Sender<Arc<Config>>,
    pub(super) registry: Registry,
    pub(super) drain: Drain,
}

impl Rig {
    pub(super) async fn start(setup: Setup) -> Self {
        Self::start_with(setup, |_| {}).await
    }

    pub(super) async fn start_with(setup: Setup, alter: impl FnOnce(&mut RegionSettings)) -> Self {
        let mut settings = RegionSettings::new("us-east-1", 1);
        alter(&mut settings);
        let config = watch::Sender::new(Arc::new(setup.config()));
        let registry = Registry::new();
        let drain = Drain::new(Duration::from_secs(5));
        let region = Region::new(settings, config.subscribe(), &registry, drain.clone()).unwrap();
        region.ready().await;
        // The only node there is, and not since just now.
        region.limits().with(|node, _| {
            node.set_nodes(1);
            node.set_standing(0, Standing::Home { reign: 1 });
        });
        let handler = region.factory().make(0);
        Self {
            region,
            handler,
            config,
            registry,
            drain,
        }
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.handler.handle(request, conn()).await
    }

    /// Sends and reads the whole answer.
    pub(super) async fn ask(&self, request: Request<Body>) -> Answer {
        Answer::of(self.send(request).await).await
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.ask(get(path)).await
    }

    /// The value of a counter or gauge, summed over the label sets that contain `label`.
    pub(super) fn metric(&self, name: &str, label: &str) -> u64 {
        let text = prometheus::TextEncoder::new().encode_to_string(&self.registry.gather());
        let text = text.unwrap();
        let lines = text
            .lines()
            .filter(|line| line.starts_with(name) && line.contains(label));
        let values = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok());
        values.sum()
    }
}

/// An answer that has been read.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: http::HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) async fn of(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.into_bytes(1 << 24).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text,
        }
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("")
    }

    /// The value of a header that the echo backend saw.
    pub(super) fn echoed(&self, name: &str) -> Option<&str> {
        let head = self.text.split("\n\n").next()?;
        let mut lines = head.lines().skip(1);
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The echoed request line.
    pub(super) fn line(&self) -> &str {
        self.text.lines().next().unwrap_or("")
    }
}

pub(super) fn get(path: &str) -> Request<Body> {
    request("GET", path, Body::empty())
}

pub(super) fn request(method: &str, path: &str, body: Body) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", HOST)
        .body(body)
        .unwrap()
}

pub(super) fn conn() -> Arc<Conn> {
    let peer: SocketAddr = "192.0.2.7:5000".parse().unwrap();
    let local: SocketAddr = "203.0.113.1:80".parse().unwrap();
    Arc::new(Conn::plain(
        peer,
        local,
        Arc::from("regional"),
        Instant::now(),
    ))
}

/// Waits for `condition`, which others bring about; bounded.
#[track_caller]
pub(super) fn eventually(mut condition: impl FnMut() -> bool) -> impl Future<Output = ()> {
    let place = std::panic::Location::caller();
    async move {
        let end = Instant::now() + Duration::from_secs(10);
        while !condition() {
            assert!(Instant::now() < end, "not in time: {place}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}
