//! A management API on a configuration in memory, with one REST API and one HTTP API in it.
//!
//! There is no second node, no POP and nothing to wait for, so every call is decided at once.

use std::{
    net::SocketAddr,
    ops::Range,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    task::{Context, Poll, Waker},
    time::Instant,
};

use lang::sigv4::{Message, Signer};
use ledger::{Applied, MemberError, ProposeError, Role, Status};
use model::{
    AccessKey, ApiKeyId, Authority, Change, ChangeId, Cluster, Config, Machine, Node, NodeId,
    NodeRole, Op, Region, Revision, UsagePlanId,
};
use serde_json::Value;
use serve::{Body, BoxFuture, Conn, Handler};

use crate::{
    Admin, AdminSettings, AuthorizerTest, AuthorizerTested, Caches, DnsExplanation, Explain, Fleet,
    Invoke, LiveNode, Members, MethodTest, MethodTested, Metrics, MintedToken, Ports, PurgeTarget,
    Purged, Store, TokenMint, UsageCounts, clock,
};

const KEY: &str = "AKIDFUZZ";
const SECRET: &str = "secret";
const HOST: &str = "127.0.0.1:7001";
const REGION: &str = "us-east-1";
/// Longest answer that is read.
const ANSWER_MAX: usize = 64 << 20;

/// The configuration with what is made in it first, once per process.
static FIRST: OnceLock<World> = OnceLock::new();

#[derive(Clone)]
pub(super) struct World {
    memory: Arc<Memory>,
    pub(super) rest: String,
    pub(super) http: String,
    /// The REST API's root resource.
    pub(super) root: String,
}

struct Memory(Mutex<Machine>);

impl World {
    /// A world of its own.
    pub(super) fn new() -> Self {
        let first = FIRST.get_or_init(Self::first);
        let machine = first.memory.machine().clone();
        Self {
            memory: Arc::new(Memory(Mutex::new(machine))),
            ..first.clone()
        }
    }

    fn first() -> Self {
        let mut machine = Machine::default();
        let set_up = machine.apply(Change {
            id: ChangeId(0),
            at_ms: 0,
            by: "fuzz".to_owned(),
            origin: model::Origin::default(),
            spare_deployment: "spare0".into(),
            op: bootstrap(),
        });
        assert!(set_up.is_ok(), "{set_up:?}");
        let mut world = Self {
            memory: Arc::new(Memory(Mutex::new(machine))),
            rest: String::new(),
            http: String::new(),
            root: String::new(),
        };
        let text = |made: &Value, name: &str| {
            let found = made.pointer(name).and_then(Value::as_str);
            found.unwrap_or_default().to_owned()
        };
        let http = r#"{"name":"h","protocolType":"HTTP","target":"http://b.test"}"#;
        world.http = text(&world.made("POST", "/v2/apis", http), "/apiId");
        let rest = world.made("POST", "/restapis", r#"{"name":"r"}"#);
        world.rest = text(&rest, "/id");
        world.root = text(&rest, "/rootResourceId");
        let method = world.named("/restapis/REST/resources/ROOT/methods/GET");
        world.made("PUT", &method, r#"{"authorizationType":"NONE"}"#);
        world.made("PUT", &format!("{method}/responses/200"), "{}");
        let integration = format!("{method}/integration");
        world.made("PUT", &integration, r#"{"type":"MOCK"}"#);
        world.made("PUT", &format!("{integration}/responses/200"), "{}");
        let deployments = world.named("/restapis/REST/deployments");
        world.made("POST", &deployments, r#"{"stageName":"prod"}"#);
        world
    }

    fn made(&self, method: &str, target: &str, body: &str) -> Value {
        let made = self.checked(method, target, body.as_bytes());
        assert!(made.is_some(), "{method} {target} failed");
        made.unwrap_or_default()
    }

    /// A path with the ids of this world.
    pub(super) fn named(&self, path: &str) -> String {
        let names = [
            ("REST", &self.rest),
            ("ROOT", &self.root),
            ("HTTP", &self.http),
        ];
        let put = |path: String, (name, id): (&str, &String)| path.replace(name, id);
        names.into_iter().fold(path.to_owned(), put)
    }

    pub(super) fn revision(&self) -> Revision {
        self.memory.machine().config().revision
    }

    /// A call that is not answered with 500; the answer of a success.
    pub(super) fn checked(&self, method: &str, target: &str, body: &[u8]) -> Option<Value> {
        let (status, said) = self.call(method, target, body);
        let text = String::from_utf8_lossy(&said);
        assert_ne!(status, 500, "{method} {target}: {text}");
        (200..300)
            .contains(&status)
            .then(|| serde_json::from_slice(&said).unwrap_or_default())
    }

    /// A signed call: status and body of the answer.
    pub(super) fn call(&self, method: &str, target: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers = [("host", HOST.as_bytes())];
        let message = Message {
            method,
            path,
            query,
            headers: &headers,
            body,
        };
        let signer = Signer {
            access_key_id: KEY,
            secret: SECRET,
            region: REGION,
            service: "apigateway",
        };
        let signed = signer.sign(&message, clock::now_ms());
        let request = http::Request::builder()
            .method(method)
            .uri(target)
            .header("host", HOST)
            .header("x-amz-date", signed.date)
            .header("authorization", signed.authorization)
            .body(Body::full(body.to_vec()));
        // A path that is no URI reaches no listener.
        let Ok(request) = request else {
            return (400, Vec::new());
        };
        let Some(admin) = self.admin() else {
            return (503, Vec::new());
        };
        let address = SocketAddr::from(([127, 0, 0, 1], 7001));
        let conn = Conn::plain(address, address, Arc::from("management"), Instant::now());
        at_once(async move {
            let answer = admin.handle(request, Arc::new(conn)).await;
            let (parts, body) = answer.into_parts();
            let body = body.into_bytes(ANSWER_MAX).await.unwrap_or_default();
            (parts.status.as_u16(), body.to_vec())
        })
    }

    fn admin(&self) -> Option<Arc<Admin>> {
        let settings = AdminSettings {
            region: REGION.into(),
            node: NodeId(1),
        };
        let ports = Ports {
            store: Arc::<Memory>::clone(&self.memory),
            members: Arc::<Memory>::clone(&self.memory),
            fleet: Arc::<Memory>::clone(&self.memory),
            caches: Arc::<Memory>::clone(&self.memory),
            tokens: Arc::<Memory>::clone(&self.memory),
            explain: Arc::<Memory>::clone(&self.memory),
            usage: Arc::<Memory>::clone(&self.memory),
            invoke: Arc::<Memory>::clone(&self.memory),
        };
        let metrics = Metrics::register(&prometheus::Registry::new());
        Some(Admin::new(settings, ports, metrics.ok()?))
    }
}

/// The result of what never has to wait.
fn at_once<T>(work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        // What yields to others is asked again; there are no others.
        if let Poll::Ready(done) = work.as_mut().poll(&mut context) {
            return done;
        }
    }
}

fn bootstrap() -> Op {
    Op::Bootstrap {
        cluster: Cluster {
            name: "fuzz".to_owned(),
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
            name: REGION.into(),
            location: None,
        },
        node: Node {
            id: NodeId(1),
            role: NodeRole::Region(REGION.into()),
            link: ([127, 0, 0, 1], 9001).into(),
            public: Vec::new(),
            management: None,
            joined_ms: 0,
        },
        key: Box::new(AccessKey::unrestricted(KEY, SECRET, "first", 0)),
    }
}

// === ports ===

impl Memory {
    fn machine(&self) -> MutexGuard<'_, Machine> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Memory {
    fn config(&self) -> Arc<Config> {
        Arc::clone(self.machine().config())
    }

    fn propose(&self, change: Change) -> BoxFuture<'_, Result<Applied, ProposeError>> {
        let outcome = self.machine().apply(change);
        Box::pin(std::future::ready(Ok(Applied { outcome, index: 1 })))
    }
}

impl Members for Memory {
    fn status(&self) -> Arc<Status> {
        let (node, revision) = (NodeId(1), self.machine().config().revision);
        Arc::new(Status {
            node,
            role: Role::Leader,
            term: 1,
            leader: Some(node),
            last_applied: Some(1),
            last_log: Some(1),
            snapshot: None,
            revision,
            voters: [(node, SocketAddr::from(([127, 0, 0, 1], 9001)))].into(),
            learners: [].into(),
            lag: [].into(),
            healthy: true,
        })
    }

    fn promote(&self, node: NodeId) -> BoxFuture<'_, Result<(), MemberError>> {
        Box::pin(std::future::ready(Err(MemberError::Unknown(node))))
    }

    fn retire(&self, node: NodeId, _: Vec<NodeId>) -> BoxFuture<'_, Result<(), MemberError>> {
        Box::pin(std::future::ready(Err(MemberError::Unknown(node))))
    }
}

impl Fleet for Memory {
    fn live(&self) -> Vec<LiveNode> {
        Vec::new()
    }
}

impl Caches for Memory {
    fn purge(&self, _: PurgeTarget) -> BoxFuture<'_, Vec<Purged>> {
        Box::pin(std::future::ready(Vec::new()))
    }
}

impl TokenMint for Memory {
    fn mint(&self) -> Result<MintedToken, String> {
        Err("no tokens are made here".to_owned())
    }
}

impl Explain for Memory {
    fn dns(&self, _: &Config, _: &str, _: ipnet::IpNet) -> Result<DnsExplanation, String> {
        Err("no names are steered here".to_owned())
    }
}

impl UsageCounts for Memory {
    fn used(&self, _: &UsagePlanId, _: &ApiKeyId, days: Range<u32>) -> Vec<u64> {
        days.map(|_| 0).collect()
    }
}

impl Invoke for Memory {
    fn method<'a>(
        &'a self,
        _: &'a Config,
        _: MethodTest,
    ) -> BoxFuture<'a, Result<MethodTested, String>> {
        Box::pin(std::future::ready(Err("nothing is run here".to_owned())))
    }

    fn authorizer<'a>(
        &'a self,
        _: &'a Config,
        _: AuthorizerTest,
    ) -> BoxFuture<'a, Result<AuthorizerTested, String>> {
        Box::pin(std::future::ready(Err("nothing is run here".to_owned())))
    }
}
