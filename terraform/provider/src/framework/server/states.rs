//! States that come from elsewhere: stored by an earlier version, imported, moved.

use super::Provider;
use crate::{
    framework::{
        align::align,
        note::{Note, to_wire},
        resource::{Call, Failure, Private},
        unpack,
    },
    pb,
};

impl Provider {
    /// Called for every object of every run, of the same version too.
    pub(super) fn upgrade(&self, asked: &pb::Upgrade) -> pb::UpgradeAnswer {
        let state = self.upgraded(asked);
        let (state, notes) = match state {
            Ok(state) => (Some(state), Vec::new()),
            Err(note) => (None, to_wire(&[note])),
        };
        pb::UpgradeAnswer { state, notes }
    }

    fn upgraded(&self, asked: &pb::Upgrade) -> Result<pb::Packed, Note> {
        let entry = self.resource(&asked.name)?;
        let state = asked.state.as_ref();
        let json = state.map_or(&[][..], |state| state.json.as_slice());
        let value = unpack::upgraded(json, &entry.schema, &entry.ty)?;
        unpack::pack(&value, &entry.ty)
    }

    pub(super) async fn import(&self, asked: &pb::Import) -> pb::ImportAnswer {
        let mut notes = Vec::new();
        let imported = match self.imported(asked, &mut notes).await {
            Ok(imported) => vec![imported],
            Err(failure) => {
                notes.extend(failure.notes);
                Vec::new()
            }
        };
        pb::ImportAnswer {
            imported,
            notes: to_wire(&notes),
        }
    }

    async fn imported(
        &self,
        asked: &pb::Import,
        notes: &mut Vec<Note>,
    ) -> Result<pb::Imported, Failure> {
        let entry = self.resource(&asked.name)?;
        if let Some(why) = entry.it.import_refusal() {
            let summary = format!("{} cannot be imported", asked.name);
            return Err(Note::error(summary, why).into());
        }
        let session = self.session();
        let mut private = Private::default();
        let mut call = Call {
            session: &session,
            private: &mut private,
            notes,
        };
        let found = entry.it.import(&mut call, &asked.id).await?;
        // What only Terraform knows is as if nothing had been written.
        let mut known = entry.schema.empty();
        for attribute in &entry.schema.attributes {
            if let Some(default) = &attribute.default {
                known.set(attribute.name, default.clone());
            }
        }
        let state = align(&entry.schema, &known, &found);
        Ok(pb::Imported {
            name: asked.name.clone(),
            state: Some(unpack::pack(&state, &entry.ty)?),
            private: private.bytes(),
        })
    }

    /// Objects keep their kind; only a state of the same kind, of a fork or an older address of
    /// this provider, is taken over.
    pub(super) fn moved(&self, asked: &pb::Move) -> pb::MoveAnswer {
        if asked.source_name != asked.target_name {
            let detail = format!(
                "A state of {:?} cannot become one of {:?}. Remove the first from the state and \
                 import the second.",
                asked.source_name, asked.target_name
            );
            return pb::MoveAnswer {
                notes: to_wire(&[Note::error("Cannot move between kinds", detail)]),
                ..pb::MoveAnswer::default()
            };
        }
        let upgrade = pb::Upgrade {
            name: asked.target_name.clone(),
            version: asked.source_version,
            state: asked.source_state.clone(),
        };
        let upgraded = self.upgrade(&upgrade);
        pb::MoveAnswer {
            state: upgraded.state,
            notes: upgraded.notes,
            private: asked.source_private.clone(),
        }
    }
}
