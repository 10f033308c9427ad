//! Paths into bodies that lead to one place: `$.a.b[0]['c']`.
//!
//! Not here: paths that find several values (`*`, `..`, filters, slices); they are refused.

use serde_json::Value;

/// A path, read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    /// Negative ones count from the end.
    Item(i64),
}

/// Not a path to one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it does not lead to one place")]
pub(super) struct PathError;

impl Path {
    pub(super) fn parse(text: &str) -> Result<Self, PathError> {
        let mut rest = text.strip_prefix('$').ok_or(PathError)?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, behind) = if let Some(inside) = rest.strip_prefix('[') {
                bracket(inside)?
            } else {
                let name = rest.strip_prefix('.').ok_or(PathError)?;
                let end = name.find(['.', '[']).unwrap_or(name.len());
                let (name, behind) = name.split_at_checked(end).ok_or(PathError)?;
                if name.is_empty() || name.contains(['*', '?', '(', ']', '@']) {
                    return Err(PathError);
                }
                (Step::Member(name.to_owned()), behind)
            };
            steps.push(step);
            rest = behind;
        }
        Ok(Self(steps))
    }

    pub(super) fn find<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(value, |value, step| match step {
            Step::Member(name) => value.as_object()?.get(name),
            Step::Item(index) => {
                let items = value.as_array()?;
                let index = match usize::try_from(*index) {
                    Ok(index) => index,
                    Err(_) => items
                        .len()
                        .checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?,
                };
                items.get(index)
            }
        })
    }
}

/// After a `[`.
fn bracket(inside: &str) -> Result<(Step, &str), PathError> {
    for quote in ['\'', '"'] {
        if let Some(name) = inside.strip_prefix(quote) {
            let (name, behind) = name.split_once(quote).ok_or(PathError)?;
            let behind = behind.strip_prefix(']').ok_or(PathError)?;
            return Ok((Step::Member(name.to_owned()), behind));
        }
    }
    let (index, behind) = inside.split_once(']').ok_or(PathError)?;
    let index = index.trim().parse().map_err(|_| PathError)?;
    Ok((Step::Item(index), behind))
}
