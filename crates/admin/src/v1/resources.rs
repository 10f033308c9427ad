//! `Resource`: the tree of paths.

use model::{
    Config, ResourceId,
    rest::{Content, Resource, RestKey, RestPart},
};
use serde_json::{Map, Value};

use super::{
    kind::{self, Key, Kind, Part},
    methods,
    patch::{Holds, R, Rule, Step, rule},
    view::View,
};
use crate::{
    answer::Answer,
    call::{Call, Write},
    document::Document,
    ids,
    operation::{Operation, read, write},
    refusal::Refusal,
};

const ONE: &str = "/restapis/{api}/resources/{resource}";

pub(super) const OPERATIONS: &[Operation] = &[
    read("GetResources", "/restapis/{api}/resources", list),
    write(
        "CreateResource",
        "POST",
        "/restapis/{api}/resources/{parent}",
        create,
    ),
    read("GetResource", ONE, show),
    write("UpdateResource", "PATCH", ONE, kind::update::<Resources>),
    write("DeleteResource", "DELETE", ONE, kind::delete::<Resources>),
];

struct Resources;

/// The resource above, and the last segment of the path.
type Place = (Option<ResourceId>, String);

impl Kind for Resources {
    type Item = Place;

    const RULES: &'static [Rule] = &[
        rule("/parentId", R, Holds::Text),
        rule("/pathPart", R, Holds::Text),
    ];

    fn key(call: &Call<'_>) -> Result<Key, Refusal> {
        let id = found(call)?.1.id.clone();
        Ok(Key::Rest(call.argument(0).into(), RestKey::Resource(id)))
    }

    fn missing(_call: &Call<'_>) -> Refusal {
        missing()
    }

    fn item(part: Part) -> Option<Place> {
        match part {
            Part::Rest(RestPart::Resource(parent, part)) => Some((parent, part)),
            _ => None,
        }
    }

    fn part((parent, part): Place) -> Part {
        Part::Rest(RestPart::Resource(parent, part))
    }

    fn view((parent, part): &Place) -> Value {
        let view = View::default().put("pathPart", part.as_str());
        view.maybe("parentId", parent.as_ref().map(ResourceId::as_str))
            .done()
    }

    fn read(_call: &Call<'_>, input: &Document, old: Option<&Place>) -> Result<Place, Refusal> {
        let part = input.text("pathPart")?.unwrap_or_default();
        let parent = input.text("parentId")?.map(ResourceId::from);
        if let Some((None, _)) = old {
            return Ok((None, part));
        }
        path_part(&part)?;
        Ok((parent, part))
    }

    fn shown(config: &Config, key: &Key, _item: &Place) -> Value {
        let Key::Rest(api, RestKey::Resource(id)) = key else {
            return Value::Null;
        };
        let rest = config.rest_api(api.as_str());
        let shown = rest.and_then(|(_, rest)| {
            let resource = rest.content.resources.get(id)?;
            Some(shape(&rest.content, resource, Embedded::No))
        });
        shown.unwrap_or(Value::Null)
    }

    fn special((parent, _): &mut Place, steps: Vec<Step>) -> Result<Vec<Step>, Refusal> {
        let first = steps.first().filter(|_| parent.is_none());
        match first.map(|step| step.path.as_str()) {
            Some("/parentId") => Err(Refusal::bad("Root resource cannot update its parentId.")),
            Some("/pathPart") => Err(Refusal::bad("Root resource cannot update its pathPart.")),
            _ => Ok(steps),
        }
    }
}

/// Whether methods are shown with a resource.
#[derive(Clone, Copy)]
enum Embedded {
    /// Only their names.
    No,
    Yes,
}

impl Embedded {
    fn of(call: &Call<'_>) -> Self {
        let mut asked = call.query.iter().filter(|(name, _)| name == "embed");
        if asked.any(|(_, what)| what.split(',').any(|one| one == "methods")) {
            Self::Yes
        } else {
            Self::No
        }
    }
}

fn shape(content: &Content, resource: &Resource, embedded: Embedded) -> Value {
    let methods = resource.methods.iter().map(|(verb, method)| {
        let value = match embedded {
            Embedded::No => Value::Object(Map::new()),
            Embedded::Yes => methods::shape(*verb, method),
        };
        (verb.to_string(), value)
    });
    let methods: Map<String, Value> = methods.collect();
    View::default()
        .put("id", resource.id.as_str())
        .maybe("parentId", resource.parent.as_ref().map(ResourceId::as_str))
        .maybe(
            "pathPart",
            resource.parent.as_ref().map(|_| resource.part.as_str()),
        )
        .put("path", content.path(&resource.id))
        .filled("resourceMethods", methods.into())
        .done()
}

/// The resource that the path names.
pub(super) fn found<'c>(call: &Call<'c>) -> Result<(&'c Content, &'c Resource), Refusal> {
    let rest = call.config.rest_api(call.argument(0));
    let content = &rest.ok_or_else(missing)?.1.content;
    let resource = content.resources.get(call.argument(1));
    Ok((content, resource.ok_or_else(missing)?))
}

pub(super) fn missing() -> Refusal {
    Refusal::Missing("Invalid Resource identifier specified".to_owned())
}

fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let content = &kind::api(call)?.1.content;
    let embedded = Embedded::of(call);
    let resources = content.resources.values();
    kind::list(
        call,
        resources.map(|resource| (resource.id.as_str(), shape(content, resource, embedded))),
    )
}

fn show(call: &Call<'_>) -> Result<Answer, Refusal> {
    let (content, resource) = found(call)?;
    Answer::ok(&shape(content, resource, Embedded::of(call)))
}

fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    let parent = found(call)?.1.id.clone();
    let part = call.document.text("pathPart")?.unwrap_or_default();
    path_part(&part)?;
    let key = RestKey::Resource(ids::deployment().into());
    Ok(kind::writing::<Resources>(
        Key::Rest(call.argument(0).into(), key),
        model::rest::Seen::Nothing,
        (Some(parent), part),
        http::StatusCode::CREATED,
    ))
}

/// Letters, digits and `-._,:`, or `{name}`, or `{name+}`.
fn path_part(part: &str) -> Result<(), Refusal> {
    let plain = |text: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-._,:".contains(c);
        !text.is_empty() && text.chars().all(fits)
    };
    let variable = part
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'));
    let fits = match variable {
        Some(name) => plain(name.strip_suffix('+').unwrap_or(name)),
        None => plain(part),
    };
    if fits {
        return Ok(());
    }
    Err(Refusal::bad(
        "Resource's path part only allow a-zA-Z0-9._-,: and curly braces at the beginning and the \
         end and an optional plus sign before the closing brace.",
    ))
}
