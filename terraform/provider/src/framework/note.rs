//! Diagnostics: what went wrong, where in the configuration, and what to do about it.

use crate::pb;

/// A step into a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Attribute(String),
    Key(String),
    Index(i64),
}

/// A way into a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Path(pub(crate) Vec<Step>);

impl Path {
    /// A top-level attribute.
    pub(crate) fn of(name: &str) -> Self {
        Self(vec![Step::Attribute(name.to_owned())])
    }

    #[must_use]
    pub(crate) fn then(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    #[must_use]
    pub(crate) fn attribute(&self, name: &str) -> Self {
        self.then(Step::Attribute(name.to_owned()))
    }

    /// As configurations are written, such as `routes["a"].limit`.
    fn text(&self) -> String {
        let steps = self.0.iter().map(|step| match step {
            Step::Attribute(name) => format!(".{name}"),
            Step::Key(key) => format!("[{key:?}]"),
            Step::Index(index) => format!("[{index}]"),
        });
        let text: String = steps.collect();
        text.trim_start_matches('.').to_owned()
    }

    pub(crate) fn to_wire(&self) -> pb::Path {
        let steps = self.0.iter().map(|step| {
            let selector = match step {
                Step::Attribute(name) => pb::path::step::Selector::Attribute(name.clone()),
                Step::Key(key) => pb::path::step::Selector::Key(key.clone()),
                Step::Index(index) => pb::path::step::Selector::Index(*index),
            };
            pb::path::Step {
                selector: Some(selector),
            }
        });
        pb::Path {
            steps: steps.collect(),
        }
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    Error = 1,
    Warning = 2,
}

/// A diagnostic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) severity: Severity,
    /// One line.
    pub(crate) summary: String,
    /// Sentences.
    pub(crate) detail: String,
    /// The attribute it is about; none is the whole block.
    pub(crate) path: Option<Path>,
}

impl Note {
    pub(crate) fn error(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            summary: summary.into(),
            detail: detail.into(),
            path: None,
        }
    }

    pub(crate) fn warning(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(summary, detail)
        }
    }

    #[must_use]
    pub(crate) fn at(mut self, path: Path) -> Self {
        self.path = Some(path);
        self
    }

    /// With the part of its path that Terraform finds in a configuration. It shows the whole
    /// resource for a path that leads into an attribute, but for an entry right in it: the rest is
    /// said in words. The first `steps` lead to the attribute.
    #[must_use]
    pub(crate) fn found(mut self, steps: usize) -> Self {
        let Some(path) = &mut self.path else {
            return self;
        };
        let entry = |step: &Step| !matches!(step, Step::Attribute(_));
        let found = steps + usize::from(path.0.get(steps).is_some_and(entry));
        if found < path.0.len() {
            let sentence = format!(" It is about {}.", path.text());
            // An attribute further in has said it already.
            if !self.detail.contains(" It is about ") {
                self.detail.push_str(&sentence);
            }
            path.0.truncate(found);
        }
        self
    }

    pub(crate) fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    pub(crate) fn to_wire(&self) -> pb::Note {
        pb::Note {
            severity: self.severity as i32,
            summary: self.summary.clone(),
            detail: self.detail.clone(),
            path: self.path.as_ref().map(Path::to_wire),
        }
    }
}

/// All of them for the wire.
pub(crate) fn to_wire(notes: &[Note]) -> Vec<pb::Note> {
    notes.iter().map(Note::to_wire).collect()
}

#[cfg(test)]
mod tests {
    use super::{Note, Path, Step};

    #[test]
    fn what_terraform_does_not_find_is_said() {
        let found = |path: &Path| Note::error("a", "B.").at(path.clone()).found(1);
        let path = Path::of("throttle").attribute("burst_limit");
        let note = found(&path);
        assert_eq!(note.path, Some(Path::of("throttle")));
        assert_eq!(note.detail, "B. It is about throttle.burst_limit.");
        let entry = Path::of("routes").then(Step::Key("$default".to_owned()));
        let note = found(&entry.attribute("limit"));
        assert_eq!(note.path, Some(entry.clone()));
        assert_eq!(note.detail, "B. It is about routes[\"$default\"].limit.");
        assert_eq!(found(&entry).detail, "B.");
    }
}
