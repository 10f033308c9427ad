//! JSON documents that are read while rendering. They must stay where they are, as values point
//! into them, so they form a chain that only grows.

use std::cell::OnceCell;

use crate::json::{Document, View};

/// A chain of documents; the first link is empty.
#[derive(Debug, Default)]
pub(super) struct Documents {
    document: Option<Document<'static>>,
    next: OnceCell<Box<Self>>,
}

impl Documents {
    /// Adds a document behind this link, which must be the last, and gives the new last one.
    pub(super) fn add(&self, document: Document<'static>) -> &Self {
        self.next.get_or_init(|| {
            Box::new(Self {
                document: Some(document),
                next: OnceCell::new(),
            })
        })
    }

    /// What this link holds.
    pub(super) fn root(&self) -> Option<View<'_>> {
        self.document.as_ref().map(Document::root)
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
