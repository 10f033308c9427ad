//! A list that grows at one end and is cut at the other, whose copies share all but a chunk.
//!
//! Every change of the configuration copies it; a plain list of thousands of records would make
//! each of them cost thousands of reference counts.

use std::{collections::VecDeque, sync::Arc};

use serde::{Deserialize, Serialize};

/// Records of one chunk.
const CHUNK: usize = 64;

/// Oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ring<T>(VecDeque<Arc<Vec<Arc<T>>>>);

impl<T> Default for Ring<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Ring<T> {
    pub(crate) fn push(&mut self, record: T) {
        let record = Arc::new(record);
        match self.0.back_mut().filter(|last| last.len() < CHUNK) {
            Some(last) => Arc::make_mut(last).push(record),
            None => self.0.push_back(Arc::new(vec![record])),
        }
    }

    /// Takes the oldest one off.
    pub(crate) fn pop(&mut self) -> Option<Arc<T>> {
        let first = self.0.front_mut()?;
        let taken = if first.is_empty() {
            None
        } else {
            Some(Arc::make_mut(first).remove(0))
        };
        if first.is_empty() {
            self.0.pop_front();
        }
        taken
    }

    pub(crate) fn first(&self) -> Option<&Arc<T>> {
        self.0.front().and_then(|chunk| chunk.first())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|chunk| chunk.len()).sum()
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<T>> {
        self.0.iter().flat_map(|chunk| chunk.iter())
    }
}
