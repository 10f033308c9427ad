//! Changes to regions, POPs, nodes, zones, keys, tokens and certificates.

use std::{collections::BTreeMap, sync::Arc};

use super::{Context, rest::CONCURRENT, room};
use crate::{
    AccessKey, Certificate, CertificateId, Cluster, Config, JoinToken, KeyState, Node, NodeId,
    NodeRole, Op, Pop, Region, RegionName, Rejection, ResourceKind, TokenId, Zone, ZoneReplacement,
    codec::Level, limits::CLUSTER_THINGS_MAX,
};

impl Config {
    pub(super) fn perform_cluster(
        &mut self,
        op: Op,
        context: &Context,
    ) -> Result<Option<NodeId>, Rejection> {
        match op {
            Op::Bootstrap {
                cluster,
                region,
                node,
                key,
            } => {
                self.bootstrap(cluster, region, node, *key)?;
            }
            Op::Join {
                token,
                secret_sha256,
                node,
            } => {
                return self.join(&token, secret_sha256, node, context).map(Some);
            }
            Op::PutRegion(region) => {
                put(
                    &mut self.regions,
                    region.name.clone(),
                    region,
                    ResourceKind::Region,
                )?;
            }
            Op::DeleteRegion(name) => self.delete_region(&name)?,
            Op::PutPop(pop) => put(&mut self.pops, pop.name.clone(), pop, ResourceKind::Pop)?,
            Op::DeletePop(name) => {
                self.without_nodes(&NodeRole::Pop(name.clone()), ResourceKind::Pop)?;
                take(&mut self.pops, &name, ResourceKind::Pop)?;
            }
            Op::UpdateNode(node) => {
                known(&self.nodes, &node.id, ResourceKind::Node)?;
                self.nodes.insert(node.id, Arc::new(node));
            }
            Op::Joining(change) => return self.change_joining(*change.0, context),
            Op::RaiseFormat(level) => self.raise_format(level)?,
            Op::DeleteNode(id) => {
                take(&mut self.nodes, &id, ResourceKind::Node)?;
                self.leaving.remove(&id);
            }
            Op::DrainNode(id) => {
                known(&self.nodes, &id, ResourceKind::Node)?;
                self.leaving.insert(id);
            }
            Op::PutPrivateEndpoint(endpoint) => {
                known(&self.regions, &endpoint.region, ResourceKind::Region)?;
                let (id, kind) = (endpoint.id.clone(), ResourceKind::PrivateEndpoint);
                put(&mut self.private_endpoints, id, endpoint, kind)?;
            }
            Op::DeletePrivateEndpoint(id) => {
                take(
                    &mut self.private_endpoints,
                    &id,
                    ResourceKind::PrivateEndpoint,
                )?;
            }
            Op::PutPrior(prior) => {
                put(&mut self.priors, prior.prefix, prior, ResourceKind::Prior)?;
            }
            Op::DeletePrior(prefix) => take(&mut self.priors, &prefix, ResourceKind::Prior)?,
            other => self.perform_security(other, context)?,
        }
        Ok(None)
    }

    /// The rest: zones, keys, tokens and certificates.
    fn perform_security(&mut self, op: Op, context: &Context) -> Result<(), Rejection> {
        match op {
            Op::PutZone(zone) => self.put_zone(zone),
            Op::ReplaceZone(replacement) => self.replace_zone(replacement.0),
            Op::DeleteZone(name) if name == self.base_domain() => Err(Rejection::conflict(
                ResourceKind::Zone,
                "the base domain's zone cannot be deleted",
            )),
            Op::DeleteZone(name) => take(&mut self.zones, &name, ResourceKind::Zone),
            Op::AddZoneKey(zone, key) => self.add_zone_key(&zone, key),
            Op::SetZoneKeyState(zone, tag, state) => self.set_zone_key(&zone, tag, state),
            Op::DeleteZoneKey(zone, tag) => self.delete_zone_key(&zone, tag),
            Op::ClearZoneKeys(zone) => self.clear_zone_keys(&zone),
            Op::CreateAccessKey(key) => {
                let id = key.id.clone();
                create(&mut self.access_keys, id, key, ResourceKind::AccessKey)
            }
            Op::SetAccessKeyState(id, state) => {
                known(&self.access_keys, &id, ResourceKind::AccessKey)?;
                if state == KeyState::Disabled {
                    self.another_master_key(id.as_str())?;
                }
                self.access_keys
                    .entry(id)
                    .and_modify(|key| Arc::make_mut(key).state = state);
                Ok(())
            }
            Op::DeleteAccessKey(id) => {
                known(&self.access_keys, &id, ResourceKind::AccessKey)?;
                self.another_master_key(id.as_str())?;
                take(&mut self.access_keys, &id, ResourceKind::AccessKey)
            }
            Op::Access(change) => self.perform_access(change),
            Op::CreateJoinToken(token) => self.create_token(token, context),
            Op::DeleteJoinToken(id) => take(&mut self.join_tokens, &id, ResourceKind::JoinToken),
            Op::PutCertificate(certificate) => self.put_certificate(certificate, context),
            Op::Acme(change) => self.perform_acme(*change, context),
            Op::DeleteCertificate(id) => self.delete_certificate(&id),
            // `perform` and `perform_cluster` have dealt with every other operation.
            _ => Ok(()),
        }
    }

    /// A node that does not know the format stops at the first record of it, so whoever proposes
    /// this has asked every node.
    fn raise_format(&mut self, level: Level) -> Result<(), Rejection> {
        let at = self.format();
        if level <= at {
            let text = format!("the cluster is at format {at} already");
            return Err(Rejection::conflict(ResourceKind::Cluster, &text));
        }
        if let Some(cluster) = &mut self.cluster {
            Arc::make_mut(cluster).format = level;
        }
        Ok(())
    }

    fn bootstrap(
        &mut self,
        cluster: Cluster,
        region: Region,
        node: Node,
        key: AccessKey,
    ) -> Result<(), Rejection> {
        if self.cluster.is_some() {
            return Err(Rejection::conflict(
                ResourceKind::Cluster,
                "this cluster has been set up already",
            ));
        }
        if node.id != NodeId(1) || node.role != NodeRole::Region(region.name.clone()) {
            return Err(Rejection::invalid(
                "node",
                "the first node is number 1 of its region",
            ));
        }
        let zone = Zone {
            name: cluster.base_domain.clone(),
            records: Vec::new(),
            keys: Vec::new(),
        };
        self.zones.insert(zone.name.clone(), Arc::new(zone));
        self.regions.insert(region.name.clone(), Arc::new(region));
        self.last_node = node.id;
        self.nodes.insert(node.id, Arc::new(node));
        self.access_keys.insert(key.id.clone(), Arc::new(key));
        self.cluster = Some(Arc::new(cluster));
        Ok(())
    }

    fn join(
        &mut self,
        token: &TokenId,
        secret_sha256: [u8; 32],
        node: Node,
        context: &Context,
    ) -> Result<NodeId, Rejection> {
        room(&self.nodes, ResourceKind::Node, CLUSTER_THINGS_MAX)?;
        let refused = |reason: &str| Rejection::conflict(ResourceKind::JoinToken, reason);
        let known = self
            .join_tokens
            .get_mut(token)
            .filter(|known| known.secret_sha256 == secret_sha256)
            .ok_or_else(|| refused("the join token is not known"))?;
        if known.is_spent() {
            return Err(refused("the join token has been used"));
        }
        if context.at_ms >= known.expires_ms {
            return Err(refused("the join token has expired"));
        }
        let (id, role) = (NodeId(self.last_node.0 + 1), known.role.clone());
        Arc::make_mut(known).used_by.push(id);
        Ok(self.add_node(node, role, context))
    }

    /// Adds a node, and its place where that is new. Who lets it in says what it is, not the node.
    pub(super) fn add_node(&mut self, mut node: Node, role: NodeRole, context: &Context) -> NodeId {
        let id = NodeId(self.last_node.0 + 1);
        node.role = role.clone();
        node.id = id;
        node.joined_ms = context.at_ms;
        self.last_node = id;
        self.nodes.insert(id, Arc::new(node));
        match role {
            NodeRole::Region(name) => {
                let region = Region {
                    name: name.clone(),
                    location: None,
                };
                self.regions.entry(name).or_insert_with(|| Arc::new(region));
            }
            NodeRole::Pop(name) => {
                let pop = Pop {
                    name: name.clone(),
                    location: None,
                };
                self.pops.entry(name).or_insert_with(|| Arc::new(pop));
            }
            NodeRole::Dns | NodeRole::Connector(_) => {}
        }
        id
    }

    fn delete_region(&mut self, name: &RegionName) -> Result<(), Rejection> {
        self.without_nodes(&NodeRole::Region(name.clone()), ResourceKind::Region)?;
        let endpoints = self.private_endpoints.values();
        if endpoints
            .into_iter()
            .any(|endpoint| endpoint.region == *name)
        {
            return Err(Rejection::conflict(
                ResourceKind::PrivateEndpoint,
                "the region still has private endpoints; delete them first",
            ));
        }
        take(&mut self.regions, name, ResourceKind::Region)
    }

    fn without_nodes(&self, role: &NodeRole, kind: ResourceKind) -> Result<(), Rejection> {
        match self.nodes.values().find(|node| node.role == *role) {
            None => Ok(()),
            Some(node) => Err(Rejection::conflict(
                kind,
                format!(
                    "node {} still belongs to it; remove the node first",
                    node.id
                ),
            )),
        }
    }

    fn put_zone(&mut self, mut zone: Zone) -> Result<(), Rejection> {
        let inside = |name: &str| {
            name == zone.name
                || name
                    .strip_suffix(&zone.name)
                    .is_some_and(|n| n.ends_with('.'))
        };
        if let Some(record) = zone.records.iter().find(|record| !inside(&record.name)) {
            return Err(Rejection::invalid(
                "records",
                format!("{} is not inside zone {}", record.name, zone.name),
            ));
        }
        if zone.records.len() > CLUSTER_THINGS_MAX {
            return Err(Rejection::Limit {
                kind: ResourceKind::Zone,
                max: CLUSTER_THINGS_MAX,
            });
        }
        zone.keys = self
            .zones
            .get(&zone.name)
            .map_or_else(Vec::new, |old| old.keys.clone());
        put(&mut self.zones, zone.name.clone(), zone, ResourceKind::Zone)
    }

    fn replace_zone(&mut self, replacement: ZoneReplacement) -> Result<(), Rejection> {
        let ZoneReplacement { zone, seen } = replacement;
        let now = self.zones.get(&zone.name).map(|zone| &zone.records);
        if seen.holds(now) {
            return self.put_zone(zone);
        }
        Err(Rejection::conflict(ResourceKind::Zone, CONCURRENT))
    }

    fn create_token(&mut self, token: JoinToken, context: &Context) -> Result<(), Rejection> {
        if token.expires_ms <= context.at_ms {
            return Err(Rejection::invalid("expires", "the time has passed already"));
        }
        if token.uses_max == 0 {
            return Err(Rejection::invalid(
                "maxUses",
                "a token admits at least one node",
            ));
        }
        // Expired tokens say nothing any more; spent ones tell who used them while there is room.
        self.join_tokens
            .retain(|_, old| old.expires_ms > context.at_ms);
        if self.join_tokens.len() >= CLUSTER_THINGS_MAX {
            self.join_tokens.retain(|_, old| !old.is_spent());
        }
        create(
            &mut self.join_tokens,
            token.id.clone(),
            token,
            ResourceKind::JoinToken,
        )
    }

    fn put_certificate(
        &mut self,
        mut certificate: Certificate,
        context: &Context,
    ) -> Result<(), Rejection> {
        certificate.stored = context.revision;
        let id = certificate.id.clone();
        put(
            &mut self.certificates,
            id,
            certificate,
            ResourceKind::Certificate,
        )
    }

    fn delete_certificate(&mut self, id: &CertificateId) -> Result<(), Rejection> {
        if let Some(user) = self
            .domains
            .values()
            .find(|domain| domain.certificate == *id)
        {
            return Err(Rejection::conflict(
                ResourceKind::Certificate,
                format!("the certificate is in use by domain {}", user.name),
            ));
        }
        self.withdraw(id);
        take(&mut self.certificates, id, ResourceKind::Certificate)
    }
}

fn known<K: Ord + std::fmt::Display, V>(
    map: &BTreeMap<K, V>,
    key: &K,
    kind: ResourceKind,
) -> Result<(), Rejection> {
    if map.contains_key(key) {
        Ok(())
    } else {
        Err(Rejection::not_found(kind, key))
    }
}

fn put<K: Ord, V>(
    map: &mut BTreeMap<K, Arc<V>>,
    key: K,
    value: V,
    kind: ResourceKind,
) -> Result<(), Rejection> {
    if !map.contains_key(&key) {
        room(map, kind, CLUSTER_THINGS_MAX)?;
    }
    map.insert(key, Arc::new(value));
    Ok(())
}

fn create<K: Ord + std::fmt::Display, V>(
    map: &mut BTreeMap<K, Arc<V>>,
    key: K,
    value: V,
    kind: ResourceKind,
) -> Result<(), Rejection> {
    if map.contains_key(&key) {
        return Err(Rejection::conflict(
            kind,
            format!("{kind} {key} exists already"),
        ));
    }
    put(map, key, value, kind)
}

fn take<K: Ord + std::fmt::Display, V>(
    map: &mut BTreeMap<K, V>,
    key: &K,
    kind: ResourceKind,
) -> Result<(), Rejection> {
    map.remove(key)
        .map(|_| ())
        .ok_or_else(|| Rejection::not_found(kind, key))
}
