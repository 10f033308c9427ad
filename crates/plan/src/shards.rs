//! A hash map whose copies share all but the parts that were altered.
//!
//! A plan is immutable, and each change makes a new one from the one before. With thousands of APIs
//! a plain map would be copied whole for each; this one is many small maps behind counters, of
//! which a change copies one. Looking up costs one more hash, of a few bytes.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::{Hash, Hasher},
    sync::Arc,
};

/// Parts; with 10,000 entries a part has 40.
const PARTS: usize = 256;

/// A hash map that is cheap to copy.
#[derive(Clone, Debug)]
pub(crate) struct Shards<K, V>(Arc<[Arc<HashMap<K, V>>]>);

impl<K: Hash + Eq, V> Shards<K, V> {
    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.0.get(part(key))?.get(key)
    }

    pub(crate) fn contains_key<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Shards<K, V> {
    pub(crate) fn insert(&mut self, key: K, value: V) {
        if let Some(part) = Arc::make_mut(&mut self.0).get_mut(part(&key)) {
            Arc::make_mut(part).insert(key, value);
        }
    }

    pub(crate) fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        if self.contains_key(key)
            && let Some(part) = Arc::make_mut(&mut self.0).get_mut(part(key))
        {
            Arc::make_mut(part).remove(key);
        }
    }
}

impl<K, V> Default for Shards<K, V> {
    fn default() -> Self {
        Self((0..PARTS).map(|_| Arc::default()).collect())
    }
}

/// FNV-1a: short keys, and nobody outside chooses many that meet in one part.
struct Fnv(u64);

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

fn part<Q: Hash + ?Sized>(key: &Q) -> usize {
    let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
    key.hash(&mut hasher);
    // One more step spreads the last bytes of short keys over the upper bits (2^64 / phi).
    let hash = hasher.finish().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    usize::try_from(hash % PARTS as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, sync::Arc};

    use super::{PARTS, Shards};

    #[test]
    fn copies_share_all_but_what_was_altered() {
        let mut map = Shards::<Box<str>, usize>::default();
        for number in 0..2_000 {
            map.insert(format!("key{number}").into(), number);
        }
        let first = map.clone();
        map.insert("key7".into(), 70);
        map.remove("none");
        assert_eq!((first.get("key7"), map.get("key7")), (Some(&7), Some(&70)));
        let shared = |a: &Shards<_, _>, b: &Shards<_, _>| {
            let pairs = a.0.iter().zip(b.0.iter());
            pairs.filter(|(a, b)| Arc::ptr_eq(a, b)).count()
        };
        assert_eq!(shared(&first, &map), PARTS - 1);
        map.remove("key8");
        assert!(first.contains_key("key8") && !map.contains_key("key8"));
        let largest = first.0.iter().map(|part| HashMap::len(part)).max();
        assert!(largest.is_some_and(|largest| largest < 40), "{largest:?}");
    }
}
