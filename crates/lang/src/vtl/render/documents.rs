//! JSON documents that are read while rendering. They must stay where they are, as values point
//! into them, so they form a chain that only grows.

use std::cell::OnceCell;

use serde_json::Value as Json;

/// A chain of documents; the first link is empty.
#[derive(Debug, Default)]
pub(super) struct Documents {
    document: Json,
    next: OnceCell<Box<Self>>,
}

impl Documents {
    /// Adds a document behind this link, which must be the last, and gives the new last one.
    pub(super) fn add(&self, document: Json) -> &Self {
        self.next.get_or_init(|| {
            Box::new(Self {
                document,
                next: OnceCell::new(),
            })
        })
    }

    pub(super) const fn document(&self) -> &Json {
        &self.document
    }
}

impl Drop for Documents {
    /// Link by link: a long chain must not be dropped by recursion.
    fn drop(&mut self) {
        let mut next = self.next.take();
        while let Some(mut link) = next {
            next = link.next.take();
        }
    }
}
