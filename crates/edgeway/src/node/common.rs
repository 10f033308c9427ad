//! What every role needs: identity, links to the regions, metrics, drain.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use anyhow::{Context as _, bail};
use link::{CredentialStore, Credentials, LinkContext, LinkLimits, PeerRole, Transport};
use model::{Location, NodeId, Revision};
use tokio::sync::watch;

use crate::{
    cluster::{
        control::Control,
        directory::{self, Seeds},
        enroll::{self, Applicant, prove},
        subscriber::Refusals,
    },
    metrics::Metrics,
    settings::{ClientLimits, Place, ProxyProtocol, Relay, Settings},
};

/// What every role needs.
pub(super) struct Common {
    pub(super) own: NodeId,
    pub(super) cluster: String,
    /// Where other nodes reach this one.
    pub(super) link: SocketAddr,
    pub(super) credentials: CredentialStore,
    pub(super) context: LinkContext,
    pub(super) control: Arc<Control>,
    pub(super) seeds: watch::Sender<Seeds>,
    /// The revision this node serves from.
    pub(super) served: watch::Sender<Revision>,
    pub(super) refusals: Refusals,
    pub(super) registry: prometheus::Registry,
    pub(super) serve_metrics: serve::Metrics,
    pub(super) ready: Arc<AtomicBool>,
    /// Only says that the node is about to drain: others send it nobody new.
    pub(super) leaving: serve::Drain,
    /// Client work: its end is waited for.
    pub(super) drain: serve::Drain,
    /// Everything that only serves the node itself: ended once client work has.
    pub(super) upkeep: serve::Drain,
}

impl Common {
    pub(super) async fn prepare(settings: &Settings) -> anyhow::Result<Self> {
        let credentials = credentials(settings).await?;
        let identity = credentials.identity().clone();
        check_role(settings, identity.role)?;
        let registry = prometheus::Registry::new();
        registry.register(Box::new(
            prometheus::process_collector::ProcessCollector::for_self(),
        ))?;
        let drain = serve::Drain::new(Duration::from_secs(settings.drain_s));
        let credentials = CredentialStore::new(credentials)?;
        let context = LinkContext {
            credentials: credentials.clone(),
            // A node that comes back is found again within a second.
            limits: Arc::new(LinkLimits {
                backoff_max: Duration::from_secs(1),
                fallback: settings.link.fallback,
                ..LinkLimits::default()
            }),
            metrics: link::Metrics::new(&registry)?,
        };
        // A region listens on its link address; other roles only dial, from that address.
        let relays = settings
            .pop
            .as_ref()
            .is_some_and(|pop| pop.relay == Relay::Auto);
        let dial_from = match (settings.region.is_some(), relays) {
            (true, _) => None,
            // The port is the listener's for other POPs.
            (false, true) => Some(SocketAddr::new(settings.link.bind.ip(), 0)),
            (false, false) => Some(settings.link.bind),
        };
        let transport = Transport::client(dial_from, context.clone(), drain.clone())
            .with_context(|| format!("settings key 'link.bind': {}", settings.link.bind))?;
        Ok(Self {
            own: NodeId(identity.node),
            cluster: identity.cluster,
            link: advertised(settings),
            credentials,
            context,
            control: Control::new(transport),
            seeds: watch::Sender::new(directory::load(&settings.data_dir)),
            served: watch::Sender::new(Revision(0)),
            refusals: Refusals {
                last: watch::Sender::new(None),
                metrics: Metrics::register(&registry)?,
            },
            serve_metrics: serve::Metrics::register(&registry)?,
            registry,
            ready: Arc::default(),
            drain,
            leaving: serve::Drain::new(Duration::ZERO),
            upkeep: serve::Drain::new(Duration::ZERO),
        })
    }

    /// Runs a task that nobody waits for, until client work has ended.
    pub(super) fn keep(&self, task: impl Future<Output = ()> + Send + 'static) {
        let end = self.upkeep.clone();
        self.upkeep.spawn(async move {
            tokio::select! {
                () = task => {}
                () = end.begun() => {}
            }
        });
    }

    /// Publishes what `source` says is served.
    pub(super) fn follow_served<T: Send + Sync + 'static>(
        &self,
        mut source: watch::Receiver<T>,
        revision: impl Fn(&T) -> Revision + Send + 'static,
    ) {
        let served = self.served.clone();
        self.keep(async move {
            loop {
                served.send_replace(revision(&source.borrow_and_update()));
                if source.changed().await.is_err() {
                    return;
                }
            }
        });
    }
}

/// The identity on disk, or a new one for the join token.
async fn credentials(settings: &Settings) -> anyhow::Result<Credentials> {
    let folder = settings.identity_dir();
    if folder.join("node.pem").exists() {
        return Credentials::load(&folder)
            .with_context(|| format!("identity in {}", folder.display()));
    }
    let applicant = applicant(settings);
    if let Some(token) = join_token(settings)? {
        return enroll::join(&token, applicant, &settings.data_dir, &folder).await;
    }
    let join = settings.join.as_ref();
    if let Some((join, identity)) = join.and_then(|join| Some((join, join.identity.as_ref()?))) {
        let applicant = (role(settings), applicant);
        return prove::join((join, identity), applicant, &settings.data_dir, &folder).await;
    }
    bail!(
        "this node has no identity in {}: run `edgeway init` for a new cluster, give a token made \
         by `edgeway token` in EDGEWAY_JOIN_TOKEN or settings key 'join.token_file', or say in \
         settings key 'join.identity' what it can prove",
        folder.display()
    );
}

/// The section that settings have.
fn role(settings: &Settings) -> &'static str {
    match settings {
        Settings {
            region: Some(_), ..
        } => "region",
        Settings { pop: Some(_), .. } => "pop",
        Settings { dns: Some(_), .. } => "dns",
        _ => "connector",
    }
}

fn join_token(settings: &Settings) -> anyhow::Result<Option<String>> {
    if let Ok(token) = std::env::var("EDGEWAY_JOIN_TOKEN") {
        return Ok(Some(token));
    }
    let file = settings
        .join
        .as_ref()
        .and_then(|join| join.token_file.as_ref());
    let read = file.map(|file| {
        let named = || format!("settings key 'join.token_file': {}", file.display());
        std::fs::read_to_string(file).with_context(named)
    });
    read.transpose()
}

fn applicant(settings: &Settings) -> Applicant {
    let region = settings.region.as_ref();
    let pop = settings.pop.as_ref();
    let place = region.and_then(|region| region.location);
    let place = place.or_else(|| pop.and_then(|pop| pop.location));
    Applicant {
        link: advertised(settings),
        public: public(settings),
        management: region.map(management_url),
        location: place.map(location),
    }
}

/// Addresses that DNS answers for this node.
pub(crate) fn public(settings: &Settings) -> Vec<std::net::IpAddr> {
    let region = settings.region.as_ref().map(|region| &region.public);
    let pop = settings.pop.as_ref().map(|pop| &pop.public);
    let dns = settings.dns.as_ref().map(|dns| &dns.public);
    region.or(pop).or(dns).cloned().unwrap_or_default()
}

/// Where other nodes reach this one.
pub(crate) fn advertised(settings: &Settings) -> SocketAddr {
    settings.link.advertise.unwrap_or(settings.link.bind)
}

/// The management API's URL as others reach it.
pub(crate) fn management_url(region: &crate::settings::Region) -> String {
    let made = || match region.management_https {
        Some(addr) => format!("https://{addr}"),
        None => format!("http://{}", region.management),
    };
    region.management_url.clone().unwrap_or_else(made)
}

/// Degrees as the model keeps them; settings have checked the range.
pub(crate) fn location(place: Place) -> Location {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "at most 180 million in magnitude, which fits"
    )]
    let micro = |degrees: f64| (degrees * 1e6).round() as i32;
    Location {
        latitude_micro: micro(place.latitude),
        longitude_micro: micro(place.longitude),
    }
}

/// Limits of a listener for clients.
pub(super) fn limits(client: ClientLimits) -> serve::Limits {
    serve::Limits {
        body_bytes_max: client.body_bytes_max,
        head_timeout: Duration::from_millis(client.head_timeout_ms),
        body_idle_timeout: Duration::from_millis(client.body_idle_timeout_ms),
        ..serve::Limits::default()
    }
}

/// HTTP/3 of a role's HTTPS listeners.
pub(super) fn h3(on: bool, alt_svc_max_age_s: u64) -> Option<serve::H3> {
    on.then(|| serve::H3 {
        alt_svc_max_age: Duration::from_secs(alt_svc_max_age_s),
        public_port: None,
    })
}

/// The listeners for clients: plain ones, and ones over TLS (and QUIC) with `certificates`.
pub(super) fn clients(
    (http, https): (&[SocketAddr], &[SocketAddr]),
    certificates: &Arc<serve::CertStore>,
    (client, h3): (ClientLimits, Option<serve::H3>),
    proxy: Option<&ProxyProtocol>,
) -> Vec<serve::ListenerSettings> {
    let limits = limits(client);
    let door = serve::Door {
        proxy: proxy.map(ProxyProtocol::door),
        ..serve::Door::default()
    };
    let plain = serve::ListenerSettings {
        name: "http".to_owned(),
        addrs: http.to_vec(),
        tls: None,
        h3: None,
        protocol: None,
        door: door.clone(),
        limits: limits.clone(),
    };
    let secure = serve::ListenerSettings {
        name: "https".to_owned(),
        addrs: https.to_vec(),
        tls: Some(Arc::clone(certificates)),
        h3,
        protocol: None,
        door,
        limits,
    };
    let both = [plain, secure].into_iter();
    both.filter(|listener| !listener.addrs.is_empty()).collect()
}

fn check_role(settings: &Settings, role: PeerRole) -> anyhow::Result<()> {
    let expected = match role {
        PeerRole::Region => settings.region.is_some(),
        PeerRole::Pop => settings.pop.is_some(),
        PeerRole::Dns => settings.dns.is_some(),
        PeerRole::Connector => settings.connector.is_some(),
    };
    if !expected {
        bail!(
            "this node's identity says role '{role}', but its settings have another section; \
             use the settings it joined with, or another data_dir"
        );
    }
    Ok(())
}
