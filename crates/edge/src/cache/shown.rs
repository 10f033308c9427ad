//! Chooses between the plain body of a stored answer and a coded one, and has coded ones made.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serve::BoxFuture;
use tokio::task::spawn_blocking;

use super::Cache;
use super::accept::choice;
use super::ask::Terms;
use super::coding::{Coded, Coding, Job};
use super::entry::Entry;

/// What a client is shown of a stored answer.
#[derive(Default)]
pub(crate) struct Shown {
    /// This body instead of the plain one.
    pub(crate) coded: Option<(Coding, Bytes)>,
    /// Somebody has to do this, so that there is a coded body next time.
    pub(crate) work: Option<BoxFuture<'static, ()>>,
    /// The client does not accept what there is.
    pub(crate) refused: bool,
}

impl Cache {
    /// What a request is to be shown of `entry`.
    pub(crate) fn show(&self, entry: &Entry, terms: &Terms, headers: &HeaderMap) -> Shown {
        let Some(codable) = entry.codable.as_ref().filter(|_| !terms.ranged) else {
            // Parts are always of the plain body: of a coded one they would be other bytes.
            return Shown::default();
        };
        let choice = choice(headers);
        let Some(coding) = choice.coding else {
            return Shown::default();
        };
        if let Some(body) = self.store.coded(codable.id, coding) {
            return Shown {
                coded: Some((coding, body)),
                ..Shown::default()
            };
        }
        let work = match self.workshop.job(codable, coding) {
            None => None,
            Some(Ok(job)) => Some(self.make(job, entry)),
            Some(Err(why)) => {
                self.metrics.coded(why);
                None
            }
        };
        Shown {
            coded: None,
            // Without a coded body on its way, the plain one is better than none.
            refused: choice.plain_refused && work.is_some(),
            work,
        }
    }

    fn make(&self, job: Job, entry: &Entry) -> BoxFuture<'static, ()> {
        let (store, metrics) = (Arc::clone(&self.store), Arc::clone(&self.metrics));
        let (coding, plain) = (job.coding, entry.body.clone());
        Box::pin(async move {
            // On a thread of its own: a worker has other requests to serve.
            let made = spawn_blocking(move || coding.apply(&plain)).await;
            let result = match made {
                Ok(Ok(Some(body))) => {
                    store.put_coded(job.id(), coding, body);
                    Coded::Made(coding)
                }
                Ok(Ok(None)) => Coded::Useless,
                Ok(Err(_)) | Err(_) => Coded::Failed,
            };
            job.done(!matches!(result, Coded::Made(_)));
            metrics.coded(result);
        })
    }

    /// Whether coded variants of an answer that is being stored may be shown to others.
    pub(crate) fn may_code(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        bytes: Option<u64>,
    ) -> bool {
        self.workshop.takes(status, headers, bytes)
    }
}
