//! A region node, put together: the ledger feeds the region role and the feeds to subscribers;
//! links bring calls from POPs, Raft and joining nodes; the management API proposes changes.

use std::{sync::Arc, thread::JoinHandle};

use anyhow::Context as _;
use ledger::{Ledger, LedgerSettings};
use link::PeersSeen;
use model::NodeId;
use region::{FeedServer, Region, RegionSettings};
use serve::{BoundServer, CertStore, Server, Serving};

use super::{
    aws, bootstrap,
    certificates::{self, Source},
    challenges::Files,
    common::{self, Common},
    limits, links,
    management::Management,
    policy, private, steering, test_invoke,
};
use crate::{
    cluster::{
        acme, caps::Caps, control::Control, directory, enroll::Mint, explain::Explainer,
        fleet::Fleet, latency::Latency, limits::LimitKeeper, load::Meter, membership,
        purge::PurgeHub, rollout::Driver,
    },
    geo::GeoDatabase,
    settings::{RaftClocks, Region as RegionSection, Settings},
};

/// A region node that serves.
pub(super) struct RegionRole {
    clients: Serving,
    management: Serving,
    links: Vec<JoinHandle<()>>,
    ledger: Ledger,
    region: Arc<Region>,
    limits: Arc<LimitKeeper>,
    meter: Arc<Meter>,
}

pub(super) async fn start(
    settings: &Settings,
    section: &RegionSection,
    common: &Common,
) -> anyhow::Result<RegionRole> {
    let sockets = Sockets::bind(settings, section, common)?;
    let ledger = open_ledger(settings, section, common).await?;
    let drain = &common.drain;
    private::answer_names(settings, common, &ledger)?;
    let geo = GeoDatabase::open("region.geo_database", section.geo_database.as_deref())?;
    let region = Region::new(
        region_settings((settings, section), common, geo.clone())?,
        ledger.config(),
        &common.registry,
        drain.clone(),
    )?;
    let steered = (settings, section, geo);
    let (latency, caps) = steering::open(steered, common, &ledger)?;
    let seen = PeersSeen::new();
    let fleet = Fleet::new(
        common.own,
        Arc::clone(&seen),
        ledger.clone(),
        (latency.clone(), caps.clone()),
        (region.revisions(), Arc::clone(region.connectors())),
        common.leaving.clone(),
    );
    common.keep(Arc::clone(&fleet).follow_links());
    links::follow_connectors(common, &region, &fleet, &seen);
    let feed = feed(common, &ledger, &fleet)?;
    common.keep(driver(common, &ledger, &fleet, &region));
    let purges = PurgeHub::new(drain.clone());
    let keeper = limits::keep(&settings.data_dir, common, &ledger, &region);
    let asked = (Arc::clone(&purges), Arc::clone(&keeper));
    let services = links::services(common, &ledger, &region, &fleet, feed, asked);
    // Links come before the plan: a region that joins receives its configuration over them.
    let links = links::serve(sockets.links, &services, &seen, &region, drain)?;
    bootstrap::run(settings, section, common, &ledger).await?;
    let files = Files::default();
    let stores = (sockets.certificates, sockets.private_certificates);
    spawn_followers(common, &ledger, &region, (stores, files.clone()));
    secure(sockets.secure_management, common, &ledger);
    keep_certificates(common, &ledger, &fleet)?;
    let meter = steering::meter(&region);
    steering::keep(common, (&latency, &caps), (&fleet, &meter));
    tokio::select! {
        () = region.ready() => {}
        () = drain.begun() => {}
    }
    let management = sockets.management.serve_on_current(
        admin(
            common,
            (&ledger, &region),
            (fleet, latency, caps),
            (purges, keeper.clone()),
        )?,
        drain,
    );
    let clients = sockets
        .clients
        .serve(files.before(region.factory()), drain)?;
    Ok(RegionRole {
        clients,
        management,
        links,
        ledger,
        region,
        limits: keeper,
        meter,
    })
}

/// Orders and renews certificates while this node leads.
fn keep_certificates(common: &Common, ledger: &Ledger, fleet: &Arc<Fleet>) -> anyhow::Result<()> {
    common.keep(acme::keep(acme::Parts {
        ledger: ledger.clone(),
        fleet: Arc::clone(fleet),
        metrics: acme::Metrics::register(&common.registry)?,
        drain: common.drain.clone(),
    }));
    Ok(())
}

fn driver(
    common: &Common,
    ledger: &Ledger,
    fleet: &Arc<Fleet>,
    region: &Arc<Region>,
) -> impl Future<Output = ()> + use<> {
    let driver = Driver {
        ledger: ledger.clone(),
        fleet: Arc::clone(fleet),
        region: Arc::clone(region),
        metrics: common.refusals.metrics.clone(),
        drain: common.drain.clone(),
    };
    driver.run()
}

/// All sockets of the role, opened before anything is joined or changed, so that what is wrong with
/// an address shows first.
struct Sockets {
    certificates: Arc<CertStore>,
    /// Of listeners for private networks: tickets of public ones do not open these.
    private_certificates: Arc<CertStore>,
    clients: BoundServer,
    management: BoundServer,
    secure_management: Management,
    links: Vec<link::Listener>,
}

impl Sockets {
    fn bind(settings: &Settings, section: &RegionSection, common: &Common) -> anyhow::Result<Self> {
        let workers = settings.worker_count();
        let certificates = Arc::new(policy::store(section.tls));
        let listeners = common::clients(
            (&section.http, &section.https),
            &certificates,
            (
                section.limits,
                common::h3(section.h3, section.alt_svc_max_age_s),
            ),
            section.proxy_protocol.as_ref(),
        );
        let private_certificates = Arc::new(policy::store(section.tls));
        let private = private::listeners(settings, section, &private_certificates)?;
        let listeners = listeners.into_iter().chain(private).collect();
        let clients = Server::bind(listeners, workers, &common.serve_metrics)
            .context("settings keys 'region.http', 'region.https' and 'private'")?;
        let secure_management = Management::new(settings, section)?;
        let listeners = secure_management.listeners();
        let management = Server::bind(listeners, 1, &common.serve_metrics)
            .context("settings keys 'region.management' and 'region.management_https'")?;
        let links = (0..workers)
            .map(|_| link::Listener::bind(settings.link.bind, common.context.clone()))
            .collect::<Result<Vec<_>, _>>()
            .context("settings key 'link.bind'")?;
        Ok(Self {
            certificates,
            private_certificates,
            clients,
            management,
            secure_management,
            links,
        })
    }
}

fn secure(management: Management, common: &Common, ledger: &Ledger) {
    common.keep(management.keep(ledger.clone(), own_region(common)));
}

/// What follows the ledger for as long as the node lives.
fn spawn_followers(
    common: &Common,
    ledger: &Ledger,
    region: &Arc<Region>,
    ((certificates, private), files): ((Arc<CertStore>, Arc<CertStore>), Files),
) {
    let drain = &common.drain;
    common.follow_served(region.revisions(), |revision| model::Revision(*revision));
    common.keep(directory::follow(
        ledger.config(),
        common.seeds.clone(),
        |config| directory::of_config(config),
    ));
    common.keep(follow_certificates(
        ledger.clone(),
        (certificates, false),
        files,
    ));
    let no_files = Files::default();
    common.keep(follow_certificates(
        ledger.clone(),
        (private, true),
        no_files,
    ));
    common.keep(membership::keep(ledger.clone(), drain.clone()));
    common.keep(membership::leave_when_told(
        ledger.config(),
        common.own,
        common.leaving.clone(),
    ));
    common.keep(common.control.clone().probe_all(
        common.own,
        common.seeds.subscribe(),
        // Only keeps the path warm: the ledger watches its own members.
        Arc::new(|_, _| ()),
        common.upkeep.clone(),
    ));
}

fn admin(
    common: &Common,
    (ledger, region): (&Ledger, &Arc<Region>),
    (fleet, latency, caps): (Arc<Fleet>, Arc<Latency>, Arc<Caps>),
    (caches, usage): (Arc<PurgeHub>, Arc<LimitKeeper>),
) -> anyhow::Result<Arc<dyn serve::Handler>> {
    let settings = admin::AdminSettings {
        region: own_region(common).into(),
        node: common.own,
    };
    let ports = admin::Ports {
        store: Arc::new(ledger.clone()),
        members: Arc::new(ledger.clone()),
        fleet: fleet.clone(),
        caches,
        usage,
        tokens: Arc::new(Mint {
            ledger: ledger.clone(),
        }),
        explain: Arc::new(Explainer {
            fleet,
            latency,
            caps,
        }),
        invoke: test_invoke::local(region),
    };
    Ok(admin::Admin::new(
        settings,
        ports,
        admin::Metrics::register(&common.registry)?,
    ))
}

fn own_region(common: &Common) -> String {
    common.credentials.current().identity().place.clone()
}

fn region_settings(
    (settings, section): (&Settings, &RegionSection),
    common: &Common,
    geo: Option<Arc<GeoDatabase>>,
) -> anyhow::Result<RegionSettings> {
    let aws = aws::follow(settings, common)?;
    let extra_ca_pem = section
        .backend_ca_file
        .as_ref()
        .map(|file| {
            std::fs::read(file).with_context(|| {
                format!("settings key 'region.backend_ca_file': {}", file.display())
            })
        })
        .transpose()?;
    let mut settings = RegionSettings::new(own_region(common), common.own.0);
    settings.limits = section.throttle.limits().unwrap_or_default();
    settings.upstreams.extra_ca_pem = extra_ca_pem;
    settings.viewers = geo.map(|geo| geo as Arc<dyn region::Viewers>);
    settings.upstreams.aws = aws;
    Ok(settings)
}

/// The control connections, as the ledger asks for them.
struct Peers(Arc<Control>);

impl ledger::PeerDirectory for Peers {
    fn peer(&self, node: NodeId, addr: std::net::SocketAddr) -> link::Peer {
        self.0.peer_at(node, addr)
    }
}

/// What POPs and DNS nodes subscribe to.
fn feed(common: &Common, ledger: &Ledger, fleet: &Arc<Fleet>) -> anyhow::Result<Arc<FeedServer>> {
    let live = Arc::clone(fleet);
    Ok(FeedServer::new(
        ledger.config(),
        live,
        &common.registry,
        common.drain.clone(),
    )?)
}

async fn open_ledger(
    settings: &Settings,
    section: &RegionSection,
    common: &Common,
) -> anyhow::Result<Ledger> {
    let folder = settings.data_dir.join("ledger");
    let wide = LedgerSettings::new(common.cluster.clone(), common.own, folder);
    let chosen = match section.raft {
        RaftClocks::Wide => wide,
        RaftClocks::Local => wide.local(),
    };
    let peers = Arc::new(Peers(common.control.clone()));
    Ok(Ledger::open(chosen, peers, &common.registry).await?)
}

/// Keeps the certificates of domains that are private, or of those that are not.
async fn follow_certificates(
    ledger: Ledger,
    (store, private): (Arc<CertStore>, bool),
    files: Files,
) {
    let mut config = ledger.config();
    drop(ledger);
    let mut installed = Vec::new();
    loop {
        let newest = Arc::clone(&config.borrow_and_update());
        // First, so that no name has a certificate before it has its policy.
        let named = newest.domains.values();
        policy::install(
            &store,
            named.map(|domain| (domain.name.as_str(), domain.security_policy)),
        );
        let served = |endpoint| (endpoint == model::EndpointType::Private) == private;
        let mut names = newest.served_names(served);
        let current: Vec<(Arc<model::Certificate>, Vec<String>)> = newest
            .certificates
            .values()
            .filter(|certificate| certificate.is_issued())
            .filter_map(|one| Some((Arc::clone(one), names.remove(&one.id)?)))
            .collect();
        if current != installed {
            let sources = current.iter().map(|(certificate, names)| Source {
                names,
                chain_der: &certificate.chain_der,
                key_der: &certificate.key_der,
                default: certificate.own,
            });
            certificates::install(&store, sources);
            installed = current;
        }
        files.install(&store, newest.acme.answers.values().flatten());
        if config.changed().await.is_err() {
            return;
        }
    }
}

impl RegionRole {
    /// The data plane, whose counts of rollouts are reported.
    pub(super) fn data_plane(&self) -> Arc<Region> {
        Arc::clone(&self.region)
    }

    pub(super) fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }

    pub(super) async fn ended(self) {
        self.clients.ended().await;
        self.management.ended().await;
        self.limits.store().await;
        // Threads end once their connections have; the drain's deadline bounds that.
        let links = self.links;
        let joined = tokio::task::spawn_blocking(move || {
            links
                .into_iter()
                .map(JoinHandle::join)
                .filter(Result::is_err)
                .count()
        });
        if let Ok(panicked @ 1..) = joined.await {
            tracing::error!(panicked, "link threads panicked");
        }
        self.ledger.shutdown().await;
    }
}
