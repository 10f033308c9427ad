//! Fixed records: which of them can be served, and what they add to a name.

use model::{Record, RecordValue};

use super::{Draft, rdata};
use crate::zone::{
    Addresses, Alias, FixedAddresses, NameServers, Node, RRSET_MAX, RecordSet, WireName,
};

/// TTLs above this are taken as 0 by resolvers (RFC 2181, section 8).
const TTL_S_MAX: u32 = i32::MAX.unsigned_abs();

impl Draft<'_> {
    pub(super) fn add_records(&mut self) {
        let view = self.view;
        for (zone, content) in &view.zones {
            let Some(own) = WireName::parse(zone)
                .ok()
                .and_then(|name| self.zone_of(&name))
            else {
                continue;
            };
            // Aliases last: where there is other data, the alias is what is left out.
            let alias = |record: &Record| matches!(record.value, RecordValue::Cname(_));
            let (aliases, others): (Vec<_>, Vec<_>) =
                content.records.iter().partition(|record| alias(record));
            let mut own_servers = Vec::new();
            for record in others.into_iter().chain(aliases) {
                if let Err(message) = self.add_record(own, record, &mut own_servers) {
                    self.note(format!("zones/{zone}/records/{}", record.name), message);
                }
            }
        }
    }

    /// `own_servers` holds the apexes whose name servers have been replaced by configured ones.
    fn add_record(
        &mut self,
        own: usize,
        record: &Record,
        own_servers: &mut Vec<WireName>,
    ) -> Result<(), String> {
        let name = WireName::parse(&record.name).map_err(|error| error.to_string())?;
        self.claim(&name)?;
        if self.zone_of(&name) != Some(own) {
            return Err("the name belongs to another zone".to_owned());
        }
        let target = match &record.value {
            // Only these have names that are more than data to us.
            RecordValue::Cname(target) | RecordValue::Ns(target) => {
                Some(WireName::parse(target).map_err(|error| error.to_string())?)
            }
            _ => None,
        };
        let other = rdata::of(&record.value)?;
        let ttl_s = record.ttl.min(TTL_S_MAX);
        let node = self.names.entry(name.clone()).or_default();
        node.zone = own;
        match (&record.value, target) {
            (RecordValue::A(address), _) => node.edit_fixed(|fixed| {
                fixed.v4_ttl_s = lowest(&fixed.v4, fixed.v4_ttl_s, ttl_s);
                add(&mut fixed.v4, *address)
            }),
            (RecordValue::Aaaa(address), _) => node.edit_fixed(|fixed| {
                fixed.v6_ttl_s = lowest(&fixed.v6, fixed.v6_ttl_s, ttl_s);
                add(&mut fixed.v6, *address)
            }),
            (RecordValue::Ns(_), Some(target)) => {
                if node.apex && !own_servers.contains(&name) {
                    node.name_servers = None;
                    own_servers.push(name);
                }
                let empty = NameServers {
                    ttl_s,
                    names: Vec::new(),
                };
                let servers = node.name_servers.get_or_insert(empty);
                servers.ttl_s = lowest(&servers.names, servers.ttl_s, ttl_s);
                add(&mut servers.names, target)
            }
            (RecordValue::Cname(_), Some(target)) => node.set_alias(Alias { ttl_s, target }),
            // `target` is there for both, see above.
            (RecordValue::Cname(_) | RecordValue::Ns(_), None) => Ok(()),
            (
                RecordValue::Mx { .. }
                | RecordValue::Txt(_)
                | RecordValue::Srv { .. }
                | RecordValue::Caa { .. }
                | RecordValue::Ds { .. }
                | RecordValue::Https(_)
                | RecordValue::Svcb(_),
                _,
            ) => other.map_or(Ok(()), |(kind, data)| node.add_other(kind, ttl_s, data)),
        }
    }
}

impl Node {
    fn edit_fixed<T>(&mut self, edit: impl FnOnce(&mut FixedAddresses) -> T) -> T {
        let mut fixed = match std::mem::take(&mut self.addresses) {
            Addresses::Fixed(fixed) => fixed,
            Addresses::None | Addresses::Steered(_) => FixedAddresses::default(),
        };
        let result = edit(&mut fixed);
        self.addresses = Addresses::Fixed(fixed);
        result
    }

    fn add_other(&mut self, kind: u16, ttl_s: u32, data: Vec<u8>) -> Result<(), String> {
        let data = data.into_boxed_slice();
        match self.others.iter_mut().find(|set| set.kind == kind) {
            Some(set) => {
                set.ttl_s = set.ttl_s.min(ttl_s);
                add(&mut set.data, data)
            }
            None => {
                let data = vec![data];
                self.others.push(RecordSet { kind, ttl_s, data });
                Ok(())
            }
        }
    }

    fn set_alias(&mut self, alias: Alias) -> Result<(), String> {
        if self.alias.is_some() {
            return Err("a name has at most one CNAME record".to_owned());
        }
        let beside = self.addresses != Addresses::None || !self.others.is_empty();
        if self.apex || self.name_servers.is_some() || beside {
            return Err("a CNAME record cannot stand next to other records".to_owned());
        }
        self.alias = Some(alias);
        Ok(())
    }
}

/// The TTL of a set is that of its shortest-lived record (RFC 2181, section 5.2).
fn lowest<T>(set: &[T], old_s: u32, new_s: u32) -> u32 {
    if set.is_empty() {
        new_s
    } else {
        old_s.min(new_s)
    }
}

fn add<T: PartialEq>(set: &mut Vec<T>, value: T) -> Result<(), String> {
    if set.contains(&value) {
        return Ok(());
    }
    if set.len() >= RRSET_MAX {
        return Err(format!(
            "a name has at most {RRSET_MAX} records of one type"
        ));
    }
    set.push(value);
    Ok(())
}
