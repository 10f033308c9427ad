//! The management API against a replicated machine that lives in memory.

mod access;
mod auth;
mod batches;
mod certificates;
mod cluster;
mod domains;
mod history;
mod join_policies;
mod odd;
mod parts;
mod refusals;
mod usage;
mod v1;
mod v2;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Instant,
};

use http::{HeaderMap, StatusCode};
use lang::sigv4::{Message, Signer};
use ledger::{Applied, MemberError, ProposeError, Role, Status};
use model::{
    AccessKey, Authority, Change, ChangeId, Cluster, Config, Machine, Node, NodeId, NodeRole, Op,
    Region, TokenId,
};
use serde_json::Value;
use serve::{Body, BoxFuture, Conn, Handler, Request};

use crate::{
    Admin, AdminSettings, Caches, Fleet, LiveNode, Members, Metrics, MintedToken, Ports,
    PurgeTarget, Purged, Store, TokenMint, clock,
};

const KEY: &str = "AKIDTEST";
const SECRET: &str = "secret";
const HOST: &str = "127.0.0.1:7001";
const LINK: &str = "127.0.0.1:9001";

/// What the fake ports share.
#[derive(Default)]
struct World {
    machine: Mutex<Machine>,
    /// What `propose` fails with next, last first.
    failures: Mutex<Vec<ProposeError>>,
    live: Mutex<Vec<LiveNode>>,
    purged: Mutex<Vec<PurgeTarget>>,
    removed: Mutex<Vec<NodeId>>,
}

impl Store for World {
    fn config(&self) -> Arc<Config> {
        Arc::clone(self.machine.lock().unwrap().config())
    }

    fn propose(&self, change: Change) -> BoxFuture<'_, Result<Applied, ProposeError>> {
        Box::pin(async move {
            let failure = self.failures.lock().unwrap().pop();
            // An undecided change may well be an applied one.
            if let Some(failure) = failure {
                if failure == ProposeError::Undecided {
                    let _ = self.machine.lock().unwrap().apply(change);
                }
                return Err(failure);
            }
            let outcome = self.machine.lock().unwrap().apply(change);
            Ok(Applied { outcome, index: 1 })
        })
    }
}

impl Members for World {
    fn status(&self) -> Arc<Status> {
        Arc::new(Status {
            node: NodeId(1),
            role: Role::Leader,
            term: 3,
            leader: Some(NodeId(1)),
            last_applied: Some(9),
            last_log: Some(9),
            snapshot: None,
            revision: self.config().revision,
            voters: [(NodeId(1), LINK.parse().unwrap())].into(),
            learners: BTreeMap::new(),
            lag: BTreeMap::new(),
            healthy: true,
        })
    }

    fn promote(&self, node: NodeId) -> BoxFuture<'_, Result<(), MemberError>> {
        Box::pin(async move { Err(MemberError::Unknown(node)) })
    }

    fn retire(&self, node: NodeId, _: Vec<NodeId>) -> BoxFuture<'_, Result<(), MemberError>> {
        Box::pin(async move {
            self.removed.lock().unwrap().push(node);
            Ok(())
        })
    }
}

impl Fleet for World {
    fn live(&self) -> Vec<LiveNode> {
        self.live.lock().unwrap().clone()
    }
}

impl Caches for World {
    fn purge(&self, what: PurgeTarget) -> BoxFuture<'_, Vec<Purged>> {
        self.purged.lock().unwrap().push(what);
        let live = self.live.lock().unwrap().clone();
        let done = live.into_iter().map(|node| Purged {
            node: node.node,
            purged: 3,
            ms: 1,
        });
        Box::pin(std::future::ready(done.collect()))
    }
}

impl crate::UsageCounts for World {
    /// Two requests on every day.
    fn used(
        &self,
        _plan: &model::UsagePlanId,
        _key: &model::ApiKeyId,
        days: std::ops::Range<u32>,
    ) -> Vec<u64> {
        days.map(|_| 2).collect()
    }
}

impl TokenMint for World {
    fn mint(&self) -> Result<MintedToken, String> {
        Ok(MintedToken {
            id: TokenId::from("t1"),
            secret_sha256: [7; 32],
            text: "ewj1.text".to_owned(),
        })
    }
}

/// The API and what it works on.
struct Bench {
    world: Arc<World>,
    admin: Arc<dyn Handler>,
    registry: prometheus::Registry,
}

const FILE: &str = "application/octet-stream";

struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The text of a field.
    fn text(&self, name: &str) -> &str {
        self.body[name]
            .as_str()
            .unwrap_or_else(|| panic!("no {name} in {}", self.body))
    }
}

fn bootstrap() -> Op {
    let address: SocketAddr = LINK.parse().unwrap();
    Op::Bootstrap {
        cluster: Cluster {
            name: "test".to_owned(),
            base_domain: "edgeway.test".to_owned(),
            account_id: "000000000000".to_owned(),
            authority: Authority {
                certificate_der: Vec::new(),
                key_der: Vec::new(),
            },
            created_ms: 0,
            format: model::codec::Level::OLDEST,
        },
        region: Region {
            name: "eu-west-1".into(),
            location: None,
        },
        node: Node {
            id: NodeId(1),
            role: NodeRole::Region("eu-west-1".into()),
            link: address,
            public: Vec::new(),
            management: None,
            joined_ms: 0,
        },
        key: Box::new(AccessKey::unrestricted(KEY, SECRET, "first", 0)),
    }
}

impl crate::Invoke for World {
    fn method<'a>(
        &'a self,
        _: &'a Config,
        test: crate::MethodTest,
    ) -> BoxFuture<'a, Result<crate::MethodTested, String>> {
        // Echoes what it was asked for.
        let asked = format!(
            "{} {} {:?} {:?}",
            test.verb, test.resource, test.path_and_query, test.variables
        );
        Box::pin(std::future::ready(Ok(crate::MethodTested {
            status: 202,
            headers: test.headers,
            body: test.body,
            latency_ms: 7,
            log: asked,
        })))
    }

    fn authorizer<'a>(
        &'a self,
        _: &'a Config,
        test: crate::AuthorizerTest,
    ) -> BoxFuture<'a, Result<crate::AuthorizerTested, String>> {
        // Echoes what it was asked for.
        Box::pin(std::future::ready(Ok(crate::AuthorizerTested {
            client_status: 0,
            principal_id: Some(test.authorizer.to_string()),
            policy: test.path_and_query,
            context: test.variables,
            claims: BTreeMap::new(),
            latency_ms: 7,
            log: format!("{:?}", test.headers),
        })))
    }
}

impl crate::Explain for World {
    fn dns(
        &self,
        _config: &Config,
        name: &str,
        from: ipnet::IpNet,
    ) -> Result<crate::DnsExplanation, String> {
        if name == "fixed.test" {
            return Err("fixed.test is not steered".to_owned());
        }
        Ok(crate::DnsExplanation {
            kind: "pop",
            from,
            because: "coordinates",
            chosen: Some("pop-1".to_owned()),
            addresses: vec![],
            spilled: None,
            scope: 8,
            map_epoch: 3,
            row: None,
            candidates: vec![],
        })
    }
}

impl Bench {
    fn new() -> Self {
        let world = Arc::new(World::default());
        let change = Change {
            id: ChangeId(0),
            at_ms: 0,
            by: "test".to_owned(),
            origin: model::Origin::default(),
            spare_deployment: "spare0".into(),
            op: bootstrap(),
        };
        world.machine.lock().unwrap().apply(change).unwrap();
        let settings = AdminSettings {
            region: "eu-west-1".into(),
            node: NodeId(1),
        };
        let ports = Ports {
            store: Arc::<World>::clone(&world),
            members: Arc::<World>::clone(&world),
            fleet: Arc::<World>::clone(&world),
            caches: Arc::<World>::clone(&world),
            usage: Arc::<World>::clone(&world),
            tokens: Arc::<World>::clone(&world),
            explain: Arc::<World>::clone(&world),
            invoke: Arc::<World>::clone(&world),
        };
        let registry = prometheus::Registry::new();
        let metrics = Metrics::register(&registry).unwrap();
        Self {
            world,
            admin: Admin::new(settings, ports, metrics),
            registry,
        }
    }

    /// Sends a request that is signed with `key` and `secret` at `now_ms`.
    async fn signed(
        &self,
        (method, target): (&str, &str),
        body: &str,
        (key, secret): (&str, &str),
        now_ms: u64,
    ) -> Reply {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers: [(&str, &[u8]); 1] = [("host", HOST.as_bytes())];
        let body = body.as_bytes();
        let message = Message {
            method,
            path,
            query,
            headers: &headers,
            body,
        };
        let region = "us-east-1";
        let signer = Signer {
            access_key_id: key,
            secret,
            region,
            service: "apigateway",
        };
        let signed = signer.sign(&message, now_ms);
        let request = http::Request::builder()
            .method(method)
            .uri(target)
            .header("host", HOST)
            .header("x-amz-date", signed.date)
            .header("authorization", signed.authorization);
        self.send(request.body(Body::full(body.to_vec())).unwrap())
            .await
    }

    async fn send(&self, request: Request) -> Reply {
        let address: SocketAddr = HOST.parse().unwrap();
        let conn = Conn::plain(address, address, Arc::from("management"), Instant::now());
        let response = self.admin.handle(request, Arc::new(conn)).await;
        let (parts, body) = response.into_parts();
        let bytes = body.into_bytes(1 << 20).await.unwrap();
        // A backup is a file.
        let file = parts
            .headers
            .get("content-type")
            .is_some_and(|kind| kind == FILE);
        let body = if bytes.is_empty() || file {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).unwrap()
        };
        Reply {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    async fn call(&self, method: &str, target: &str, body: Value) -> Reply {
        let text = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.signed((method, target), &text, (KEY, SECRET), clock::now_ms())
            .await
    }

    /// Expects `status`, and shows the answer otherwise.
    async fn expect(&self, status: u16, method: &str, target: &str, body: Value) -> Reply {
        let reply = self.call(method, target, body).await;
        assert_eq!(
            reply.status.as_u16(),
            status,
            "{method} {target}: {}",
            reply.body
        );
        reply
    }

    /// Expects a refusal with this exception and text.
    async fn refused(&self, (code, text): (&str, &str), method: &str, target: &str, body: Value) {
        let reply = self.call(method, target, body.clone()).await;
        let message = reply.body["message"].as_str().unwrap_or_default();
        assert_eq!(
            reply.header("x-amzn-errortype"),
            code,
            "{method} {target} {body}: {message}"
        );
        assert!(
            message.contains(text),
            "{method} {target} {body}: {message:?} lacks {text:?}"
        );
    }
}
