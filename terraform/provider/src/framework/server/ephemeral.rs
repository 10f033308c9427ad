//! Ephemeral resources: opened, renewed and closed within one run.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{Provider, unknown};
use crate::{
    framework::{
        align::align,
        note::{Note, to_wire},
        registry::Entry,
        resource::{Call, EphemeralResource, Failure, Private},
        unpack,
    },
    pb,
};

/// What opening one gives: the packed value and when to renew.
type Opening = (pb::Packed, Option<pb::Moment>);

impl Provider {
    fn ephemeral(&self, name: &str) -> Result<&Entry<dyn EphemeralResource>, Note> {
        let found = self.registry.ephemerals.get(name);
        found.ok_or_else(|| unknown("ephemeral resource", name))
    }

    pub(super) async fn open(&self, asked: &pb::Open) -> pb::OpenAnswer {
        let mut notes = Vec::new();
        let mut private = Private::default();
        let opened = self.opened(asked, &mut private, &mut notes).await;
        let (result, renew_at) = match opened {
            Ok((result, renew_at)) => (Some(result), renew_at),
            Err(failure) => {
                notes.extend(failure.notes);
                (None, None)
            }
        };
        pb::OpenAnswer {
            notes: to_wire(&notes),
            renew_at,
            result,
            private: Some(private.bytes()),
        }
    }

    async fn opened(
        &self,
        asked: &pb::Open,
        private: &mut Private,
        notes: &mut Vec<Note>,
    ) -> Result<Opening, Failure> {
        let entry = self.ephemeral(&asked.name)?;
        let config = unpack::value(asked.config.as_ref(), &entry.ty)?;
        let session = self.session();
        let mut call = Call {
            session: &session,
            private,
            notes,
        };
        let opened = entry.it.open(&mut call, &config).await?;
        let result = align(&entry.schema, &config, &opened.result);
        let result = unpack::pack(&result, &entry.ty)?;
        Ok((result, opened.renew_at.map(moment)))
    }

    pub(super) async fn renew(&self, asked: &pb::Held) -> pb::RenewAnswer {
        let mut notes = Vec::new();
        let mut private = Private::read(asked.private());
        let session = self.session();
        let renewed = match self.ephemeral(&asked.name) {
            Err(note) => Err(Failure::from(note)),
            Ok(entry) => {
                let mut call = Call {
                    session: &session,
                    private: &mut private,
                    notes: &mut notes,
                };
                entry.it.renew(&mut call).await
            }
        };
        let renew_at = renewed.unwrap_or_else(|failure| {
            notes.extend(failure.notes);
            None
        });
        pb::RenewAnswer {
            notes: to_wire(&notes),
            renew_at: renew_at.map(|after| moment(SystemTime::now() + after)),
            private: Some(private.bytes()),
        }
    }

    pub(super) async fn close(&self, asked: &pb::Held) -> pb::Notes {
        let mut notes = Vec::new();
        let mut private = Private::read(asked.private());
        let session = self.session();
        let closed = match self.ephemeral(&asked.name) {
            Err(note) => Err(Failure::from(note)),
            Ok(entry) => {
                let mut call = Call {
                    session: &session,
                    private: &mut private,
                    notes: &mut notes,
                };
                entry.it.close(&mut call).await
            }
        };
        if let Err(failure) = closed {
            notes.extend(failure.notes);
        }
        pb::Notes {
            notes: to_wire(&notes),
        }
    }
}

fn moment(at: SystemTime) -> pb::Moment {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    pb::Moment {
        seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(since.subsec_nanos()).unwrap_or(0),
    }
}
