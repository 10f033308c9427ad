//! From a REST API to an OpenAPI file.
//!
//! Reading the file again gives the same API: what the format itself cannot say is in Amazon's
//! extensions, as far as they were asked for.

mod aggregate;
mod methods;
mod parts;
mod request;

use model::rest::{Content, Settings};
use serde_json::{Map, Value, json};

use super::read::Dialect;

/// What is written besides the format's own fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extensions {
    /// Integrations of methods.
    pub(crate) integrations: bool,
    /// Authorizers.
    pub(crate) authorizers: bool,
    /// Everything else.
    pub(crate) gateway: bool,
    /// All documentation parts.
    pub(crate) documentation: bool,
}

/// What is written.
pub(crate) struct Source<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) content: &'a Content,
    /// Host name of the API's endpoint.
    pub(crate) host: &'a str,
    /// The stage, which is the base path.
    pub(crate) stage: &'a str,
    /// Stands for the version of an API that has none.
    pub(crate) created: &'a str,
    /// Version of the documentation, when that is written.
    pub(crate) documentation_version: Option<&'a str>,
}

/// One file in the making.
struct Writer<'a> {
    source: &'a Source<'a>,
    dialect: Dialect,
    extensions: Extensions,
    documentation: parts::Documentation<'a>,
    schemes: parts::Schemes,
}

/// A file that describes an API.
pub(crate) fn document(source: &Source<'_>, dialect: Dialect, extensions: Extensions) -> Value {
    let writer = Writer {
        source,
        dialect,
        extensions,
        documentation: parts::Documentation::of(source.content),
        schemes: parts::Schemes::of(source.content),
    };
    Value::Object(writer.write())
}

impl Writer<'_> {
    fn write(&self) -> Map<String, Value> {
        let mut file = Map::new();
        let put = |file: &mut Map<String, Value>, name: &str, value: Value| {
            file.insert(name.to_owned(), value);
        };
        let schemas = self.schemas();
        let schemes = self.security_schemes();
        let stage = format!("/{}", self.source.stage);
        match self.dialect {
            Dialect::Two => {
                put(&mut file, "swagger", json!("2.0"));
                put(&mut file, "host", json!(self.source.host));
                put(&mut file, "basePath", json!(stage));
                put(&mut file, "schemes", json!(["https"]));
                put_full(&mut file, "definitions", schemas);
                put_full(&mut file, "securityDefinitions", schemes);
                if let Some(endpoint) = self.endpoint() {
                    put(&mut file, parts::ENDPOINT, endpoint);
                }
            }
            Dialect::Three => {
                put(&mut file, "openapi", json!("3.0.1"));
                let mut server = json!({
                    "url": format!("https://{}/{{basePath}}", self.source.host),
                    "variables": { "basePath": { "default": stage } },
                });
                if let (Some(endpoint), Some(fields)) = (self.endpoint(), server.as_object_mut()) {
                    put(fields, parts::ENDPOINT, endpoint);
                }
                put(&mut file, "servers", json!([server]));
                let mut components = Map::new();
                put_full(&mut components, "schemas", schemas);
                put_full(&mut components, "securitySchemes", schemes);
                put(&mut file, "components", Value::Object(components));
            }
        }
        put(&mut file, "info", self.info());
        put(&mut file, "paths", Value::Object(self.paths()));
        file.extend(self.documentation.of_api());
        if self.extensions.gateway {
            file.extend(self.gateway());
        }
        if self.extensions.documentation {
            let parts = self.documentation.all(self.source.documentation_version);
            put(&mut file, "x-amazon-apigateway-documentation", parts);
        }
        file
    }

    fn info(&self) -> Value {
        let settings = self.source.settings;
        let version = settings.version.as_deref();
        let mut info = self.documentation.of_info();
        info.insert("title".to_owned(), json!(settings.name));
        let version = version.unwrap_or(self.source.created);
        info.insert("version".to_owned(), json!(version));
        if let Some(description) = &settings.description {
            info.insert("description".to_owned(), json!(description));
        }
        Value::Object(info)
    }
}

/// Puts an object unless it is empty.
fn put_full(file: &mut Map<String, Value>, name: &str, fields: Map<String, Value>) {
    if !fields.is_empty() {
        file.insert(name.to_owned(), Value::Object(fields));
    }
}

/// Puts a value unless it is missing.
fn put_some(file: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        file.insert(name.to_owned(), value.into());
    }
}
