//! A POP, put together: the received view feeds the edge role, whose plans feed the certificate
//! store and the acknowledgements.

use std::{sync::Arc, thread::JoinHandle};

use anyhow::Context as _;
use edge::{Edge, EdgeParts, EdgeSettings};
use model::EdgeView;
use serve::{CertStore, Server, Serving};
use tokio::sync::watch;

use super::{
    certificates::{self, Source},
    challenges::Files,
    common::{self, Common},
    policy, relaying,
};
use crate::{
    cluster::{
        directory, latency,
        load::{Capped, Meter},
        purge,
        subscriber::{self, Subscriber, SubscriberParts},
    },
    settings::{Pop, Relay, Settings},
};

/// A POP that serves.
pub(super) struct PopRole {
    serving: Serving,
    _subscriber: Arc<Subscriber<EdgeView>>,
    _edge: Arc<Edge>,
    meter: Arc<Meter>,
    /// Serves other POPs.
    link: Option<JoinHandle<()>>,
}

fn listeners(pop: &Pop, certificates: &Arc<CertStore>) -> Vec<serve::ListenerSettings> {
    let h3 = common::h3(pop.h3, pop.alt_svc_max_age_s);
    let (addrs, proxy) = ((&*pop.http, &*pop.https), pop.proxy_protocol.as_ref());
    common::clients(addrs, certificates, (pop.limits, h3), proxy)
}

pub(super) async fn start(
    settings: &Settings,
    pop: &Pop,
    common: &Common,
) -> anyhow::Result<PopRole> {
    let certificates = Arc::new(policy::store(pop.tls));
    let clients = listeners(pop, &certificates);
    let bound = Server::bind(clients, settings.worker_count(), &common.serve_metrics)
        .context("settings keys 'pop.http' and 'pop.https'")?;
    let listener = relaying::bind(settings, pop, common)?;

    let (views, kept) = subscriber::last_known::<EdgeView>(settings, &common.refusals).await;
    let edge = edge(settings, pop, common, views.subscribe())?;
    common.follow_served(edge.plans(), |plan| plan.revision());
    let link = relaying::start(listener, &edge, common, views.subscribe())?;
    let drain = common.drain.clone();
    let files = Files::default();
    common.keep(follow_certificates(
        Arc::clone(&edge),
        certificates,
        files.clone(),
    ));
    common.keep(directory::follow(
        views.subscribe(),
        common.seeds.clone(),
        |view| directory::of_places(view.regions.iter()),
    ));
    drain.spawn(latency::report_samples(
        Arc::clone(&edge),
        common.own,
        common.control.clone(),
        common.seeds.subscribe(),
        drain.clone(),
    ));
    let observer = Arc::clone(&edge);
    common.keep(common.control.clone().probe_all(
        common.own,
        common.seeds.subscribe(),
        Arc::new(move |node, outcome| observer.observe(node, &outcome)),
        common.upkeep.clone(),
    ));
    common.keep(purge::listen(
        Arc::clone(&edge),
        common.control.clone(),
        common.seeds.subscribe(),
        common.upkeep.clone(),
    ));
    let subscriber = Subscriber::start(
        views,
        kept,
        SubscriberParts {
            control: common.control.clone(),
            seeds: common.seeds.subscribe(),
            served: common.served.subscribe(),
            live: watch::Sender::new(None),
            refusals: common.refusals.clone(),
            drain: common.upkeep.clone(),
        },
    )?;

    // Clients are served once there is something to serve them from.
    let mut plans = edge.plans();
    tokio::select! {
        installed = plans.wait_for(|plan| plan.revision().0 > 0) => drop(installed),
        () = drain.begun() => {}
    }
    let serving = bound.serve(files.before(edge.factory()), &drain)?;
    Ok(PopRole {
        serving,
        meter: meter(pop, &edge, &common.serve_metrics),
        _subscriber: subscriber,
        _edge: edge,
        link,
    })
}

/// How full the POP is, by its own caps.
fn meter(pop: &Pop, edge: &Arc<Edge>, clients: &serve::Metrics) -> Arc<Meter> {
    let (edge, open) = (
        Arc::clone(edge),
        clients.connections_open(&["http", "https"]),
    );
    Arc::new(Meter::new(vec![
        Capped::PerSecond {
            read: Box::new(move || edge.requests()),
            cap: pop.load_cap.rps,
        },
        Capped::Level {
            read: Box::new(open),
            cap: pop.load_cap.connections,
        },
    ]))
}

fn edge(
    settings: &Settings,
    pop: &Pop,
    common: &Common,
    views: watch::Receiver<Arc<EdgeView>>,
) -> anyhow::Result<Arc<Edge>> {
    let name = common.credentials.current().identity().place.clone();
    let mut edge_settings = EdgeSettings::new(name, settings.worker_count());
    edge_settings.cache_bytes = pop.cache_bytes;
    edge_settings.compress = pop.compress;
    edge_settings.debug_headers = pop.debug_headers;
    edge_settings.relay = pop.relay == Relay::Auto;
    let parts = EdgeParts {
        views,
        link: common.context.clone(),
        registry: &common.registry,
        drain: common.drain.clone(),
    };
    Ok(Edge::new(edge_settings, parts)?)
}

async fn follow_certificates(edge: Arc<Edge>, store: Arc<CertStore>, files: Files) {
    let mut plans = edge.plans();
    drop(edge);
    let mut last = Arc::default();
    loop {
        let plan = Arc::clone(&plans.borrow_and_update());
        // Nearly no change alters them, and there may be thousands of keys to read.
        if !plan.has_certificates_of(&last) {
            // First, so that no name has a certificate before it has its policy.
            policy::install(&store, plan.security_policies());
            let sources = plan.certificates().map(|certificate| Source {
                names: &certificate.names,
                chain_der: &certificate.chain_der,
                key_der: &certificate.key_der,
                default: certificate
                    .names
                    .iter()
                    .any(|name| name.starts_with("*.execute-api.")),
            });
            certificates::install(&store, sources);
        }
        last = Arc::clone(&plan);
        files.install(&store, plan.challenges());
        if plans.changed().await.is_err() {
            return;
        }
    }
}

impl PopRole {
    pub(super) fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }

    pub(super) async fn ended(self) {
        self.serving.ended().await;
        if let Some(link) = self.link {
            // It ends once its connections have; the drain's deadline bounds that.
            let joined = tokio::task::spawn_blocking(move || link.join().is_err());
            if let Ok(true) = joined.await {
                tracing::error!("the thread for other POPs panicked");
            }
        }
    }
}
