//! A region node's way in for private networks: listeners of private endpoints, and the resolver
//! views that answer the names which lead there (docs/operations/private.md).
//!
//! The listeners are served by the same workers and the same pipeline as public ones; what makes
//! them private is that every connection carries the endpoint it came by, which only these doors
//! can say. What an endpoint may do is configuration, not settings.

use std::sync::Arc;

use anyhow::Context as _;
use dns::{PrivateDns, PrivateView};
use ledger::Ledger;
use plan::region::private_addresses;
use serve::{CertStore, ClientRoots, Door, Endpoints, ListenerSettings};
use tokio_util::sync::CancellationToken;

use super::common::{self, Common};
use crate::settings::{Private, Region as RegionSection, Settings};

/// The listeners that the settings ask for.
pub(super) fn listeners(
    settings: &Settings,
    section: &RegionSection,
    certificates: &Arc<CertStore>,
) -> anyhow::Result<Vec<ListenerSettings>> {
    let mut listeners = Vec::new();
    for one in &settings.private {
        let limits = common::limits(section.limits);
        let listener = |kind: &str, addrs: &[_], tls, door| ListenerSettings {
            name: format!("{kind}-{}", one.name()),
            addrs: addrs.to_vec(),
            tls,
            h3: None,
            protocol: None,
            door,
            limits: limits.clone(),
        };
        let door = door(one);
        if !one.http.is_empty() {
            listeners.push(listener("private", &one.http, None, door.clone()));
        }
        if !one.https.is_empty() {
            let door = Door {
                client_roots: client_roots(one)?,
                ..door
            };
            let tls = Some(Arc::clone(certificates));
            listeners.push(listener("private-https", &one.https, tls, door));
        }
    }
    Ok(listeners)
}

fn door(one: &Private) -> Door {
    let mut endpoints = Endpoints {
        own: one.endpoint_id.as_deref().map(Into::into),
        ..Endpoints::default()
    };
    if let Some(proxy) = &one.proxy_protocol {
        let named = proxy.endpoint_ids.iter().map(|id| id.as_str().into());
        endpoints.named = named.collect();
        let links = proxy.azure_links.iter();
        // Settings have been checked: every key is a number.
        let links = links.filter_map(|(link, id)| Some((link.parse().ok()?, id.as_str().into())));
        endpoints.azure = links.collect();
    }
    Door {
        device: one.interface.clone(),
        allowed: one.allowed_cidrs.clone(),
        proxy: one.proxy_protocol.as_ref().map(|proxy| proxy.door()),
        private: Some(endpoints),
        client_roots: None,
    }
}

fn client_roots(one: &Private) -> anyhow::Result<Option<ClientRoots>> {
    let Some(file) = &one.client_ca_file else {
        return Ok(None);
    };
    let at = || format!("settings key 'private.client_ca_file': {}", file.display());
    let text = std::fs::read(file).with_context(at)?;
    ClientRoots::from_pem(&text).map(Some).with_context(at)
}

/// Opens the resolver views, and answers until the drain begins.
pub(super) fn answer_names(
    settings: &Settings,
    common: &Common,
    ledger: &Ledger,
) -> anyhow::Result<()> {
    let asked = settings.private.iter().filter(|one| !one.dns.is_empty());
    let views: Vec<PrivateView> = asked.filter_map(|one| view(one, ledger)).collect();
    if views.is_empty() {
        return Ok(());
    }
    let at = "settings key 'private.dns'";
    let bound = PrivateDns::bind(views, &common.registry).context(at)?;
    let ending = CancellationToken::new();
    let tasks = bound.serve(&ending).context(at)?;
    let drain = common.drain.clone();
    common.drain.spawn(async move {
        drain.begun().await;
        ending.cancel();
        tasks.wait().await;
    });
    Ok(())
}

fn view(one: &Private, ledger: &Ledger) -> Option<PrivateView> {
    let id = one.endpoint_id.clone()?;
    let (config, own) = (ledger.config(), id.clone());
    Some(PrivateView {
        name: id,
        addrs: one.dns.clone(),
        device: one.interface.clone(),
        allowed: one.allowed_cidrs.clone(),
        forward: one.dns_forward.clone(),
        // Asked of the newest configuration, name by name: nothing has to be kept for it.
        names: Arc::new(move |name| {
            let config = config.borrow();
            private_addresses(&config, &own, name).map(<[_]>::to_vec)
        }),
    })
}
