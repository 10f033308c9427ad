//! Lists that are kept while nothing is written, and how the two versions of the API page them.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::Value as Json;
use tokio::sync::OnceCell;

use super::CallError;

/// Items of one page: the most that the API gives.
const PAGE_ITEMS: usize = 500;

/// Pages of one list at most: 100,000 items.
pub(super) const PAGES_MAX: usize = 200;

/// Lists that are kept at the same time; beyond it all are forgotten.
const LISTS_MAX: usize = 2_000;

/// What somebody else changes shows after this long at the latest. A refresh is one look at the
/// cluster, so that its parts need not be younger than its beginning.
const AGE_MAX: Duration = Duration::from_secs(60);

/// The items of a list.
pub(crate) type List = Arc<Vec<Json>>;

#[derive(Clone)]
struct Kept {
    since: Instant,
    items: Arc<OnceCell<List>>,
}

/// The lists by their paths.
#[derive(Default)]
pub(super) struct Lists(Mutex<HashMap<String, Kept>>);

impl Lists {
    /// Forgets everything. A list that is being read now is not kept either.
    pub(super) fn forget(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// Reads a list once, however many ask for it at the same time.
    pub(super) async fn read<F>(
        &self,
        path: &str,
        read: impl FnOnce() -> F,
    ) -> Result<List, CallError>
    where
        F: Future<Output = Result<Vec<Json>, CallError>>,
    {
        let items = self.kept(path);
        let items = items
            .get_or_try_init(|| async { read().await.map(Arc::new) })
            .await?;
        Ok(Arc::clone(items))
    }

    fn kept(&self, path: &str) -> Arc<OnceCell<List>> {
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = lists.get(path)
            && kept.since.elapsed() < AGE_MAX
        {
            return Arc::clone(&kept.items);
        }
        if lists.len() >= LISTS_MAX {
            lists.clear();
        }
        let kept = Kept {
            since: Instant::now(),
            items: Arc::default(),
        };
        let items = Arc::clone(&kept.items);
        lists.insert(path.to_owned(), kept);
        items
    }
}

/// How a list is paged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    One,
    Two,
    /// The cluster's own lists are whole.
    Whole,
}

impl Form {
    pub(super) fn of(path: &str) -> Self {
        if path.starts_with("/v2/") {
            Self::Two
        } else if path.starts_with("/edgeway/") {
            Self::Whole
        } else {
            Self::One
        }
    }

    pub(super) fn page(self, path: &str, from: Option<&str>) -> String {
        let (count, token) = match self {
            Self::One => ("limit", "position"),
            Self::Two => ("maxResults", "nextToken"),
            Self::Whole => return path.to_owned(),
        };
        let joint = if path.contains('?') { '&' } else { '?' };
        let from = from.map_or_else(String::new, |from| format!("&{token}={from}"));
        format!("{path}{joint}{count}={PAGE_ITEMS}{from}")
    }

    pub(super) fn items(self, page: &mut Json) -> Vec<Json> {
        let name = match self {
            Self::One => "item",
            // The one list that Amazon calls otherwise.
            Self::Two if page.get("routingRules").is_some() => "routingRules",
            Self::Two | Self::Whole => "items",
        };
        let items = page.get_mut(name);
        match items.map(Json::take) {
            Some(Json::Array(items)) => items,
            _ => Vec::new(),
        }
    }

    /// The next page's token; those of this API are hexadecimal digits.
    pub(super) fn next(self, page: &Json) -> Option<String> {
        let name = match self {
            Self::One => "position",
            Self::Two => "nextToken",
            Self::Whole => return None,
        };
        let token = page.get(name).and_then(Json::as_str)?;
        (!token.is_empty()).then(|| token.to_owned())
    }
}
