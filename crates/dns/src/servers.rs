//! Naming the servers of a zone or of a delegated part, with those of their addresses that we know.

use plan::zone::{NS_TTL_S, NameServers};

use crate::{
    Responder,
    data::Data,
    reply::{Reply, Section},
};

impl Responder {
    /// Adds those addresses of servers that we know.
    pub(crate) fn glue(&self, servers: &NameServers, section: Section, reply: &mut Reply<'_, '_>) {
        for server in &servers.names {
            let Some(glue) = self.plan.glue(server) else {
                continue;
            };
            for address in &glue.v4 {
                let ttl_s = glue.v4_ttl_s.min(NS_TTL_S);
                reply.add(section, server.as_bytes(), ttl_s, Data::A(*address));
            }
            for address in &glue.v6 {
                let ttl_s = glue.v6_ttl_s.min(NS_TTL_S);
                reply.add(section, server.as_bytes(), ttl_s, Data::Aaaa(*address));
            }
        }
    }
}

/// Adds the NS records.
pub(crate) fn name_them(
    owner: &[u8],
    servers: &NameServers,
    section: Section,
    reply: &mut Reply<'_, '_>,
) {
    for server in &servers.names {
        reply.add(section, owner, servers.ttl_s, Data::Ns(server.as_bytes()));
    }
}
