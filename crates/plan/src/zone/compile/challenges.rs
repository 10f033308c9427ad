//! TXT records that answer ACME challenges (RFC 8555, section 8.4): they come and go within
//! seconds, and are kept apart from what people configure.

use super::Draft;
use crate::zone::{WireName, name::NameMap};

/// Longest text of a TXT record (RFC 1035, section 3.3); an answer has 43 characters.
const TEXT_BYTES_MAX: usize = 255;

impl Draft<'_> {
    /// Each name exists from then on, so that no wildcard answers for it and nobody is told that
    /// there is nothing below it (RFC 8020).
    pub(super) fn add_challenges(&mut self) {
        let view = self.view;
        for name in view.challenges.keys() {
            if let Err(message) = self.add_challenge(name) {
                self.note(format!("challenges/{name}"), message);
            }
        }
    }

    fn add_challenge(&mut self, name: &str) -> Result<(), String> {
        let name = WireName::parse(name).map_err(|error| error.to_string())?;
        let zone = self
            .zone_of(&name)
            .ok_or_else(|| "is in none of our zones".to_owned())?;
        let node = self.names.entry(name).or_default();
        node.zone = zone;
        if node.alias.is_some() {
            return Err("a CNAME record stands at the name; remove it to answer here".to_owned());
        }
        Ok(())
    }

    pub(super) fn challenges(&self) -> NameMap<WireName, Vec<String>> {
        let all = self.view.challenges.iter().filter_map(|(name, texts)| {
            let name = WireName::parse(name).ok()?;
            let node = self.names.get(&name)?;
            let texts = texts.iter().filter(|text| text.len() <= TEXT_BYTES_MAX);
            node.alias
                .is_none()
                .then(|| (name, texts.cloned().collect()))
        });
        all.collect()
    }
}
