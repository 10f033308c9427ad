//! What a DNS node answers: zones, fixed records, and the names whose addresses are chosen per
//! client.
//!
//! A `ZoneView` compiles into a `ZonePlan`, in which a question's name is found with a few hash
//! look-ups, whatever the number of APIs. The names of APIs are not written out per region: below
//! `execute-api.{region}.{base}` a label is looked up among all APIs. Choosing addresses is
//! `steer`'s, encoding messages `dns`'s; nothing here knows a message.

mod compile;
pub mod key;
mod name;

#[cfg(test)]
mod tests;

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use model::{Place, Prior, Revision, ZoneView};

use crate::Diagnostic;
use name::NameMap;
pub use name::{NAME_BYTES_MAX, NameError, WireName, split_label, suffixes};

/// TTL of SOA records in answers. Negative answers carry `NEGATIVE_TTL_S`.
pub const SOA_TTL_S: u32 = 300;
/// TTL of the NS records we make and of their addresses: long, since they only change with nodes.
pub const NS_TTL_S: u32 = 3_600;
/// How long a resolver may remember that something is not there: a new API's name may have been
/// asked for before it was made, so not longer than a steered answer.
pub const NEGATIVE_TTL_S: u32 = 60;
/// SOA timers. Nobody transfers these zones (configuration travels by the feed), so they only have
/// to be values that checkers find reasonable (RFC 1912, section 2.2).
const SOA_REFRESH_S: u32 = 3_600;
const SOA_RETRY_S: u32 = 600;
const SOA_EXPIRE_S: u32 = 1_209_600;
/// The number of type DS.
pub const DS: u16 = 43;
/// Records of one name and type; more would not fit even over TCP.
pub const RRSET_MAX: usize = 256;

/// Everything a DNS node answers from.
#[derive(Clone, Debug, Default)]
pub struct ZonePlan {
    /// Of the configuration it was compiled from.
    pub revision: Revision,
    /// POPs with their names; `Reach::Pops` means these.
    pub pops: Vec<(String, Place)>,
    /// Regions with their names; `Reach::Region` counts in these.
    pub regions: Vec<(String, Place)>,
    /// Where clients are taken to be.
    pub priors: Vec<Arc<Prior>>,
    zones: Vec<Zone>,
    names: NameMap<WireName, Node>,
    /// Texts of TXT records that answer ACME challenges; each name is in `names` too.
    challenges: NameMap<WireName, Vec<String>>,
    /// First labels below `execute-api.{region}.{base}`: APIs and targets of custom domains.
    hosts: NameMap<Box<[u8]>, Host>,
    /// Labels of the longest name in `names`: no ancestor with more can be there.
    labels_max: usize,
}

/// A zone that we are authoritative for.
#[derive(Clone, Debug)]
pub struct Zone {
    /// Its name.
    pub apex: WireName,
    /// Its start of authority.
    pub soa: Soa,
    /// Keys that sign it, if it is signed.
    pub keys: Vec<model::ZoneKey>,
}

/// The content of an SOA record.
#[derive(Clone, Debug)]
pub struct Soa {
    /// `ns1.{base}`.
    pub mname: WireName,
    /// `hostmaster.{base}`.
    pub rname: WireName,
    /// The configuration's revision, modulo 2^32.
    pub serial: u32,
    /// Seconds.
    pub refresh_s: u32,
    /// Seconds.
    pub retry_s: u32,
    /// Seconds.
    pub expire_s: u32,
    /// TTL of negative answers, seconds.
    pub negative_s: u32,
}

/// A name that exists in a zone. It may hold nothing (an empty non-terminal).
#[derive(Clone, Debug, Default)]
pub struct Node {
    /// Name servers: of the zone at its apex, else of a delegated part.
    pub name_servers: Option<NameServers>,
    /// The name it stands for; then it holds nothing else.
    pub alias: Option<Alias>,
    /// Its addresses.
    pub addresses: Addresses,
    /// Everything else that is configured for it, by type.
    pub others: Vec<RecordSet>,
    /// The index of its zone.
    zone: usize,
    /// It is the zone's own name.
    pub apex: bool,
    /// The uppermost delegation at or above it, within the zone.
    cut: Option<WireName>,
    /// APIs' names are below it, with addresses in this region.
    hosts: Option<usize>,
    /// `*` below it.
    wildcard: Option<Box<Self>>,
}

/// NS records of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameServers {
    /// Seconds.
    pub ttl_s: u32,
    /// At least one.
    pub names: Vec<WireName>,
}

/// A CNAME record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// Seconds.
    pub ttl_s: u32,
    /// The name it stands for.
    pub target: WireName,
}

/// Records of one name and type that are answered as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSet {
    /// The type's number.
    pub kind: u16,
    /// Seconds.
    pub ttl_s: u32,
    /// Each in wire form, without compression and with lower-case names. At least one.
    pub data: Vec<Box<[u8]>>,
}

/// Addresses of a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Addresses {
    /// It has none.
    #[default]
    None,
    /// As configured.
    Fixed(FixedAddresses),
    /// Chosen per client.
    Steered(Steered),
}

/// A and AAAA records as configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FixedAddresses {
    /// TTL of the A records, seconds.
    pub v4_ttl_s: u32,
    /// A records.
    pub v4: Vec<Ipv4Addr>,
    /// TTL of the AAAA records, seconds.
    pub v6_ttl_s: u32,
    /// AAAA records.
    pub v6: Vec<Ipv6Addr>,
}

/// Addresses that are chosen per client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steered {
    /// Among which places.
    pub to: Reach,
    /// Whether IPv6 addresses are answered.
    pub dualstack: bool,
}

/// Places among which one is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All POPs.
    Pops,
    /// All regions.
    Regions,
    /// This region.
    Region(usize),
}

/// What a name leads to.
#[derive(Clone, Copy, Debug)]
pub enum Found<'a> {
    /// It is in none of our zones.
    Outside,
    /// It does not exist.
    Missing(&'a Zone),
    /// It is in a part of the zone that is delegated to others.
    Delegated {
        /// Our zone.
        zone: &'a Zone,
        /// The name where the other zone begins.
        cut: &'a WireName,
        /// Who serves it.
        name_servers: &'a NameServers,
        /// The keys that sign it (type DS), if it is signed.
        keys: Option<&'a RecordSet>,
    },
    /// It is there.
    Node(&'a Zone, &'a Node),
    /// It is an API's default endpoint or a custom domain's target.
    Host(&'a Zone, Steered),
}

/// An API or a target of a custom domain.
#[derive(Clone, Copy, Debug)]
struct Host {
    /// None: the region in the asked name.
    to: Option<Reach>,
    dualstack: bool,
}

impl ZonePlan {
    /// Compiles a view. What cannot be served is left out and named by a diagnostic.
    #[must_use]
    pub fn compile(view: &ZoneView) -> (Self, Vec<Diagnostic>) {
        compile::compile(view)
    }

    /// Our zones, sorted by name.
    #[must_use]
    pub fn zones(&self) -> &[Zone] {
        &self.zones
    }

    /// Looks up a name, given in wire form and lower case.
    ///
    /// Follows RFC 1034, section 4.3.2, and RFC 4592: the closest ancestor that exists decides
    /// what becomes of a name that does not.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Found<'_> {
        let labels = suffixes(name).count();
        let skipped = labels.saturating_sub(self.labels_max);
        let mut known = suffixes(name).enumerate().skip(skipped);
        let closest = known
            .find_map(|(above, suffix)| self.names.get(suffix).map(|node| (above, suffix, node)));
        let Some((above, ancestor, node)) = closest else {
            return Found::Outside;
        };
        let Some(zone) = self.zones.get(node.zone) else {
            return Found::Outside;
        };
        if let Some(cut) = &node.cut
            && let Some(at) = self.node(cut)
            && let Some(name_servers) = at.name_servers.as_ref()
        {
            return Found::Delegated {
                zone,
                cut,
                name_servers,
                keys: at.others(DS),
            };
        }
        if above == 0 {
            return Found::Node(zone, node);
        }
        if let Some(region) = node.hosts
            && above == 1
        {
            return self
                .host(name, region)
                .map_or(Found::Missing(zone), |steered| Found::Host(zone, steered));
        }
        match node.wildcard.as_deref() {
            // A custom domain's wildcard stands for one label, as in its certificate.
            Some(wild) if above == 1 || !wild.is_steered() => Found::Node(zone, wild),
            _ => {
                debug_assert!(ancestor.len() < name.len(), "an ancestor is shorter");
                Found::Missing(zone)
            }
        }
    }

    /// Texts of the TXT records that answer ACME challenges at a name in wire form and lower case;
    /// at most 255 bytes each.
    #[must_use]
    pub fn challenges(&self, name: &[u8]) -> &[String] {
        self.challenges.get(name).map_or(&[], Vec::as_slice)
    }

    /// Fixed addresses of a name, for the additional section.
    #[must_use]
    pub fn glue(&self, name: &WireName) -> Option<&FixedAddresses> {
        match &self.node(name)?.addresses {
            Addresses::Fixed(addresses) => Some(addresses),
            Addresses::None | Addresses::Steered(_) => None,
        }
    }

    /// What a name of ours holds, if it is one.
    #[must_use]
    pub fn node(&self, name: &WireName) -> Option<&Node> {
        self.names.get(name.as_bytes())
    }

    /// All names in a zone, sorted, with those of our zones right below it: there, the zone holds
    /// the delegation.
    #[must_use]
    pub fn names_of(&self, zone: &Zone) -> Vec<WireName> {
        let index = self.zones.iter().position(|one| one.apex == zone.apex);
        let parent = |name: &WireName| match self.find(name.parent()?.as_bytes()) {
            Found::Missing(above) | Found::Node(above, _) => Some(&above.apex),
            Found::Outside | Found::Delegated { .. } | Found::Host(..) => None,
        };
        let is_of = |name: &WireName, node: &Node| {
            Some(node.zone) == index || node.apex && parent(name) == Some(&zone.apex)
        };
        let names = self.names.iter().filter(|(name, node)| is_of(name, node));
        let mut names: Vec<WireName> = names.map(|(name, _)| name.clone()).collect();
        names.sort();
        names
    }

    fn host(&self, name: &[u8], region: usize) -> Option<Steered> {
        let (label, _) = split_label(name)?;
        let host = self.hosts.get(label)?;
        let to = host.to.unwrap_or(Reach::Region(region));
        Some(Steered {
            to,
            dualstack: host.dualstack,
        })
    }
}

impl Node {
    /// Its fixed records of a type that has no field of its own.
    #[must_use]
    pub fn others(&self, kind: u16) -> Option<&RecordSet> {
        self.others.iter().find(|set| set.kind == kind)
    }

    fn is_steered(&self) -> bool {
        matches!(self.addresses, Addresses::Steered(_))
    }
}
