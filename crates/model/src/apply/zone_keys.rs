//! The lives of the keys that sign zones.

use std::sync::Arc;

use crate::{
    Config, Rejection, ResourceKind, Zone, ZoneKey, ZoneKeyState, limits::KEYS_PER_ZONE_MAX,
};

impl Config {
    pub(super) fn add_zone_key(&mut self, zone: &str, key: ZoneKey) -> Result<(), Rejection> {
        let zone = self.signed_zone(zone)?;
        if zone.keys.len() >= KEYS_PER_ZONE_MAX {
            return Err(Rejection::Limit {
                kind: ResourceKind::Zone,
                max: KEYS_PER_ZONE_MAX,
            });
        }
        if zone.keys.iter().any(|old| old.tag == key.tag) {
            return Err(Rejection::conflict(
                ResourceKind::Zone,
                format!("zone {} has a key with tag {} already", zone.name, key.tag),
            ));
        }
        zone.keys.push(key);
        Ok(())
    }

    pub(super) fn set_zone_key(
        &mut self,
        zone: &str,
        tag: u16,
        state: ZoneKeyState,
    ) -> Result<(), Rejection> {
        let zone = self.signed_zone(zone)?;
        let role = key_of(zone, tag)?.role;
        let mut keys = zone.keys.clone();
        for key in &mut keys {
            if key.tag == tag {
                key.state = state;
            } else if state == ZoneKeyState::Active
                && key.role == role
                && key.state == ZoneKeyState::Active
            {
                key.state = ZoneKeyState::Retired;
            }
        }
        still_signed(zone, &keys)?;
        zone.keys = keys;
        Ok(())
    }

    pub(super) fn delete_zone_key(&mut self, zone: &str, tag: u16) -> Result<(), Rejection> {
        let zone = self.signed_zone(zone)?;
        key_of(zone, tag)?;
        let keys: Vec<ZoneKey> = zone
            .keys
            .iter()
            .filter(|key| key.tag != tag)
            .cloned()
            .collect();
        still_signed(zone, &keys)?;
        zone.keys = keys;
        Ok(())
    }

    pub(super) fn clear_zone_keys(&mut self, zone: &str) -> Result<(), Rejection> {
        self.signed_zone(zone)?.keys.clear();
        Ok(())
    }

    fn signed_zone(&mut self, name: &str) -> Result<&mut Zone, Rejection> {
        let zone = self.zones.get_mut(name).map(Arc::make_mut);
        zone.ok_or_else(|| Rejection::not_found(ResourceKind::Zone, name))
    }
}

fn key_of(zone: &Zone, tag: u16) -> Result<&ZoneKey, Rejection> {
    let found = zone.keys.iter().find(|key| key.tag == tag);
    found
        .ok_or_else(|| Rejection::not_found(ResourceKind::Zone, format!("{} key {tag}", zone.name)))
}

/// A signed zone whose records no key signs would be bogus to everybody.
fn still_signed(zone: &Zone, keys: &[ZoneKey]) -> Result<(), Rejection> {
    let active = |key: &&ZoneKey| key.state == ZoneKeyState::Active;
    let records = keys
        .iter()
        .filter(active)
        .any(|key| key.role.signs_records());
    let entry = keys.iter().filter(active).any(|key| key.role.is_entry());
    // While a zone gets its first keys, it may have only some of them.
    let before = |signs: fn(crate::ZoneKeyRole) -> bool| {
        zone.keys.iter().filter(active).any(|key| signs(key.role))
    };
    let lost = (!records && before(crate::ZoneKeyRole::signs_records))
        || (!entry && before(crate::ZoneKeyRole::is_entry));
    if lost {
        return Err(Rejection::conflict(
            ResourceKind::Zone,
            format!(
                "zone {} would be left without an active key; make another one active first, \
                 or stop signing it",
                zone.name
            ),
        ));
    }
    Ok(())
}
