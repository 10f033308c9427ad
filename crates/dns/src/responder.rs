//! From a query's bytes to the answer's bytes, by one configuration and the health of its nodes.
//!
//! Pure: no socket, no clock, no randomness. A new configuration or a change of health makes a new
//! `Responder`, which the workers pick up between two queries.

mod answer;
mod asked;
mod steered;

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use hickory_proto::{
    op::ResponseCode,
    rr::{DNSClass, RecordType},
};
use plan::zone::{Addresses, Found, NS_TTL_S, Node, RecordSet, SOA_TTL_S, Steered, Zone, ZonePlan};
use steer::{caps::Shares, latency::LatencyMap, place::Priors};

use crate::{
    Live,
    charts::Charts,
    data::Data,
    denying::{missing, nothing, vouch},
    dnssec::{NSEC, NXNAME, RRSIG, Signers},
    geo::Geo,
    identity::Identity,
    place::Places,
    reply::{Reply, Section},
    servers::name_them,
    service::Alpn,
    settings::ALIASES_MAX,
    verdict::Spill,
};

pub(crate) use self::{asked::Asked, steered::Chosen};

/// TTL of answers to ACME challenges: each is asked for once or twice, and then never again.
const CHALLENGE_TTL_S: u32 = 1;

/// Answers queries.
#[derive(Debug, Default)]
pub struct Responder {
    pub(crate) plan: Arc<ZonePlan>,
    priors: Arc<Priors>,
    pub(crate) places: Places,
    /// None until there is a map.
    charts: Option<Charts>,
    geo: Option<Arc<dyn Geo>>,
    pub(crate) ttl_s: u32,
    pub(crate) alpn: Arc<Alpn>,
    pub(crate) signers: Arc<Signers>,
    identity: Arc<Identity>,
}

/// What a steered answer was.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Given {
    pub(crate) fallback: bool,
    pub(crate) explores: bool,
    pub(crate) spilled: Option<Spill>,
}

impl Responder {
    /// Puts a plan together with the health of its nodes. `ttl_s` is that of steered answers.
    #[must_use]
    pub fn new(plan: Arc<ZonePlan>, priors: Arc<Priors>, live: &Live, ttl_s: u32) -> Self {
        let places = Places::of(&plan.pops, &plan.regions, live);
        Self {
            plan,
            priors,
            places,
            charts: None,
            geo: None,
            ttl_s,
            alpn: Arc::default(),
            signers: Arc::default(),
            identity: Arc::default(),
        }
    }

    /// Says who we are, and gives out cookies.
    #[must_use]
    pub(crate) fn with_identity(mut self, identity: Arc<Identity>) -> Self {
        self.identity = identity;
        self
    }

    /// Signs the answers of zones with keys.
    #[must_use]
    pub(crate) fn with_signers(mut self, signers: Arc<Signers>) -> Self {
        self.signers = signers;
        self
    }

    /// Names the protocols that places speak, for HTTPS records; without any there are none.
    #[must_use]
    pub(crate) fn with_alpn(mut self, alpn: Arc<Alpn>) -> Self {
        self.alpn = alpn;
        self
    }

    /// Asks `geo` where clients are of whom the configuration says nothing.
    #[must_use]
    pub fn with_geo(self, geo: Option<Arc<dyn Geo>>) -> Self {
        Self { geo, ..self }
    }

    /// Has places take no more than their shares of the clients. Comes before the map.
    #[must_use]
    pub(crate) fn with_shares(mut self, shares: &Shares) -> Self {
        self.places.share_out(shares);
        self
    }

    /// The place that an answer has passed on clients of, for metrics.
    pub(crate) fn spilling(&self, spill: Spill) -> Option<(&'static str, &str)> {
        let name = self.places.name(spill.kind, spill.index)?;
        Some((spill.kind.as_str(), name))
    }

    /// Steers edge names by `map` from now on; by coordinates alone if it is empty.
    #[must_use]
    pub fn with_map(mut self, map: &LatencyMap) -> Self {
        let of = || Charts::of(map, &self.plan, &self.places);
        self.charts = (map.epoch > 0).then(of);
        self
    }

    pub(crate) fn resolve(&self, asked: &Asked<'_>, reply: &mut Reply<'_, '_>) -> Given {
        match asked.kind {
            _ if asked.question.class != u16::from(DNSClass::IN) => {
                reply.set_code(ResponseCode::Refused);
            }
            // A question for the pseudo-record.
            RecordType::OPT => reply.set_code(ResponseCode::FormErr),
            // Only ever in the list of types of a missing name (RFC 9824, section 3.5).
            _ if asked.question.kind == NXNAME => reply.set_code(ResponseCode::FormErr),
            // Only for holders of a key, who are answered before this.
            RecordType::AXFR | RecordType::IXFR => reply.set_code(ResponseCode::Refused),
            // Mail types of RFC 1035 and transaction signatures: not data.
            _ if (249..=254).contains(&asked.question.kind) => {
                reply.set_code(ResponseCode::NotImp);
            }
            _ => return self.follow(asked, reply),
        }
        Given::default()
    }

    fn follow(&self, asked: &Asked<'_>, reply: &mut Reply<'_, '_>) -> Given {
        let mut name = asked.question.name();
        for followed in 0..=ALIASES_MAX {
            match self.plan.find(name) {
                Found::Outside if followed == 0 => reply.set_code(ResponseCode::Refused),
                // The client goes on by itself, at others' servers.
                Found::Outside => {}
                Found::Missing(zone) => {
                    self.sign_as(zone, reply);
                    missing(name, zone, reply);
                }
                Found::Delegated {
                    zone, cut, keys, ..
                } if asked.kind == RecordType::DS && cut.as_bytes() == name => {
                    self.sign_as(zone, reply);
                    // This type belongs to the parent's side (RFC 4035, section 3.1.4.1).
                    match keys {
                        Some(set) => fixed(name, set, reply),
                        None => nothing(asked, name, zone, [RecordType::NS.into()], reply),
                    }
                }
                Found::Delegated {
                    zone,
                    cut,
                    name_servers,
                    keys,
                } => {
                    if followed == 0 {
                        self.sign_as(zone, reply);
                        name_them(cut.as_bytes(), name_servers, Section::Authority, reply);
                        vouch(cut.as_bytes(), keys, zone, reply);
                        self.glue(name_servers, Section::Glue, reply);
                    }
                }
                Found::Node(zone, node) if asked.kind == RecordType::DS && node.apex => {
                    self.key_of_part(asked, name, zone, reply);
                }
                Found::Node(zone, node) => match &node.alias {
                    // Of these two, an alias has its own.
                    Some(_) if matches!(u16::from(asked.kind), NSEC | RRSIG) => {
                        self.sign_as(zone, reply);
                        nothing(asked, name, zone, [RecordType::CNAME.into()], reply);
                    }
                    Some(alias) => {
                        self.sign_as(zone, reply);
                        reply.set_authoritative();
                        let target = alias.target.as_bytes();
                        reply.add(Section::Answer, name, alias.ttl_s, Data::Cname(target));
                        if !matches!(asked.kind, RecordType::CNAME | RecordType::ANY) {
                            name = target;
                            continue;
                        }
                    }
                    None => return self.node(asked, name, (zone, node), reply),
                },
                Found::Host(zone, steered) => {
                    self.sign_as(zone, reply);
                    return self.steered(asked, name, (zone, steered), reply);
                }
            }
            break;
        }
        Given::default()
    }

    /// Answers from a name that is there and no alias.
    fn node(
        &self,
        asked: &Asked<'_>,
        name: &[u8],
        (zone, node): (&Zone, &Node),
        reply: &mut Reply<'_, '_>,
    ) -> Given {
        self.sign_as(zone, reply);
        if node.apex && self.keys(asked, name, zone, reply) {
            return Given::default();
        }
        if asked.kind == RecordType::TXT && self.challenges(name, node, reply) {
            return Given::default();
        }
        if asked.kind != RecordType::ANY
            && let Some(set) = node.others(asked.kind.into())
        {
            fixed(name, set, reply);
            return Given::default();
        }
        match (asked.kind, &node.addresses, &node.name_servers) {
            (RecordType::SOA, ..) if node.apex => {
                reply.set_authoritative();
                reply.add(Section::Answer, name, SOA_TTL_S, Data::Soa(&zone.soa));
            }
            (RecordType::NS, _, Some(name_servers)) => {
                reply.set_authoritative();
                name_them(name, name_servers, Section::Answer, reply);
                self.glue(name_servers, Section::Extra, reply);
            }
            (_, Addresses::Steered(steered), _) if asked.wants_addresses() => {
                return self.steered(asked, name, (zone, *steered), reply);
            }
            (RecordType::A, Addresses::Fixed(fixed), _) if !fixed.v4.is_empty() => {
                addresses(name, fixed.v4_ttl_s, fixed.v4.iter().copied(), reply);
            }
            (RecordType::AAAA, Addresses::Fixed(fixed), _) if !fixed.v6.is_empty() => {
                addresses(name, fixed.v6_ttl_s, fixed.v6.iter().copied(), reply);
            }
            (RecordType::ANY, addresses, _)
                if node.apex
                    || !node.others.is_empty()
                    || !matches!(addresses, Addresses::None) =>
            {
                any(name, reply);
            }
            _ => {
                let types = self.types(name, zone, node);
                nothing(asked, name, zone, types, reply);
            }
        }
        Given::default()
    }

    /// Adds the records that answer ACME challenges at `name`, with those that are configured for
    /// it: they are one set, of one TTL. False if there is no challenge.
    fn challenges(&self, name: &[u8], node: &Node, reply: &mut Reply<'_, '_>) -> bool {
        let texts = self.plan.challenges(name);
        let own = node.others(RecordType::TXT.into());
        for data in own.into_iter().flat_map(|set| &set.data) {
            if !texts.is_empty() {
                let data = Data::Raw(RecordType::TXT.into(), data);
                reply.add(Section::Answer, name, CHALLENGE_TTL_S, data);
            }
        }
        for text in texts {
            reply.set_authoritative();
            let data = Data::Challenge(text);
            reply.add(Section::Answer, name, CHALLENGE_TTL_S, data);
        }
        !texts.is_empty()
    }

    /// Answers with the addresses of the place that suits the client.
    fn steered(
        &self,
        asked: &Asked<'_>,
        name: &[u8],
        (zone, steered): (&Zone, Steered),
        reply: &mut Reply<'_, '_>,
    ) -> Given {
        let given = match asked.kind {
            RecordType::A => self.place::<Ipv4Addr>(asked, name, steered, reply),
            RecordType::AAAA if steered.dualstack => {
                self.place::<Ipv6Addr>(asked, name, steered, reply)
            }
            RecordType::HTTPS => self.service(asked, name, steered, reply),
            RecordType::ANY => {
                any(name, reply);
                Some(Given::default())
            }
            _ => None,
        };
        given.unwrap_or_else(|| {
            let types = match self.plan.find(name) {
                Found::Node(zone, node) => self.types(name, zone, node),
                _ => self.steered_types(steered),
            };
            nothing(asked, name, zone, types, reply);
            Given::default()
        })
    }
}

fn fixed(name: &[u8], set: &RecordSet, reply: &mut Reply<'_, '_>) {
    reply.set_authoritative();
    for data in &set.data {
        reply.add(Section::Answer, name, set.ttl_s, Data::Raw(set.kind, data));
    }
}

fn any(name: &[u8], reply: &mut Reply<'_, '_>) {
    reply.set_authoritative();
    reply.add(Section::Answer, name, NS_TTL_S, Data::Any);
}

fn addresses<A: Into<Data<'static>>>(
    name: &[u8],
    ttl_s: u32,
    addresses: impl Iterator<Item = A>,
    reply: &mut Reply<'_, '_>,
) {
    reply.set_authoritative();
    addresses.for_each(|address| reply.add(Section::Answer, name, ttl_s, address.into()));
}
