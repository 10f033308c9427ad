//! `DocumentationPart` and `DocumentationVersion`.

use http::StatusCode;
use model::{
    Config, DocumentationPartId,
    rest::{
        DocumentationKind, DocumentationLocation, DocumentationPart, DocumentationVersion, RestKey,
        RestPart, Seen,
    },
};
use serde_json::Value;

use super::{
    checks, input,
    kind::{self, Key, Kind, Part, api},
    patch::{Holds, R, Rule, rule},
    view::{View, seconds},
};
use crate::{
    answer::Answer,
    call::{Call, Write},
    document::Document,
    ids,
    operation::{Operation, read, write},
    refusal::Refusal,
};

const PARTS: &str = "/restapis/{api}/documentation/parts";
const PART: &str = "/restapis/{api}/documentation/parts/{part}";
const VERSIONS: &str = "/restapis/{api}/documentation/versions";
const VERSION: &str = "/restapis/{api}/documentation/versions/{version}";

pub(super) const OPERATIONS: &[Operation] = &[
    read("GetDocumentationParts", PARTS, list_parts),
    write("CreateDocumentationPart", "POST", PARTS, create_part),
    read("GetDocumentationPart", PART, kind::show::<Parts>),
    write(
        "UpdateDocumentationPart",
        "PATCH",
        PART,
        kind::update::<Parts>,
    ),
    write(
        "DeleteDocumentationPart",
        "DELETE",
        PART,
        kind::delete::<Parts>,
    ),
    read("GetDocumentationVersions", VERSIONS, list_versions),
    write(
        "CreateDocumentationVersion",
        "POST",
        VERSIONS,
        create_version,
    ),
    read("GetDocumentationVersion", VERSION, kind::show::<Versions>),
    write(
        "UpdateDocumentationVersion",
        "PATCH",
        VERSION,
        kind::update::<Versions>,
    ),
    write(
        "DeleteDocumentationVersion",
        "DELETE",
        VERSION,
        kind::delete::<Versions>,
    ),
];

/// The order in which Amazon lists the types.
const WORDS: [&str; 12] = [
    "RESPONSE_BODY",
    "RESPONSE",
    "METHOD",
    "MODEL",
    "AUTHORIZER",
    "RESPONSE_HEADER",
    "RESOURCE",
    "PATH_PARAMETER",
    "REQUEST_BODY",
    "QUERY_PARAMETER",
    "API",
    "REQUEST_HEADER",
];

struct Parts;

impl Kind for Parts {
    type Item = DocumentationPart;

    const RULES: &'static [Rule] = &[rule("/properties", R, Holds::Text)];

    fn key(call: &Call<'_>) -> Result<Key, Refusal> {
        let id = api(call)?.0.id.clone();
        Ok(Key::Rest(
            id,
            RestKey::DocumentationPart(call.argument(1).into()),
        ))
    }

    fn missing(_call: &Call<'_>) -> Refusal {
        Refusal::Missing("Invalid Documentation part identifier specified".to_owned())
    }

    fn item(part: Part) -> Option<DocumentationPart> {
        match part {
            Part::Rest(RestPart::DocumentationPart(part)) => Some(*part),
            _ => None,
        }
    }

    fn part(part: DocumentationPart) -> Part {
        Part::Rest(RestPart::DocumentationPart(part.into()))
    }

    fn view(part: &DocumentationPart) -> Value {
        part_shape(part)
    }

    fn read(
        _call: &Call<'_>,
        input: &Document,
        old: Option<&DocumentationPart>,
    ) -> Result<DocumentationPart, Refusal> {
        let properties = checks::optional(input, "properties")?;
        let properties = properties
            .ok_or_else(|| Refusal::bad("Documentation part properties must be non-empty"))?;
        serde_json::from_str::<Value>(&properties).map_err(|_| {
            Refusal::bad("Documentation part properties must be a valid JSON string")
        })?;
        let location = input.object("location")?.unwrap_or_default();
        let id = old.map(|old| old.id.clone());
        Ok(DocumentationPart {
            id: id.unwrap_or_else(|| DocumentationPartId::from(ids::deployment())),
            location: read_location(&location)?,
            properties,
        })
    }

    fn shown(_config: &Config, _key: &Key, part: &DocumentationPart) -> Value {
        part_shape(part)
    }
}

fn read_location(input: &Document) -> Result<DocumentationLocation, Refusal> {
    let kind = input.word("type", DocumentationKind::parse, &WORDS)?;
    let kind = kind.ok_or_else(|| {
        Refusal::not_in_set("null", "createDocumentationPartInput.location.type", &WORDS)
    })?;
    let status = checks::optional(input, "statusCode")?;
    if let Some(text) = status.as_deref().filter(|text| *text != "*") {
        checks::status_code(text)?;
    }
    Ok(DocumentationLocation {
        kind,
        path: checks::optional(input, "path")?,
        method: checks::optional(input, "method")?,
        status,
        name: checks::optional(input, "name")?,
    })
}

fn part_shape(part: &DocumentationPart) -> Value {
    let location = &part.location;
    View::default()
        .put("id", part.id.as_str())
        .put(
            "location",
            View::default()
                .put("type", location.kind.as_str())
                .maybe("path", location.path.as_deref())
                .maybe("method", location.method.as_deref())
                .maybe("statusCode", location.status.as_deref())
                .maybe("name", location.name.as_deref()),
        )
        .put("properties", part.properties.as_str())
        .done()
}

/// Undocumented things have no part, so `locationStatus=UNDOCUMENTED` leaves nothing to list.
fn list_parts(call: &Call<'_>) -> Result<Answer, Refusal> {
    let none = call.query("locationStatus") == Some("UNDOCUMENTED");
    let fits = |name: &str, value: Option<&str>| {
        let wanted = call.query(name).filter(|wanted| !wanted.is_empty());
        wanted.is_none_or(|wanted| value == Some(wanted))
    };
    let wanted = |part: &&std::sync::Arc<DocumentationPart>| {
        let location = &part.location;
        let path = call.query("path").unwrap_or_default();
        !none
            && fits("type", Some(location.kind.as_str()))
            && fits("name", location.name.as_deref())
            && location
                .path
                .as_deref()
                .unwrap_or_default()
                .starts_with(path)
    };
    let parts = api(call)?.1.content.documentation.values().filter(wanted);
    kind::list(call, parts.map(|part| (part.id.as_str(), part_shape(part))))
}

fn create_part(call: &Call<'_>) -> Result<Write, Refusal> {
    let id = api(call)?.0.id.clone();
    kind::create::<Parts>(call, |part| {
        Key::Rest(id, RestKey::DocumentationPart(part.id.clone()))
    })
}

struct Versions;

impl Kind for Versions {
    type Item = DocumentationVersion;

    const RULES: &'static [Rule] = &[rule("/description", R, Holds::Text)];

    fn key(call: &Call<'_>) -> Result<Key, Refusal> {
        let id = api(call)?.0.id.clone();
        let version = call.argument(1).to_owned();
        Ok(Key::Rest(id, RestKey::DocumentationVersion(version)))
    }

    fn missing(_call: &Call<'_>) -> Refusal {
        Refusal::Missing("Invalid Documentation version specified".to_owned())
    }

    fn item(part: Part) -> Option<DocumentationVersion> {
        match part {
            Part::Rest(RestPart::DocumentationVersion(version)) => Some(*version),
            _ => None,
        }
    }

    fn part(version: DocumentationVersion) -> Part {
        Part::Rest(RestPart::DocumentationVersion(version.into()))
    }

    fn view(version: &DocumentationVersion) -> Value {
        View::default()
            .put("documentationVersion", version.version.as_str())
            .maybe("description", version.description.as_deref())
            .done()
    }

    fn read(
        call: &Call<'_>,
        input: &Document,
        old: Option<&DocumentationVersion>,
    ) -> Result<DocumentationVersion, Refusal> {
        let version = checks::optional(input, "documentationVersion")?;
        let version =
            version.ok_or_else(|| Refusal::bad("Documentation version must be non-empty"))?;
        Ok(DocumentationVersion {
            version,
            created_ms: old.map_or(call.now_ms, |old| old.created_ms),
            description: checks::optional(input, "description")?,
            parts: Default::default(),
        })
    }

    fn shown(_config: &Config, _key: &Key, version: &DocumentationVersion) -> Value {
        version_shape(version)
    }
}

fn version_shape(version: &DocumentationVersion) -> Value {
    View::default()
        .put("version", version.version.as_str())
        .put("createdDate", seconds(version.created_ms))
        .maybe("description", version.description.as_deref())
        .done()
}

fn list_versions(call: &Call<'_>) -> Result<Answer, Refusal> {
    let versions = api(call)?.1.documentation_versions.values();
    kind::list(
        call,
        versions.map(|one| (one.version.as_str(), version_shape(one))),
    )
}

/// With a stage, the stage shows the version from then on.
fn create_version(call: &Call<'_>) -> Result<Write, Refusal> {
    let (api, _) = api(call)?;
    let input = input(call);
    let version = Versions::read(call, &input, None)?;
    let name = version.version.clone();
    let key = Key::Rest(api.id.clone(), RestKey::DocumentationVersion(name.clone()));
    let mut write = kind::writing::<Versions>(key, Seen::Nothing, version, StatusCode::CREATED);
    if let Some(stage) = checks::optional(&input, "stageName")? {
        let missing = || Refusal::Missing("Invalid stage identifier specified".to_owned());
        let key = Key::Rest(api.id.clone(), RestKey::Stage(stage.as_str().into()));
        let part = key.now(call.config).ok_or_else(missing)?;
        let seen = part.seen();
        let Part::Rest(RestPart::Stage(mut stage)) = part else {
            return Err(missing());
        };
        stage.rest.get_or_insert_default().documentation_version = Some(name);
        write
            .ops
            .push(key.change(seen, Some(Part::Rest(RestPart::Stage(stage)))));
    }
    Ok(write)
}
