//! A resource that is described by a table: what can be said of it. Its life is in `life`.

mod calls;
mod life;
mod shown;

use http::Method;
use serde_json::Value as Json;

use super::{field::Field, tags};
use crate::{
    cty::Value,
    framework::{Attribute, Note},
};

pub(crate) use life::merged;
pub(crate) use shown::Shown;

/// How an object is made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Make {
    /// By a `POST` to this path.
    Post(&'static str),
    /// By a `PUT` to the object's own path.
    Put,
    /// By a `POST` to this path, or a `PUT` to its own if the configuration says its `id`.
    Either(&'static str),
    /// It is always there: by what alters it.
    Alter,
}

/// How an object is altered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// `PATCH` with `patchOperations`.
    Operations,
    /// `PATCH` with a part of the document.
    Document,
    /// `PUT` of the whole document.
    Put,
    /// Never: every change makes a new object.
    Never,
}

/// What destroying leaves of an object that cannot be deleted.
#[derive(Clone, Copy)]
pub(crate) enum Left {
    /// All of it, and this is said about it.
    AsItIs(&'static str),
    /// What this call makes of it.
    Restored(fn() -> (Method, Json)),
}

/// Where an object may be found among others.
#[derive(Clone, Copy)]
enum Listed {
    /// By a field, and the attribute with its value.
    By(&'static str, (&'static str, &'static str)),
    /// By looking into the items of the list.
    In(&'static str, Look),
}

/// A hook that finds an object within the items of a list.
pub(crate) type Look = fn(&[Json], &Value) -> Option<Json>;

/// A hook that adds to the body of a request, from the plan and the configuration.
pub(crate) type Fill = fn(&mut Json, &Value, &Value);

/// A hook that adds to the steps of an update, from the prior state and the plan.
pub(crate) type Steps = fn(&Value, &Value) -> Vec<Json>;

/// A hook that alters the steps of an update.
pub(crate) type Alter = fn(&mut Vec<Json>, &Value, &Value);

/// A hook that brings the API's answer into the form of the fields.
pub(crate) type Shape = fn(&mut Json);

/// A hook that completes the state from what was known of the object.
pub(crate) type Finish = fn(&mut Value, &Value);

/// What is wrong with a configuration.
pub(crate) type Validate = Box<dyn Fn(&Value) -> Vec<Note> + Send + Sync>;

/// A kind of object.
pub(crate) struct Piece {
    name: &'static str,
    /// As diagnostics call it, such as "stage".
    noun: &'static str,
    description: &'static str,
    fields: Vec<Field>,
    /// The path of one, with attributes in it.
    one: &'static str,
    make: Make,
    style: Style,
    listed: Option<Listed>,
    /// The attributes that a person gives to import it, separated by `/`.
    import: (&'static [&'static str], &'static str),
    fill: Option<Fill>,
    steps: Option<Steps>,
    alter: Option<Alter>,
    /// Steps without which it cannot be deleted.
    before_delete: Option<fn(&Value) -> Vec<Json>>,
    /// What making the object cannot say, as steps from nothing.
    then: Option<Steps>,
    shape: Option<Shape>,
    finish: Option<Finish>,
    validate: Option<Validate>,
    /// The end of its ARN, where it has tags.
    tagged: Option<&'static str>,
    has_revision: bool,
    waits: bool,
    /// What becomes of an object that cannot be deleted.
    left: Option<Left>,
}

impl Piece {
    pub(crate) fn new(name: &'static str, noun: &'static str, description: &'static str) -> Self {
        Self {
            name,
            noun,
            description,
            fields: Vec::new(),
            one: "",
            make: Make::Put,
            style: Style::Operations,
            listed: None,
            import: (&[], ""),
            fill: None,
            steps: None,
            alter: None,
            before_delete: None,
            then: None,
            shape: None,
            finish: None,
            validate: None,
            tagged: None,
            has_revision: false,
            waits: false,
            left: None,
        }
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// The path of one.
    #[must_use]
    pub(crate) fn at(mut self, one: &'static str, make: Make, style: Style) -> Self {
        (self.one, self.make, self.style) = (one, make, style);
        self
    }

    #[must_use]
    pub(crate) fn field(mut self, field: Field) -> Self {
        self.fields.push(field);
        self
    }

    /// An attribute of the path: which object this one belongs to.
    #[must_use]
    pub(crate) fn under(self, name: &'static str, description: &'static str) -> Self {
        let attribute = Attribute::text(name, description).required().replaces();
        self.field(Field::local(attribute))
    }

    /// The `id` that the API gives it.
    #[must_use]
    pub(crate) fn id(self, wire: &'static str, description: &'static str) -> Self {
        self.field(Field::plain(Attribute::id(description), wire))
    }

    /// Read from the list of all, which is kept for the run.
    #[must_use]
    pub(crate) fn listed(
        mut self,
        path: &'static str,
        field: &'static str,
        attribute: &'static str,
    ) -> Self {
        self.listed = Some(Listed::By(path, (field, attribute)));
        self
    }

    /// As `listed`, of an object within the items of a list.
    #[must_use]
    pub(crate) fn within(mut self, path: &'static str, look: Look) -> Self {
        self.listed = Some(Listed::In(path, look));
        self
    }

    #[must_use]
    pub(crate) fn imported_by(
        mut self,
        parts: &'static [&'static str],
        form: &'static str,
    ) -> Self {
        self.import = (parts, form);
        self
    }

    #[must_use]
    pub(crate) fn fill(mut self, fill: Fill) -> Self {
        self.fill = Some(fill);
        self
    }

    #[must_use]
    pub(crate) fn steps(mut self, steps: Steps) -> Self {
        self.steps = Some(steps);
        self
    }

    #[must_use]
    pub(crate) fn replace_steps(mut self, alter: Alter) -> Self {
        self.alter = Some(alter);
        self
    }

    #[must_use]
    pub(crate) fn before_delete(mut self, steps: fn(&Value) -> Vec<Json>) -> Self {
        self.before_delete = Some(steps);
        self
    }

    #[must_use]
    pub(crate) fn then(mut self, steps: Steps) -> Self {
        self.then = Some(steps);
        self
    }

    #[must_use]
    pub(crate) fn shape(mut self, shape: Shape) -> Self {
        self.shape = Some(shape);
        self
    }

    #[must_use]
    pub(crate) fn finish(mut self, finish: Finish) -> Self {
        self.finish = Some(finish);
        self
    }

    #[must_use]
    pub(crate) fn validate(
        mut self,
        validate: impl Fn(&Value) -> Vec<Note> + Send + Sync + 'static,
    ) -> Self {
        self.validate = Some(Box::new(validate));
        self
    }

    /// Gives it `tags`; `resource` is the end of its ARN, with attributes in it.
    #[must_use]
    pub(crate) fn tagged(mut self, resource: &'static str) -> Self {
        self.tagged = Some(resource);
        self.field(tags::field())
    }

    /// Gives it a `revision` for a deployment's `components`.
    #[must_use]
    pub(crate) fn with_revision(mut self) -> Self {
        self.has_revision = true;
        self
    }

    /// It cannot be deleted.
    #[must_use]
    pub(crate) const fn left(mut self, left: Left) -> Self {
        self.left = Some(left);
        self
    }

    /// Gives it a `wait_for` of its own.
    #[must_use]
    pub(crate) fn waits(mut self) -> Self {
        self.waits = true;
        self
    }
}
