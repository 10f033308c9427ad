//! The link's side: a listener per controller, and a peer that calls it.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::{Request, Response};
use link::{
    Authority, CallHandler, CallMeta, Congestion, CredentialStore, Expected, LinkContext,
    LinkLimits, Listener, Metrics, NodeIdentity, Peer, PeerRole, PeersSeen, Services, Serving,
    Transport,
};
use serve::{Body, BoxFuture, Drain};

use super::{Bodies, Carrier, Host};

const LIFE: Duration = Duration::from_secs(24 * 3600);
const GRACE: Duration = Duration::from_secs(1);
const REGION: &str = "us-east-1";

/// A region's listeners.
pub(super) struct Server {
    ca: Authority,
    drain: Drain,
    _serving: Vec<Serving>,
}

struct Answering(Bodies);

impl CallHandler for Answering {
    fn call(
        &self,
        request: Request<Body>,
        _: CallMeta,
        _: Arc<NodeIdentity>,
    ) -> BoxFuture<'_, Response<Body>> {
        let answer = self.0.answer(request.uri().path());
        Box::pin(async move { answer })
    }
}

impl Server {
    pub(super) async fn start(host: &Host) -> anyhow::Result<Self> {
        let ca = Authority::create("lab", LIFE, SystemTime::now())?;
        let drain = Drain::new(GRACE);
        let mut serving = Vec::new();
        for congestion in [Congestion::Cubic, Congestion::Bbr] {
            let addr = host.at(Carrier::Quic(congestion).port());
            let who = NodeIdentity::new("lab", PeerRole::Region, REGION, 1)?;
            let context = context(&ca, &who, congestion)?;
            let drain = drain.clone();
            let services = Services::new().with_call(Arc::new(Answering(Bodies::new())));
            // Its socket and tasks have to be on the host.
            let started = host.spawn(async move {
                Listener::bind(addr, context)?.serve(services, PeersSeen::new(), drain)
            });
            serving.push(started.await??);
        }
        Ok(Self {
            ca,
            drain,
            _serving: serving,
        })
    }

    /// What a POP of this cluster dials with.
    pub(super) fn context(&self, congestion: Congestion) -> anyhow::Result<LinkContext> {
        let who = NodeIdentity::new("lab", PeerRole::Pop, "client", 2)?;
        context(&self.ca, &who, congestion)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.drain.begin();
    }
}

fn context(
    ca: &Authority,
    who: &NodeIdentity,
    congestion: Congestion,
) -> anyhow::Result<LinkContext> {
    let credentials = ca.issue_node(who, LIFE, SystemTime::now())?;
    Ok(LinkContext {
        credentials: CredentialStore::new(credentials)?,
        limits: Arc::new(LinkLimits {
            congestion,
            ..LinkLimits::default()
        }),
        metrics: Metrics::unregistered(),
    })
}

/// One connection.
pub(super) struct Client {
    peer: Peer,
    addr: SocketAddr,
    _transport: Transport,
}

pub(super) async fn dial(addr: SocketAddr, context: LinkContext) -> anyhow::Result<Client> {
    let transport = Transport::client(None, context, Drain::new(GRACE))?;
    let peer = transport.connect(addr, Expected::place(PeerRole::Region, REGION));
    peer.ready().await?;
    Ok(Client {
        peer,
        addr,
        _transport: transport,
    })
}

impl Client {
    pub(super) async fn get(&self, path: &'static str) -> anyhow::Result<Response<Body>> {
        let meta = CallMeta {
            request_id: "compared".to_owned(),
            client: self.addr,
            scheme_https: true,
            deadline_ms: 60_000,
            trace: None,
            region_hint: None,
            revision: 1,
            relayed: false,
        };
        let request = Request::get(format!("{}{path}", super::authority(self.addr)));
        Ok(self.peer.call(request.body(Body::empty())?, meta).await?)
    }
}
