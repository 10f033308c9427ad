//! From an OpenAPI file to the definition of a REST API.
//!
//! Order matters only in that names are known before they are used: settings, validators,
//! authorizers and models come before paths. What exists already keeps its ids when it keeps its
//! name or path. Whether the result may replace what is there is for `model` to say.

mod aggregate;
mod documentation;
mod integration;
mod methods;
mod paths;
mod request;
mod responses;
mod schemas;
mod security;
mod settings;

use std::collections::BTreeMap;
use std::sync::Arc;

use model::DocumentationPartId;
use model::rest::{Content, Definition, DocumentationLocation, Settings};
use serde_json::Value;

use super::fault::{Fault, Report};
use super::node::Node;
use crate::ids;
use crate::refusal::Refusal;

pub(super) use security::usual_auth_type;
pub(super) use settings::{endpoint_of, kept_base_path};

/// The two versions of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// OpenAPI 2.0, known as Swagger.
    Two,
    /// OpenAPI 3.0.
    Three,
}

/// What becomes of what the API consists of already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It stays, unless the file has something of the same name or path.
    Merge,
    /// It goes; names and paths that stay keep their ids.
    Overwrite,
}

/// What becomes of the file's base path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum BasePath {
    /// It is left out.
    #[default]
    Ignore,
    /// It is put in front of each path.
    Prepend,
    /// Its first segment is left out, the rest is put in front of each path.
    Split,
}

impl BasePath {
    /// As the parameter `basepath` of a call says.
    ///
    /// # Errors
    /// For any other word.
    pub(crate) fn asked(text: Option<&str>) -> Result<Self, Refusal> {
        match text {
            None | Some("ignore") => Ok(Self::Ignore),
            Some("prepend") => Ok(Self::Prepend),
            Some("split") => Ok(Self::Split),
            Some(other) => Err(Refusal::bad(format!(
                "basepath must be ignore, prepend or split, not {other:?}"
            ))),
        }
    }
}

/// How a file is to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    /// The API's id, which schemas use to refer to one another.
    pub(crate) api: &'a str,
    pub(crate) mode: Mode,
    pub(crate) base_path: BasePath,
    /// Whether documentation is left out.
    pub(crate) ignore_documentation: bool,
    pub(crate) fail_on_warnings: bool,
}

/// What a file says.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) definition: Definition,
    /// The documentation version that the file makes.
    pub(crate) documentation_version: Option<String>,
    pub(crate) warnings: Vec<String>,
}

/// A definition in the making.
struct Builder<'a> {
    root: &'a Value,
    dialect: Dialect,
    wanted: Wanted<'a>,
    report: Report,
    settings: Settings,
    content: Content,
    /// As it was before.
    before: Arc<Content>,
    /// Ids of paths, those of `before` included.
    paths: Paths,
    /// The one child of a resource that is a variable.
    variables: BTreeMap<model::ResourceId, String>,
    /// Ids of documentation parts, those of `before` included.
    documented: BTreeMap<DocumentationLocation, DocumentationPartId>,
    schemes: BTreeMap<String, security::Scheme>,
    documentation_version: Option<String>,
    /// Put in front of each path.
    prefix: String,
}

/// Resource ids by path.
type Paths = BTreeMap<String, model::ResourceId>;

/// Reads a definition out of a file.
///
/// # Errors
/// All that is wrong with the file, each with its place.
pub(crate) fn definition(
    root: &Value,
    before: Definition,
    wanted: Wanted<'_>,
) -> Result<Read, Refusal> {
    let top = Node::root(root);
    let dialect = dialect(&top)?;
    let content = match wanted.mode {
        Mode::Merge => Content::clone(&before.content),
        Mode::Overwrite => Content::empty(before.content.root.clone()),
    };
    let mut builder = Builder {
        root,
        dialect,
        wanted,
        report: Report::default(),
        settings: before.settings,
        paths: paths::known(&before.content),
        variables: paths::variables(&content),
        documented: documentation::known(&before.content),
        before: before.content,
        content,
        schemes: BTreeMap::new(),
        documentation_version: None,
        prefix: String::new(),
    };
    builder.build(&top);
    let warnings = builder.report.finish(wanted.fail_on_warnings)?;
    // What a deployment freezes of the settings.
    let (settings, content) = (&builder.settings, &mut builder.content);
    content
        .binary_media_types
        .clone_from(&settings.binary_media_types);
    content.minimum_compression_size = settings.minimum_compression_size;
    content.api_key_source = settings.api_key_source;
    content.policy.clone_from(&settings.policy);
    Ok(Read {
        definition: Definition {
            settings: builder.settings,
            content: Arc::new(builder.content),
        },
        documentation_version: builder.documentation_version,
        warnings,
    })
}

fn dialect(top: &Node<'_>) -> Result<Dialect, Fault> {
    if let Some(version) = top.get("swagger") {
        return match version.text()?.as_str() {
            "2.0" => Ok(Dialect::Two),
            other => Err(version.fault(format!("version {other} is not 2.0"))),
        };
    }
    let Some(version) = top.get("openapi") else {
        return Err(top.fault("neither 'swagger' nor 'openapi' says what this is"));
    };
    match version.text()? {
        text if text.starts_with("3.0") => Ok(Dialect::Three),
        other => Err(version.fault(format!("version {other} is neither 2.0 nor 3.0.x"))),
    }
}

impl<'a> Builder<'a> {
    fn build(&mut self, top: &Node<'a>) {
        // In this order; one that fails does not keep the others from telling their faults.
        let steps = [
            self.read_settings(top),
            self.read_base_path(top),
            self.read_validators(top),
            self.read_schemes(top),
            self.read_schemas(top),
            self.read_paths(top),
            self.read_models_used(top),
            self.read_gateway_responses(top),
            self.read_documentation(top),
        ];
        for step in steps {
            self.report.keep(step);
        }
    }

    /// A new id of six characters.
    fn id<T: From<String>>() -> T {
        ids::short().into()
    }
}
