//! Reading, planning and applying resources.

use super::{Provider, unknown};
use crate::{
    cty::Value,
    framework::{
        align::align,
        note::{Note, Path, to_wire},
        plan as rules,
        registry::Entry,
        resource::{Call, Failure, Planning, Private, Resource},
        unpack,
    },
    pb,
};

type Found<'r> = &'r Entry<dyn Resource>;

/// The three values of a change, and what is kept beside them.
struct Change {
    prior: Value,
    target: Value,
    config: Value,
    private: Private,
}

impl Provider {
    pub(super) fn resource(&self, name: &str) -> Result<Found<'_>, Note> {
        let found = self.registry.resources.get(name);
        found.ok_or_else(|| unknown("resource", name))
    }

    pub(super) async fn read(&self, asked: &pb::Read) -> pb::ReadAnswer {
        let mut notes = Vec::new();
        let mut private = Private::read(&asked.private);
        let state = self.read_state(asked, &mut private, &mut notes).await;
        let state = state.unwrap_or_else(|failure| {
            notes.extend(failure.notes);
            asked.state.clone()
        });
        pb::ReadAnswer {
            state,
            notes: to_wire(&notes),
            private: private.bytes(),
        }
    }

    async fn read_state(
        &self,
        asked: &pb::Read,
        private: &mut Private,
        notes: &mut Vec<Note>,
    ) -> Result<Option<pb::Packed>, Failure> {
        let entry = self.resource(&asked.name)?;
        let state = unpack::value(asked.state.as_ref(), &entry.ty)?;
        let session = self.session();
        if entry.it.in_cluster() && !session.is_configured() {
            let detail = "The provider's configuration depends on what is not known yet, so \
                          that the last known state is taken for the present one.";
            notes.push(Note::warning("Not compared with the cluster", detail));
            return Ok(asked.state.clone());
        }
        let mut call = Call {
            session: &session,
            private,
            notes,
        };
        let found = entry.it.read(&mut call, &state).await?;
        let found = found.map(|found| align(&entry.schema, &state, &found));
        let packed = unpack::pack(&found.unwrap_or(Value::Null), &entry.ty)?;
        Ok(Some(packed))
    }

    pub(super) async fn plan(&self, asked: &pb::Plan) -> pb::PlanAnswer {
        let mut notes = Vec::new();
        let mut private = Private::read(&asked.private);
        let planned = self.planned(asked, &mut private, &mut notes).await;
        let (planned, replace) = planned.unwrap_or_else(|failure| {
            notes.extend(failure.notes);
            (asked.proposed.clone(), Vec::new())
        });
        pb::PlanAnswer {
            planned,
            replace: replace.iter().map(Path::to_wire).collect(),
            private: private.bytes(),
            notes: to_wire(&notes),
        }
    }

    async fn planned(
        &self,
        asked: &pb::Plan,
        private: &mut Private,
        notes: &mut Vec<Note>,
    ) -> Result<(Option<pb::Packed>, Vec<Path>), Failure> {
        let entry = self.resource(&asked.name)?;
        let proposed = unpack::value(asked.proposed.as_ref(), &entry.ty)?;
        if proposed.is_null() {
            return Ok((asked.proposed.clone(), Vec::new()));
        }
        let prior = unpack::value(asked.prior.as_ref(), &entry.ty)?;
        let config = unpack::value(asked.config.as_ref(), &entry.ty)?;
        let mut plan = rules::plan(&entry.schema, &prior, &proposed, &config);
        let session = self.session();
        let mut call = Call {
            session: &session,
            private,
            notes,
        };
        let planning = Planning {
            prior: &prior,
            config: &config,
            planned: &mut plan.value,
        };
        entry.it.plan(&mut call, planning).await?;
        let packed = unpack::pack(&plan.value, &entry.ty)?;
        Ok((Some(packed), plan.replace))
    }

    pub(super) async fn apply(&self, asked: &pb::Apply) -> pb::ApplyAnswer {
        let mut notes = Vec::new();
        let (state, private) = match self.applied(asked, &mut notes).await {
            Ok((state, private)) => (Some(state), private.bytes()),
            Err(note) => {
                notes.push(note);
                (asked.prior.clone(), asked.private.clone())
            }
        };
        pb::ApplyAnswer {
            state,
            private,
            notes: to_wire(&notes),
        }
    }

    async fn applied(
        &self,
        asked: &pb::Apply,
        notes: &mut Vec<Note>,
    ) -> Result<(pb::Packed, Private), Note> {
        let entry = self.resource(&asked.name)?;
        let mut change = Change {
            prior: unpack::value(asked.prior.as_ref(), &entry.ty)?,
            target: unpack::value(asked.planned.as_ref(), &entry.ty)?,
            config: unpack::value(asked.config.as_ref(), &entry.ty)?,
            private: Private::read(&asked.private),
        };
        let result = self.change(entry, &mut change, notes).await;
        let state = match result {
            Ok(state) if state.is_null() => state,
            Ok(state) => align(&entry.schema, &change.target, &state),
            Err(failure) => {
                notes.extend(failure.notes);
                match failure.state {
                    Some(state) => align(&entry.schema, &change.target, &state),
                    None => change.prior,
                }
            }
        };
        Ok((unpack::pack(&state, &entry.ty)?, change.private))
    }

    /// Makes, changes or destroys.
    async fn change(
        &self,
        entry: Found<'_>,
        change: &mut Change,
        notes: &mut Vec<Note>,
    ) -> Result<Value, Failure> {
        let session = self.session();
        let mut call = Call {
            session: &session,
            private: &mut change.private,
            notes,
        };
        let (prior, target, config) = (&change.prior, &change.target, &change.config);
        if target.is_null() {
            entry.it.delete(&mut call, prior).await?;
            return Ok(Value::Null);
        }
        if prior.is_null() {
            return entry.it.create(&mut call, target, config).await;
        }
        entry.it.update(&mut call, prior, target, config).await
    }
}
