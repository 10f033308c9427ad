//! Makes values of any type that a record can hold, until every variant of every `enum` in it has
//! been made: what the golden records of a format are made of.
//!
//! It pretends to be a record that is being read, so it needs to know nothing of the types. The
//! values fit their types and say nothing sensible: no rule of `apply` holds for them.

use std::collections::BTreeMap;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess,
    VariantAccess, Visitor, value::U32Deserializer,
};

type Error = serde::de::value::Error;

/// Below this, lists are empty and options absent.
const DEPTH_FULL: usize = 14;
/// Below this, nothing more is made: a type that holds itself would never end.
const DEPTH_MAX: usize = 48;
/// So many values in a row may show nothing new before all is taken for found.
const IDLE_MAX: usize = 3_000;

/// An `enum`, by its name and the first of its variants (names are used in several modules).
type Which = (&'static str, &'static str);

/// What is remembered from value to value.
#[derive(Default)]
pub(super) struct Shapes {
    /// How often each variant was made, and whether that last showed anything new.
    made: BTreeMap<Which, Vec<(u32, bool)>>,
    /// Variants that have been made.
    found: usize,
    depth: usize,
    number: u64,
}

impl Shapes {
    /// Values of `T`, each with something that those before it do not have, at most `max`.
    pub(super) fn all<T: DeserializeOwned>(&mut self, max: usize) -> Vec<T> {
        let mut values = Vec::new();
        let mut idle = 0;
        while idle < IDLE_MAX && values.len() < max {
            let before = self.found;
            self.depth = 0;
            let value = T::deserialize(&mut *self);
            let new = self.found > before || values.is_empty();
            match value {
                Ok(value) if new => {
                    values.push(value);
                    idle = 0;
                }
                _ => idle += 1,
            }
        }
        values
    }

    /// Variants that were met and never made, as the name of their `enum` and their place in it.
    pub(super) fn missing(&self) -> Vec<(&'static str, usize)> {
        let variants = self.made.iter().flat_map(|((name, _), made)| {
            let never = made
                .iter()
                .enumerate()
                .filter(|(_, (count, _))| *count == 0);
            never.map(|(at, _)| (*name, at))
        });
        variants.collect()
    }

    /// Numbers that do not repeat soon, of one, three and more bytes in a record.
    fn next(&mut self) -> u64 {
        self.number += 1;
        match self.number % 7 {
            5 => self.number + 300,
            6 => self.number + 70_000,
            _ => self.number,
        }
    }

    /// How many a list holds: mostly one.
    fn count(&mut self) -> usize {
        if self.depth > DEPTH_FULL {
            return 0;
        }
        match self.next() % 11 {
            3 => 2,
            7 => 0,
            _ => 1,
        }
    }

    /// Never made before, then those that showed something new last, then the least used one.
    fn choose(&mut self, which: Which, variants: usize) -> usize {
        let made = self
            .made
            .entry(which)
            .or_insert_with(|| vec![(0, true); variants]);
        let rank = |(count, fruitful): (u32, bool)| (count > 0, !fruitful, count);
        let best = (0..variants).min_by_key(|at| rank(made[*at]));
        let best = best.expect("an enum has a variant");
        if made[best].0 == 0 {
            self.found += 1;
        }
        made[best].0 += 1;
        best
    }

    fn deeper<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.depth >= DEPTH_MAX {
            return Err(serde::de::Error::custom("too deep"));
        }
        self.depth += 1;
        let done = work(self);
        self.depth = self.depth.saturating_sub(1);
        done
    }
}

/// A number that fits every type: lengths of prefixes are checked when they are read.
macro_rules! small {
    ($($name:ident $visit:ident $type:ty,)*) => {$(
        fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.$visit((self.next() % 32) as $type)
        }
    )*};
}

macro_rules! large {
    ($($name:ident $visit:ident $type:ty,)*) => {$(
        fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.$visit(self.next() as $type)
        }
    )*};
}

#[expect(clippy::cast_possible_truncation, reason = "any number will do")]
#[expect(clippy::cast_precision_loss, reason = "any number will do")]
#[expect(clippy::cast_possible_wrap, reason = "any number will do")]
impl<'de> Deserializer<'de> for &mut Shapes {
    type Error = Error;

    small! {
        deserialize_u8 visit_u8 u8,
        deserialize_i8 visit_i8 i8,
    }

    large! {
        deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64,
        deserialize_u128 visit_u128 u128,
        deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64,
        deserialize_f32 visit_f32 f32,
        deserialize_f64 visit_f64 f64,
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(serde::de::Error::custom(
            "a record does not describe itself",
        ))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let even = self.next().is_multiple_of(2);
        visitor.visit_bool(even)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_char('x')
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = format!("t{}", self.next());
        visitor.visit_string(text)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_byte_buf(vec![1, 2])
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.count() == 0 {
            return visitor.visit_none();
        }
        self.deeper(|shapes| visitor.visit_some(shapes))
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let left = self.count();
        self.deeper(|shapes| visitor.visit_seq(Left { shapes, left }))
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        left: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deeper(|shapes| visitor.visit_seq(Left { shapes, left }))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        left: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_tuple(left, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let left = self.count();
        self.deeper(|shapes| visitor.visit_map(Left { shapes, left }))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_tuple(fields.len(), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let which = (name, *variants.first().expect("an enum has a variant"));
        self.deeper(|shapes| {
            let before = shapes.found;
            let at = shapes.choose(which, variants.len());
            let made = visitor.visit_enum(Chosen { shapes, at });
            let fruitful = shapes.found > before;
            if let Some(made) = shapes.made.get_mut(&which) {
                made[at].1 = fruitful;
            }
            made
        })
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }
}

/// So many more of a list.
struct Left<'a> {
    shapes: &'a mut Shapes,
    left: usize,
}

impl<'de> SeqAccess<'de> for Left<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        self.left = left;
        seed.deserialize(&mut *self.shapes).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> MapAccess<'de> for Left<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        self.next_element_seed(seed)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(&mut *self.shapes)
    }
}

struct Chosen<'a> {
    shapes: &'a mut Shapes,
    at: usize,
}

impl<'de> EnumAccess<'de> for Chosen<'_> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let at = u32::try_from(self.at).expect("few variants");
        let index: U32Deserializer<Error> = serde::de::IntoDeserializer::into_deserializer(at);
        Ok((seed.deserialize(index)?, self))
    }
}

impl<'de> VariantAccess<'de> for Chosen<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.shapes)
    }

    fn tuple_variant<V: Visitor<'de>>(self, left: usize, visitor: V) -> Result<V::Value, Error> {
        self.shapes.deserialize_tuple(left, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.shapes.deserialize_tuple(fields.len(), visitor)
    }
}
