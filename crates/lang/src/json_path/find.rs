//! Following a path through a document, step by step: from all places found so far to all places
//! of the next step.

use serde_json::{Map, Value};

use super::{Found, Path, PathError, Step};

/// A search in one document, with what it may still cost.
pub(super) struct Search<'a, 's> {
    pub(super) root: &'a Value,
    pub(super) steps: &'s mut u64,
}

impl<'a> Search<'a, '_> {
    pub(super) fn run(&mut self, path: &Path) -> Result<Found<'a>, PathError> {
        let found = self.follow(path, self.root)?;
        match &path.function {
            None => Ok(found),
            Some(function) => {
                let made = function.apply(&found);
                Ok(made.map_or(Found::One(None), Found::Made))
            }
        }
    }

    /// What the steps of `path` find from `start`, its function aside.
    pub(super) fn follow(&mut self, path: &Path, start: &'a Value) -> Result<Found<'a>, PathError> {
        let mut places = vec![start];
        for (number, step) in path.steps.iter().enumerate() {
            if let (Step::Properties(names), true) = (step, number + 1 == path.steps.len())
                && path.is_definite
            {
                let merged = places.first().and_then(|place| merged(place, names));
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

    pub(super) fn spend(&mut self, steps: usize) -> Result<(), PathError> {
        let steps = u64::try_from(steps).unwrap_or(u64::MAX);
        *self.steps = self.steps.checked_sub(steps).ok_or(PathError::Steps)?;
        Ok(())
    }

    fn step(
        &mut self,
        step: &Step,
        place: &'a Value,
        next: &mut Vec<&'a Value>,
    ) -> Result<(), PathError> {
        self.spend(1)?;
        match step {
            Step::Property(name) => next.extend(place.get(name)),
            Step::Properties(names) => {
                self.spend(names.len())?;
                next.extend(names.iter().filter_map(|name| place.get(name)));
            }
            Step::Index(index) => next.extend(element(place, *index)),
            Step::Indexes(indexes) => {
                self.spend(indexes.len())?;
                next.extend(indexes.iter().filter_map(|index| element(place, *index)));
            }
            Step::Slice(from, to) => {
                let elements = slice(place, *from, *to);
                self.spend(elements.len())?;
                next.extend(elements);
            }
            Step::Wildcard => {
                self.spend(inner_count(place))?;
                push_inner(place, next);
            }
            Step::Scan => self.scan(place, next)?,
            Step::Filter(filter) => match place {
                Value::Array(items) => {
                    for item in items {
                        self.spend(1)?;
                        if filter.accepts(self, item)? {
                            next.push(item);
                        }
                    }
                }
                Value::Object(_) if filter.accepts(self, place)? => next.push(place),
                _ => {}
            },
        }
        Ok(())
    }

    /// The place and everything within it, outer before inner.
    fn scan(&mut self, place: &'a Value, next: &mut Vec<&'a Value>) -> Result<(), PathError> {
        let mut open = vec![place];
        while let Some(place) = open.pop() {
            next.push(place);
            let before = open.len();
            self.spend(inner_count(place) + 1)?;
            push_inner(place, &mut open);
            if let Some(added) = open.get_mut(before..) {
                added.reverse();
            }
        }
        Ok(())
    }
}

fn inner_count(place: &Value) -> usize {
    match place {
        Value::Array(items) => items.len(),
        Value::Object(entries) => entries.len(),
        _ => 0,
    }
}

fn push_inner<'a>(place: &'a Value, to: &mut Vec<&'a Value>) {
    match place {
        Value::Array(items) => to.extend(items),
        Value::Object(entries) => to.extend(entries.values()),
        _ => {}
    }
}

/// One element; a negative index counts from the end.
fn element(place: &Value, index: i64) -> Option<&Value> {
    let items = place.as_array()?;
    items.get(from_start(index, items.len())?)
}

pub(super) fn from_start(index: i64, length: usize) -> Option<usize> {
    if index >= 0 {
        return usize::try_from(index).ok();
    }
    length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)
}

fn slice(place: &Value, from: Option<i64>, to: Option<i64>) -> &[Value] {
    let Some(items) = place.as_array() else {
        return &[];
    };
    let border = |at: i64| from_start(at, items.len()).unwrap_or(0).min(items.len());
    let from = from.map_or(0, border);
    let to = to.map_or(items.len(), border);
    items.get(from..to).unwrap_or_default()
}

/// An object of those properties that exist.
fn merged(place: &Value, names: &[String]) -> Option<Value> {
    let entries = place.as_object()?;
    let entry = |name: &String| Some((name.clone(), entries.get(name)?.clone()));
    Some(Value::Object(
        names.iter().filter_map(entry).collect::<Map<_, _>>(),
    ))
}
