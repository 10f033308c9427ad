//! Round trips of any value, and bytes of a hostile peer.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::{Number, Type, Value, decode, encode, from_json, to_json};

fn types() -> impl Strategy<Value = Type> {
    let leaf = prop_oneof![
        Just(Type::Bool),
        Just(Type::Number),
        Just(Type::String),
        Just(Type::Dynamic),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(Type::list),
            inner.clone().prop_map(Type::set),
            inner.clone().prop_map(Type::map),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Type::Tuple),
            prop::collection::btree_map("[a-c]{1,2}", inner, 0..4).prop_map(Type::Object),
        ]
    })
}

fn numbers() -> impl Strategy<Value = Number> {
    let real = any::<f64>().prop_filter("finite", |real| real.is_finite());
    prop_oneof![
        any::<i64>().prop_map(Number::Whole),
        real.prop_map(Number::of),
    ]
}

/// Any value of the type, its unknowns and nulls included.
fn values(ty: &Type) -> BoxedStrategy<Value> {
    let known = match ty {
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::Number => numbers().prop_map(Value::Number).boxed(),
        Type::String => any::<String>().prop_map(Value::String).boxed(),
        Type::Dynamic => any::<String>()
            .prop_map(|text| Value::Typed(Box::new(Type::String), Box::new(text.into())))
            .boxed(),
        Type::List(of) | Type::Set(of) => prop::collection::vec(values(of), 0..3)
            .prop_map(Value::List)
            .boxed(),
        Type::Map(of) => prop::collection::btree_map(".{0,3}", values(of), 0..3)
            .prop_map(Value::Map)
            .boxed(),
        Type::Tuple(of) => {
            let items: Vec<_> = of.iter().map(values).collect();
            items.prop_map(Value::List).boxed()
        }
        Type::Object(of) => {
            let names: Vec<String> = of.keys().cloned().collect();
            let items: Vec<_> = of.values().map(values).collect();
            let filled = move |items: Vec<Value>| {
                Value::Map(names.iter().cloned().zip(items).collect::<BTreeMap<_, _>>())
            };
            items.prop_map(filled).boxed()
        }
    };
    prop_oneof![1 => Just(Value::Null), 1 => Just(Value::Unknown), 6 => known].boxed()
}

fn typed() -> impl Strategy<Value = (Type, Value)> {
    types().prop_flat_map(|ty| {
        let values = values(&ty);
        (Just(ty), values)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn what_is_packed_unpacks_to_the_same((ty, value) in typed()) {
        let bytes = encode(&value, &ty).unwrap();
        prop_assert_eq!(decode(&bytes, &ty).unwrap(), value);
    }

    #[test]
    fn a_type_reads_back_from_its_json(ty in types()) {
        prop_assert_eq!(Type::from_json(&ty.to_json()).unwrap(), ty);
    }

    #[test]
    fn bytes_of_a_hostile_peer_are_refused_or_read(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        ty in types(),
    ) {
        drop(decode(&bytes, &ty));
    }

    #[test]
    fn a_packed_value_with_bytes_changed_does_no_harm(
        (ty, value) in typed(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = encode(&value, &ty).unwrap();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        drop(decode(&bytes, &ty));
    }
}

#[test]
fn deep_nesting_is_refused_and_does_not_overflow() {
    let arrays = vec![0x91_u8; 100_000];
    assert!(decode(&arrays, &Type::Dynamic).is_err());
    let maps: Vec<u8> = [0x81, 0xa1, b'a'].repeat(100_000);
    assert!(decode(&maps, &Type::map(Type::String)).is_err());
    let mut deep = json!("string");
    for _ in 0..200 {
        deep = json!(["list", deep]);
    }
    assert!(Type::from_json(&deep).is_err());
}

#[test]
fn a_length_that_is_a_lie_reserves_nothing() {
    assert!(decode(&[0xdd, 0xff, 0xff, 0xff, 0xff], &Type::list(Type::Bool)).is_err());
    assert!(decode(&[0xdb, 0xff, 0xff, 0xff, 0xff], &Type::String).is_err());
    assert!(decode(&[0xdf, 0xff, 0xff, 0xff, 0xff], &Type::map(Type::Bool)).is_err());
}

#[test]
fn numbers_come_as_integers_doubles_and_texts() {
    let check = |bytes: &[u8], expected: Number| {
        let value = decode(bytes, &Type::Number).unwrap();
        assert_eq!(value, Value::Number(expected), "{bytes:?}");
    };
    check(&[5], Number::Whole(5));
    check(&[0xcb, 0x40, 0x14, 0, 0, 0, 0, 0, 0], Number::Whole(5));
    check(&[0xa1, b'5'], Number::Whole(5));
    check(b"\xa31.5", Number::Real(1.5));
    let long = b"\xb412345678901234567890";
    check(long, Number::Text("12345678901234567890".into()));
}

#[test]
fn every_extension_is_an_unknown() {
    for code in [0_u8, 12, 99] {
        let value = decode(&[0xd4, code, 0], &Type::String).unwrap();
        assert_eq!(value, Value::Unknown);
    }
    assert_eq!(encode(&Value::Unknown, &Type::Bool).unwrap(), [0xd4, 0, 0]);
}

#[test]
fn a_stored_state_of_another_schema_is_read_as_far_as_it_goes() {
    let of = [("name", Type::String), ("count", Type::Number)];
    let ty = Type::Object(of.map(|(name, ty)| (name.to_owned(), ty)).into());
    let value = from_json(&json!({ "name": "a", "gone": [1] }), &ty);
    assert_eq!(to_json(&value), json!({ "count": null, "name": "a" }));
}
