//! A DNS node, put together: the received view and the regions' word on who lives feed the
//! responder.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use dns::{Dns, DnsSettings, Live, TransferAlgorithm, TransferKey};
use model::ZoneView;
use steer::{caps::Shares, latency::LatencyMap};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    common::Common,
    dns_secure::{Secure, follow_certificates},
    live,
};
use crate::{
    cluster::{
        caps, directory, latency,
        subscriber::{self, Subscriber, SubscriberParts},
    },
    geo::GeoDatabase,
    settings::{self, Dns as DnsSection, Settings},
};

/// A shorter secret can be guessed by who has seen a signed query (128 bits).
const SECRET_BYTES_MIN: usize = 16;

/// A DNS node that serves.
pub(super) struct DnsRole {
    serving: dns::Serving,
    secure: serve::Serving,
    _subscriber: Arc<Subscriber<ZoneView>>,
}

pub(super) async fn start(
    settings: &Settings,
    section: &DnsSection,
    common: &Common,
) -> anyhow::Result<DnsRole> {
    let (views, kept) = subscriber::last_known::<ZoneView>(settings, &common.refusals).await;
    let health = watch::Sender::new(Arc::new(Live::default()));
    let drain = common.drain.clone();
    let responder = Dns::new(
        responder_settings(section, common)?,
        views.subscribe(),
        health.subscribe(),
        &common.registry,
        ending(&drain),
    )?;
    let (map, shares) = follow_news(settings, common);
    let responder = responder.with_map(map).with_shares(shares);
    let secure = Secure::bind(settings, section, common, responder.answers())?;
    let bound = responder
        .bind(&section.bind, settings.worker_count())
        .context("settings key 'dns.bind'")?;

    common.keep(follow_certificates(
        views.subscribe(),
        Arc::clone(&secure.certificates),
    ));
    common.keep(directory::follow(
        views.subscribe(),
        common.seeds.clone(),
        |view| directory::of_places(view.regions.iter()),
    ));
    let reports = watch::Sender::new(None);
    common.keep(live::follow(
        reports.subscribe(),
        views.subscribe(),
        health,
        common.upkeep.clone(),
    ));
    common.keep(common.control.clone().probe_all(
        common.own,
        common.seeds.subscribe(),
        // Only keeps the path warm: who lives is told by manifests.
        Arc::new(|_, _| ()),
        common.upkeep.clone(),
    ));
    let serving = bound.serve()?;
    let mut installed = serving.installed();
    common.follow_served(serving.installed(), |revision| *revision);
    let subscriber = Subscriber::start(
        views,
        kept,
        SubscriberParts {
            control: common.control.clone(),
            seeds: common.seeds.subscribe(),
            served: common.served.subscribe(),
            live: reports,
            refusals: common.refusals.clone(),
            drain: common.upkeep.clone(),
        },
    )?;
    tokio::select! {
        first = installed.wait_for(|revision| revision.0 > 0) => drop(first),
        () = drain.begun() => {}
    }
    let secure = secure.serve(&drain)?;
    Ok(DnsRole {
        serving,
        secure,
        _subscriber: subscriber,
    })
}

/// A token that is cancelled when the drain begins.
fn ending(drain: &serve::Drain) -> CancellationToken {
    let ending = CancellationToken::new();
    let (token, begun) = (ending.clone(), drain.clone());
    drain.spawn(async move {
        begun.begun().await;
        token.cancel();
    });
    ending
}

fn responder_settings(section: &DnsSection, common: &Common) -> anyhow::Result<DnsSettings> {
    Ok(DnsSettings {
        alpn: section.alpn.clone(),
        id: section
            .nsid
            .clone()
            .unwrap_or_else(|| format!("node-{}", common.own)),
        rate_s: section.rate_s,
        rate_exempt: section
            .rate_exempt
            .clone()
            .unwrap_or_else(|| DnsSettings::default().rate_exempt),
        cookie_secret: cookie_secret(section)?,
        transfer_keys: section
            .transfer_keys
            .iter()
            .map(|key| Ok(Arc::new(transfer_key(key)?)))
            .collect::<anyhow::Result<_>>()?,
        geo: GeoDatabase::open("dns.geo_database", section.geo_database.as_deref())?
            .map(|geo| geo as Arc<dyn dns::Geo>),
        ..DnsSettings::default()
    })
}

fn cookie_secret(section: &DnsSection) -> anyhow::Result<[u8; 16]> {
    let Some(text) = &section.cookie_secret else {
        return Ok(rand::random());
    };
    let plain = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let value = plain.then(|| u128::from_str_radix(text, 16).ok()).flatten();
    let value = value.context("settings key 'dns.cookie_secret' is not 32 hexadecimal digits")?;
    Ok(value.to_be_bytes())
}

fn transfer_key(key: &settings::TransferKey) -> anyhow::Result<TransferKey> {
    let at = || format!("settings key 'dns.transfer_keys', key '{}'", key.name);
    let algorithm = TransferAlgorithm::named(&key.algorithm)
        .with_context(|| format!("{}: no algorithm '{}'", at(), key.algorithm))?;
    let secret = STANDARD.decode(&key.secret);
    let secret = secret.with_context(|| format!("{}: the secret is not base64", at()))?;
    if secret.len() < SECRET_BYTES_MIN {
        bail!(
            "{}: the secret has less than {SECRET_BYTES_MIN} bytes",
            at()
        );
    }
    TransferKey::new(&key.name, algorithm, &secret, &key.zones).with_context(at)
}

/// The latency map and the shares on disk, and each newer ones that a region has.
fn follow_news(
    settings: &Settings,
    common: &Common,
) -> (
    watch::Receiver<Arc<LatencyMap>>,
    watch::Receiver<Arc<Shares>>,
) {
    let maps = watch::Sender::new(Arc::new(latency::last_map(&settings.data_dir)));
    let shares = watch::Sender::new(Arc::new(caps::last_shares(&settings.data_dir)));
    let both = (maps.subscribe(), shares.subscribe());
    common.drain.spawn(latency::follow_news(
        (maps, shares),
        settings.data_dir.clone(),
        common.control.clone(),
        common.seeds.subscribe(),
        common.drain.clone(),
    ));
    both
}

impl DnsRole {
    pub(super) async fn ended(self) {
        self.serving.ended().await;
        self.secure.ended().await;
    }
}
