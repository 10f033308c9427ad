//! An ordered map whose copies share all but what was altered, in chunks.
//!
//! A change of the configuration copies it, and whatever follows from it (projections, plans) is
//! made from the difference to the one before. With a plain map of 10,000 APIs both would cost
//! 10,000 steps for each change; here a copy costs one, a change copies one chunk, and the
//! difference of two tables is found by passing over the chunks that are the same object.
//!
//! It has what the configuration needs of a map and no more: no ranges, no entry interface.

mod serial;
mod sum;
#[cfg(test)]
mod tests;
mod traits;

use std::{
    borrow::Borrow,
    cmp::Ordering,
    iter::FlatMap,
    slice,
    sync::{Arc, OnceLock},
};

pub use sum::Sum;

/// Entries of one chunk; with one more it is split in two.
const CHUNK_MAX: usize = 64;

/// An ordered map that is cheap to copy.
pub struct Table<K, V> {
    /// In the order of their keys; none is empty.
    chunks: Arc<Vec<Arc<Chunk<K, V>>>>,
    len: usize,
}

#[derive(Clone)]
struct Chunk<K, V> {
    entries: Vec<(K, V)>,
    /// Of `entries`, once somebody has asked.
    sum: OnceLock<Sum>,
}

type Entries<'a, K, V> = slice::Iter<'a, (K, V)>;
type Chunks<'a, K, V> = slice::Iter<'a, Arc<Chunk<K, V>>>;
type Opened<'a, K, V> = fn(&'a Arc<Chunk<K, V>>) -> Entries<'a, K, V>;

/// Entries in the order of their keys.
pub struct Iter<'a, K, V> {
    entries: FlatMap<Chunks<'a, K, V>, Entries<'a, K, V>, Opened<'a, K, V>>,
    left: usize,
}

/// A place in a table, for walking two of them side by side.
struct Cursor<'a, K, V> {
    chunks: &'a [Arc<Chunk<K, V>>],
    entry: usize,
}

// === impl Table ===

impl<K, V> Table<K, V> {
    /// Entries it holds.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Entries in the order of their keys.
    #[must_use]
    pub fn iter(&self) -> Iter<'_, K, V> {
        let open: Opened<'_, K, V> = |chunk| chunk.entries.iter();
        Iter {
            entries: self.chunks.iter().flat_map(open),
            left: self.len,
        }
    }

    /// Keys in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + ExactSizeIterator {
        self.iter().map(|(key, _)| key)
    }

    /// Values in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + ExactSizeIterator {
        self.iter().map(|(_, value)| value)
    }

    /// Whether it is a copy of `other` that neither has altered since.
    #[must_use]
    pub fn is_copy_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.chunks, &other.chunks)
    }
}

impl<K: Ord, V> Table<K, V> {
    /// The value of `key`.
    #[must_use]
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let (chunk, entry) = self.place(key).ok()?;
        let (_, value) = self.chunks.get(chunk)?.entries.get(entry)?;
        Some(value)
    }

    /// Whether there is a value of `key`.
    #[must_use]
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.place(key).is_ok()
    }

    /// Calls `note` with each key whose value `same` does not take for the same one, with the
    /// values in `old` and in this table, in the order of keys.
    pub fn changes<'a>(
        &'a self,
        old: &'a Self,
        same: impl Fn(&V, &V) -> bool,
        mut note: impl FnMut(&'a K, Option<&'a V>, Option<&'a V>),
    ) {
        if self.is_copy_of(old) {
            return;
        }
        let (mut left, mut right) = (Cursor::of(old), Cursor::of(self));
        loop {
            if left.pass_shared(&mut right) {
                continue;
            }
            let order = match (left.peek(), right.peek()) {
                (None, None) => return,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((before, _)), Some((after, _))) => before.cmp(after),
            };
            let before = if order.is_le() { left.next() } else { None };
            let after = if order.is_ge() { right.next() } else { None };
            match (before, after) {
                (Some((_, before)), Some((_, after))) if same(before, after) => {}
                (Some((key, before)), after) => {
                    note(key, Some(before), after.map(|(_, value)| value));
                }
                (None, Some((key, after))) => note(key, None, Some(after)),
                (None, None) => return,
            }
        }
    }

    /// Chunk and entry of `key`, or where it would have to be put.
    fn place<Q: Ord + ?Sized>(&self, key: &Q) -> Result<(usize, usize), (usize, usize)>
    where
        K: Borrow<Q>,
    {
        let ends_before = |chunk: &Arc<Chunk<K, V>>| {
            let last = chunk.entries.last();
            last.is_some_and(|(last, _)| last.borrow() < key)
        };
        let chunk = self.chunks.partition_point(ends_before);
        match self.chunks.get(chunk) {
            Some(found) => {
                let entry = found
                    .entries
                    .binary_search_by(|(at, _)| at.borrow().cmp(key));
                entry.map(|at| (chunk, at)).map_err(|at| (chunk, at))
            }
            // Behind all others: the last chunk grows.
            None => {
                let last = self.chunks.last().map_or(0, |last| last.entries.len());
                Err((chunk.saturating_sub(1), last))
            }
        }
    }
}

impl<K: Ord + Clone, V: Clone> Table<K, V> {
    /// The value of `key`, to be altered; copies of this table keep theirs.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let (chunk, entry) = self.place(key).ok()?;
        let (_, value) = self.open(chunk)?.get_mut(entry)?;
        Some(value)
    }

    /// All values, to be altered. Every chunk is copied that a copy of this table shares.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.chunks_mut().iter_mut().flat_map(|chunk| {
            let chunk = Arc::make_mut(chunk);
            chunk.sum = OnceLock::new();
            chunk.entries.iter_mut().map(|(_, value)| value)
        })
    }

    /// Sets the value of `key`; the one it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.place(&key) {
            Ok((chunk, entry)) => {
                let (_, old) = self.open(chunk)?.get_mut(entry)?;
                Some(std::mem::replace(old, value))
            }
            Err((chunk, entry)) => {
                self.len += 1;
                match self.open(chunk) {
                    Some(entries) => entries.insert(entry, (key, value)),
                    None => self.put(chunk, vec![(key, value)]),
                }
                self.split(chunk);
                None
            }
        }
    }

    /// Takes `key` out; the value it had.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let (chunk, entry) = self.place(key).ok()?;
        let entries = self.open(chunk)?;
        let (_, value) = entries.remove(entry);
        let left = entries.len();
        self.len -= 1;
        if left == 0 {
            Arc::make_mut(&mut self.chunks).remove(chunk);
        } else {
            self.join(chunk, left);
        }
        Some(value)
    }

    /// The entries of a chunk, to be altered.
    fn open(&mut self, chunk: usize) -> Option<&mut Vec<(K, V)>> {
        let chunk = Arc::make_mut(self.chunks_mut().get_mut(chunk)?);
        chunk.sum = OnceLock::new();
        Some(&mut chunk.entries)
    }

    fn put(&mut self, chunk: usize, entries: Vec<(K, V)>) {
        let chunks = self.chunks_mut();
        chunks.insert(chunk.min(chunks.len()), Arc::new(Chunk::of(entries)));
    }

    fn chunks_mut(&mut self) -> &mut Vec<Arc<Chunk<K, V>>> {
        Arc::make_mut(&mut self.chunks)
    }

    /// Splits a chunk that has grown too long. The last one leaves all but its end behind, so that
    /// keys that come in order fill their chunks.
    fn split(&mut self, chunk: usize) {
        let is_last = chunk + 1 == self.chunks.len();
        let too_long = |entries: &&mut Vec<(K, V)>| entries.len() > CHUNK_MAX;
        let long = self.chunks.get(chunk);
        if long.is_none_or(|long| long.entries.len() <= CHUNK_MAX) {
            return;
        }
        if let Some(entries) = self.open(chunk).filter(too_long) {
            let at = if is_last { CHUNK_MAX } else { CHUNK_MAX / 2 };
            let tail = entries.split_off(at);
            self.put(chunk + 1, tail);
        }
    }

    /// Joins a chunk that has become short with the next one, if both are.
    fn join(&mut self, chunk: usize, left: usize) {
        let next = self.chunks.get(chunk + 1).map(|next| next.entries.len());
        if next.is_some_and(|next| left + next <= CHUNK_MAX / 2) {
            let next = self.chunks_mut().remove(chunk + 1);
            if let Some(entries) = self.open(chunk) {
                entries.extend(next.entries.iter().cloned());
            }
        }
    }
}

// === impl Chunk ===

impl<K, V> Chunk<K, V> {
    const fn of(entries: Vec<(K, V)>) -> Self {
        Self {
            entries,
            sum: OnceLock::new(),
        }
    }
}

// === impl Cursor ===

impl<'a, K, V> Cursor<'a, K, V> {
    fn of(table: &'a Table<K, V>) -> Self {
        Self {
            chunks: &table.chunks,
            entry: 0,
        }
    }

    fn peek(&self) -> Option<&'a (K, V)> {
        self.chunks.first()?.entries.get(self.entry)
    }

    fn next(&mut self) -> Option<&'a (K, V)> {
        let (first, rest) = self.chunks.split_first()?;
        let entry = first.entries.get(self.entry)?;
        self.entry += 1;
        if self.entry >= first.entries.len() {
            (self.chunks, self.entry) = (rest, 0);
        }
        Some(entry)
    }

    /// Where both are at the beginning of the same chunk, passes over it.
    fn pass_shared(&mut self, other: &mut Self) -> bool {
        let (Some((one, rest)), Some((two, other_rest))) =
            (self.chunks.split_first(), other.chunks.split_first())
        else {
            return false;
        };
        let shared = self.entry == 0 && other.entry == 0 && Arc::ptr_eq(one, two);
        if shared {
            (self.chunks, other.chunks) = (rest, other_rest);
        }
        shared
    }
}
