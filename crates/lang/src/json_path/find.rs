//! Following a path through a document, step by step: from all places found so far to all places
//! of the next step.

use serde_json::{Map, Value};

use super::{Found, Path, PathError, Step};
use crate::json::{Document, View};

/// Parts of a list or object that are passed for one step.
const PARTS_PER_STEP: usize = 16;

/// A search in one document, with what it may still cost.
pub(super) struct Search<'a, 's> {
    pub(super) root: View<'a>,
    pub(super) steps: &'s mut u64,
}

impl<'a> Search<'a, '_> {
    pub(super) fn run(&mut self, path: &Path) -> Result<Found<'a>, PathError> {
        let found = self.follow(path, self.root)?;
        match &path.function {
            None => Ok(found),
            Some(function) => {
                if let Found::Many(places) = &found {
                    self.spend(places.len())?;
                }
                let made = function.apply(&found);
                Ok(made.map_or(Found::One(None), Found::Made))
            }
        }
    }

    /// What the steps of `path` find from `start`, its function aside.
    pub(super) fn follow(&mut self, path: &Path, start: View<'a>) -> Result<Found<'a>, PathError> {
        if let Some(found) = self.straight(path, start)? {
            return Ok(found);
        }
        let mut places = vec![start];
        for (number, step) in path.steps.iter().enumerate() {
            if let (Step::Properties(names), true) = (step, number + 1 == path.steps.len())
                && path.is_definite
            {
                let merged = places.first().and_then(|place| merged(*place, names));
                return Ok(merged.map_or(Found::One(None), Found::Made));
            }
            let mut next = Vec::new();
            for place in places {
                self.step(step, place, &mut next)?;
            }
            places = next;
        }
        if path.is_definite {
            return Ok(Found::One(places.first().copied()));
        }
        Ok(Found::Many(places))
    }

    /// The place of a path that goes from one place to the next, with no lists on the way.
    fn straight(&mut self, path: &Path, start: View<'a>) -> Result<Option<Found<'a>>, PathError> {
        let mut place = Some(start);
        for step in &path.steps {
            let Some(here) = place else { break };
            self.spend(1 + here.len() / PARTS_PER_STEP)?;
            place = match step {
                Step::Property(name) => here.get(name),
                Step::Index(index) => element(here, *index),
                _ => return Ok(None),
            };
        }
        Ok(path.is_definite.then_some(Found::One(place)))
    }

    pub(super) fn spend(&mut self, steps: usize) -> Result<(), PathError> {
        let steps = u64::try_from(steps).unwrap_or(u64::MAX);
        *self.steps = self.steps.checked_sub(steps).ok_or(PathError::Steps)?;
        Ok(())
    }

    fn step(
        &mut self,
        step: &Step,
        place: View<'a>,
        next: &mut Vec<View<'a>>,
    ) -> Result<(), PathError> {
        self.spend(1 + place.len() / PARTS_PER_STEP)?;
        match step {
            Step::Property(name) => next.extend(place.get(name)),
            Step::Properties(names) => {
                self.spend(names.len() * (1 + place.len() / PARTS_PER_STEP))?;
                next.extend(names.iter().filter_map(|name| place.get(name)));
            }
            Step::Index(index) => next.extend(element(place, *index)),
            Step::Indexes(indexes) => {
                self.spend(indexes.len() * (1 + place.len() / PARTS_PER_STEP))?;
                next.extend(indexes.iter().filter_map(|index| element(place, *index)));
            }
            Step::Slice(from, to) => {
                let (before, count) = slice(place, *from, *to);
                self.spend(before / PARTS_PER_STEP + count)?;
                next.extend(place.items().skip(before).take(count));
            }
            Step::Wildcard => {
                self.spend(place.len())?;
                push_inner(place, next);
            }
            Step::Scan => self.scan(place, next)?,
            Step::Filter(filter) => {
                for item in place.items() {
                    self.spend(1)?;
                    if filter.accepts(self, item)? {
                        next.push(item);
                    }
                }
                if place.is_object() && filter.accepts(self, place)? {
                    next.push(place);
                }
            }
        }
        Ok(())
    }

    /// The place and everything within it, outer before inner.
    fn scan(&mut self, place: View<'a>, next: &mut Vec<View<'a>>) -> Result<(), PathError> {
        let mut open = vec![place];
        while let Some(place) = open.pop() {
            next.push(place);
            let before = open.len();
            self.spend(place.len() + 1)?;
            push_inner(place, &mut open);
            if let Some(added) = open.get_mut(before..) {
                added.reverse();
            }
        }
        Ok(())
    }
}

fn push_inner<'a>(place: View<'a>, to: &mut Vec<View<'a>>) {
    to.extend(place.items());
    to.extend(place.entries().map(|(_, value)| value));
}

/// One element; a negative index counts from the end.
fn element(place: View<'_>, index: i64) -> Option<View<'_>> {
    if !place.is_array() {
        return None;
    }
    place.element(from_start(index, place.len())?)
}

pub(super) fn from_start(index: i64, length: usize) -> Option<usize> {
    if index >= 0 {
        return usize::try_from(index).ok();
    }
    length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)
}

/// How many elements are before a slice, and how many in it.
fn slice(place: View<'_>, from: Option<i64>, to: Option<i64>) -> (usize, usize) {
    if !place.is_array() {
        return (0, 0);
    }
    let length = place.len();
    let border = |at: i64| from_start(at, length).unwrap_or(0).min(length);
    let from = from.map_or(0, border);
    let to = to.map_or(length, border);
    (from, to.saturating_sub(from))
}

/// An object of those properties that exist.
fn merged(place: View<'_>, names: &[String]) -> Option<Document<'static>> {
    if !place.is_object() {
        return None;
    }
    let entry = |name: &String| Some((name.clone(), place.get(name)?.to_value()));
    made(&Value::Object(
        names.iter().filter_map(entry).collect::<Map<_, _>>(),
    ))
}

/// A document of a value that is nowhere in another.
pub(super) fn made(value: &Value) -> Option<Document<'static>> {
    Document::of(value).ok()
}
