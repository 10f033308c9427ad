//! A table does what an ordered map does, whatever is done to it and to its copies.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{CHUNK_MAX, Table};
use crate::codec::{self, Kind};

type Map = BTreeMap<u16, u32>;

fn differences(old: &Table<u16, u32>, new: &Table<u16, u32>) -> BTreeMap<u16, [Option<u32>; 2]> {
    let mut all = BTreeMap::new();
    new.changes(old, PartialEq::eq, |key, before, after| {
        all.insert(*key, [before.copied(), after.copied()]);
    });
    all
}

fn expected(old: &Map, new: &Map) -> BTreeMap<u16, [Option<u32>; 2]> {
    let keys = old.keys().chain(new.keys());
    let values = keys.map(|key| (*key, [old.get(key).copied(), new.get(key).copied()]));
    values.filter(|(_, [a, b])| a != b).collect()
}

fn check(table: &Table<u16, u32>, map: &Map) {
    assert!(table.iter().eq(map.iter()) && table.iter().rev().eq(map.iter().rev()));
    assert_eq!((table.len(), table.iter().len()), (map.len(), map.len()));
    let fresh: Table<u16, u32> = map.clone().into_iter().collect();
    assert_eq!((table, table.sum()), (&fresh, fresh.sum()));
    let sizes = table.chunks.iter().map(|chunk| chunk.entries.len());
    assert!(sizes.clone().all(|size| (1..=CHUNK_MAX).contains(&size)));
}

proptest! {
    #[test]
    fn it_is_an_ordered_map(
        start in prop::collection::btree_map(0_u16..400, any::<u32>(), 0..300),
        steps in prop::collection::vec((0_u16..400, prop::option::of(any::<u32>())), 0..200),
    ) {
        let mut table: Table<u16, u32> = start.clone().into_iter().collect();
        check(&table, &start);
        let (first, mut map) = (table.clone(), start.clone());
        for (at, (key, value)) in steps.into_iter().enumerate() {
            let old = match value {
                Some(value) if at % 2 == 0 => {
                    prop_assert_eq!(table.get_mut(&key).is_some(), map.contains_key(&key));
                    table.get_mut(&key).into_iter().for_each(|old| *old = value);
                    map.get_mut(&key).into_iter().for_each(|old| *old = value);
                    continue;
                }
                Some(value) => (table.insert(key, value), map.insert(key, value)),
                None => (table.remove(&key), map.remove(&key)),
            };
            prop_assert_eq!(old.0, old.1);
            prop_assert_eq!(table.get(&key), map.get(&key));
        }
        check(&table, &map);
        check(&first, &start);
        prop_assert_eq!(differences(&first, &table), expected(&start, &map));
        prop_assert_eq!(differences(&table, &first), expected(&map, &start));
        let bytes = codec::encode(Kind::Other, &table).unwrap();
        prop_assert_eq!(&bytes, &codec::encode(Kind::Other, &map).unwrap());
        let decoded: Table<u16, u32> = codec::decode(Kind::Other, &bytes).unwrap();
        prop_assert_eq!(decoded, table);
    }
}

#[test]
fn a_change_copies_one_chunk_and_its_difference_is_found_in_it() {
    let start: Table<u16, u32> = (0..10_000_u16).map(|key| (key, u32::from(key))).collect();
    let mut next = start.clone();
    assert!(next.is_copy_of(&start));
    next.insert(5_000, 1);
    let shared = start.chunks.iter().zip(next.chunks.iter());
    let copied = shared.filter(|(a, b)| !std::sync::Arc::ptr_eq(a, b));
    assert_eq!(copied.count(), 1);
    let looked_at = std::cell::Cell::new(0);
    let same = |a: &u32, b: &u32| {
        looked_at.set(looked_at.get() + 1);
        a == b
    };
    let mut found = Vec::new();
    next.changes(&start, same, |key, before, after| {
        found.push((*key, before.copied(), after.copied()));
    });
    assert_eq!(found, [(5_000, Some(5_000), Some(1))]);
    assert!(looked_at.get() <= CHUNK_MAX);
}

#[test]
fn the_sum_tells_contents_apart() {
    let one: Table<u16, u32> = [(1, 2), (3, 4)].into();
    let two: Table<u16, u32> = [(1, 4), (3, 2)].into();
    assert_ne!(one.sum(), two.sum());
    assert_eq!(one.sum().bytes, two.sum().bytes);
    assert_ne!(one.sum(), one.sum().in_field(1));
}
