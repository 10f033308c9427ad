//! From an OpenAPI 3.0 file to what an HTTP API consists of.
//!
//! Operations become routes, `x-amazon-apigateway-integration` becomes their integrations, which
//! are shared when they refer to one in `components`. Who may use a route is in `http_security`.
//! HTTP APIs have neither models nor
//! validation, so schemas and parameters mean nothing here, as at Amazon.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Cors, HttpContent, Integration, IntegrationId, Route, RouteId, RouteKey};
use serde_json::{Map, Value};

use super::fault::{Fault, Report};
use super::http_security::Schemes;
use super::node::Node;
use super::read::BasePath;
use crate::document::Document;
use crate::ids;
use crate::refusal::Refusal;
use crate::v2;

const ANY_METHOD: &str = "x-amazon-apigateway-any-method";
const INTEGRATION: &str = "x-amazon-apigateway-integration";
/// What a file says of an HTTP API.
#[derive(Debug)]
pub(crate) struct HttpRead {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) disable_execute_api_endpoint: bool,
    pub(crate) content: HttpContent,
    pub(crate) warnings: Vec<String>,
}

struct Builder<'a> {
    root: &'a Value,
    report: Report,
    before: &'a HttpContent,
    content: HttpContent,
    /// Integrations in `components`, by the place where they stand.
    shared: BTreeMap<String, IntegrationId>,
    prefix: String,
    schemes: Schemes,
}

/// Reads an HTTP API out of a file; routes that stay keep their ids.
///
/// # Errors
/// All that is wrong with the file, each with its place.
pub(crate) fn http_api(
    root: &Value,
    before: &HttpContent,
    base_path: BasePath,
    fail_on_warnings: bool,
) -> Result<HttpRead, Refusal> {
    let top = Node::root(root);
    let version = top.text_of("openapi")?.unwrap_or_default();
    if !version.starts_with("3.0") {
        return Err(Refusal::bad("Only OpenAPI 3.x.x are currently supported"));
    }
    let info = top
        .get("info")
        .ok_or_else(|| top.fault("'info' is missing"))?;
    let name = info.text_of("title")?.filter(|title| !title.is_empty());
    let mut builder = Builder {
        root,
        report: Report::default(),
        before,
        content: HttpContent::default(),
        shared: BTreeMap::new(),
        prefix: super::read::kept_base_path(&top, base_path)?,
        schemes: Schemes::default(),
    };
    let steps = [
        builder.read_cors(&top),
        builder.read_authorizers(&top),
        builder.read_paths(&top),
    ];
    for step in steps {
        builder.report.keep(step);
    }
    let endpoint = super::read::endpoint_of(&top)?;
    let disabled = endpoint.map(|found| found.flag_of("disableExecuteApiEndpoint"));
    Ok(HttpRead {
        name: name.ok_or_else(|| info.fault("'title' is missing; it becomes the API's name"))?,
        description: info.text_of("description")?.filter(|text| !text.is_empty()),
        version: info.text_of("version")?.filter(|text| !text.is_empty()),
        disable_execute_api_endpoint: disabled.transpose()?.flatten().unwrap_or(false),
        content: builder.content,
        warnings: builder.report.finish(fail_on_warnings)?,
    })
}

impl<'a> Builder<'a> {
    /// The same fields as `corsConfiguration`, which is where their rules are.
    fn read_cors(&mut self, top: &Node<'a>) -> Result<(), Fault> {
        let Some(node) = top.get("x-amazon-apigateway-cors") else {
            return Ok(());
        };
        let fields = [("corsConfiguration".to_owned(), node.value.clone())];
        let document = Document::of("", fields.into_iter().collect());
        let cors: Option<Cors> =
            v2::cross_origin(&document).map_err(|refusal| as_fault(&node, refusal))?;
        self.content.cors = cors;
        Ok(())
    }

    fn read_authorizers(&mut self, top: &Node<'a>) -> Result<(), Fault> {
        let (schemes, authorizers) = Schemes::read(top, self.before)?;
        self.content.authorizers = authorizers;
        self.schemes = schemes;
        Ok(())
    }

    fn read_paths(&mut self, top: &Node<'a>) -> Result<(), Fault> {
        let Some(paths) = top.get("paths") else {
            return Ok(());
        };
        for (path, item) in paths.object()? {
            if path.starts_with("x-") {
                continue;
            }
            let item = item.resolve(self.root)?;
            for (name, node) in item.object()? {
                if let Err(fault) = self.read_operation(path, name, &node) {
                    self.report.error(fault);
                }
            }
        }
        Ok(())
    }

    fn read_operation(&mut self, path: &str, name: &str, node: &Node<'a>) -> Result<(), Fault> {
        let method = match name {
            ANY_METHOD => "ANY".to_owned(),
            "parameters" | "summary" | "description" | "servers" => return Ok(()),
            other if other.starts_with("x-") => return Ok(()),
            other => other.to_ascii_uppercase(),
        };
        let text = match path {
            "/$default" => "$default".to_owned(),
            path => format!("{method} {}{path}", self.prefix),
        };
        let key = RouteKey::parse(&text).map_err(|error| node.fault(error.to_string()))?;
        let rules = self.schemes.rules(self.root, node)?;
        let old = self.before.routes.values().find(|route| route.key == key);
        let id = old.map_or_else(|| RouteId::from(ids::short()), |old| old.id.clone());
        let target = match node.get(INTEGRATION) {
            Some(found) => {
                let kept = old.and_then(|old| old.target.clone());
                Some(self.integration(&found, kept)?)
            }
            None => {
                let text = format!("{key} has no integration; it will answer 500");
                self.report.warn(&node.at, text);
                None
            }
        };
        let route = Route {
            id: id.clone(),
            key,
            target,
            operation_name: node.text_of("operationId")?,
            managed: false,
            rules: Box::new(rules),
        };
        self.content.routes.insert(id, Arc::new(route));
        Ok(())
    }

    fn integration(
        &mut self,
        node: &Node<'a>,
        kept: Option<IntegrationId>,
    ) -> Result<IntegrationId, Fault> {
        let found = node.resolve(self.root)?;
        let shared = found.at != node.at;
        if let Some(id) = self.shared.get(&found.at) {
            return Ok(id.clone());
        }
        let free = |id: &IntegrationId| !self.content.integrations.contains_key(id);
        let id = kept.filter(free).unwrap_or_else(|| ids::short().into());
        let integration = read_integration(&found, id.clone())?;
        self.content
            .integrations
            .insert(id.clone(), Arc::new(integration));
        if shared {
            self.shared.insert(found.at, id.clone());
        }
        Ok(id)
    }
}

/// Fields of the extension, and what `CreateIntegration` calls them.
const FIELDS: [(&str, &str); 12] = [
    ("uri", "integrationUri"),
    ("httpMethod", "integrationMethod"),
    ("credentials", "credentialsArn"),
    ("connectionType", "connectionType"),
    ("connectionId", "connectionId"),
    ("integrationSubtype", "integrationSubtype"),
    ("payloadFormatVersion", "payloadFormatVersion"),
    ("requestParameters", "requestParameters"),
    ("responseParameters", "responseParameters"),
    ("timeoutInMillis", "timeoutInMillis"),
    ("tlsConfig", "tlsConfig"),
    ("description", "description"),
];

/// The rules are those of `CreateIntegration`.
fn read_integration(node: &Node<'_>, id: IntegrationId) -> Result<Integration, Fault> {
    let kind = node.text_of("type")?.unwrap_or_default();
    let mut fields = Map::new();
    let name = "integrationType".to_owned();
    fields.insert(name, kind.to_ascii_uppercase().into());
    for (theirs, ours) in FIELDS {
        if let Some(found) = node.get(theirs) {
            // YAML has no quotes, and numbers count as their text elsewhere.
            let value = match found.value {
                Value::Number(number) if theirs == "payloadFormatVersion" => {
                    number.to_string().into()
                }
                Value::String(text) if theirs == "timeoutInMillis" => {
                    let number: Option<u32> = text.parse().ok();
                    number.map_or_else(|| found.value.clone(), Value::from)
                }
                value => value.clone(),
            };
            fields.insert(ours.to_owned(), value);
        }
    }
    let document = Document::of("", fields);
    v2::integration(&document, false, id).map_err(|refusal| as_fault(node, refusal))
}

/// What a rule of the management API says, with its place in the file.
pub(super) fn as_fault(node: &Node<'_>, refusal: Refusal) -> Fault {
    match refusal {
        Refusal::BadRequest(text)
        | Refusal::Serialization(text)
        | Refusal::Validation(text)
        | Refusal::UnsupportedField(text) => node.fault(text),
        other => node.fault(format!("{other:?}")),
    }
}
