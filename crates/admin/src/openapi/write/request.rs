//! Parameters, bodies and answers of a method, in the words of either version of the format.

use model::rest::{DocumentationKind, Method, Verb};
use serde_json::{Map, Value, json};

use super::super::read::Dialect;
use super::Writer;
use super::methods::location;

impl Writer<'_> {
    pub(super) fn put_request(
        &self,
        fields: &mut Map<String, Value>,
        path: &str,
        verb: Verb,
        method: &Method,
    ) {
        let mut parameters = self.parameters(path, verb, method);
        let models = &method.settings.request_models;
        let about =
            self.documentation
                .of_location(&location(DocumentationKind::RequestBody, path, verb));
        match self.dialect {
            Dialect::Two => {
                if let Some(model) = models.values().next() {
                    let mut body = about;
                    body.insert("in".to_owned(), json!("body"));
                    body.insert("name".to_owned(), json!(model));
                    body.insert("required".to_owned(), json!(true));
                    body.insert("schema".to_owned(), self.reference(model));
                    parameters.push(Value::Object(body));
                    let types: Vec<&String> = models.keys().collect();
                    fields.insert("consumes".to_owned(), json!(types));
                }
                let mut types: Vec<&String> = method
                    .responses
                    .values()
                    .flat_map(|response| response.models.keys())
                    .collect();
                types.sort();
                types.dedup();
                if !types.is_empty() {
                    fields.insert("produces".to_owned(), json!(types));
                }
            }
            Dialect::Three if models.is_empty() => {}
            Dialect::Three => {
                let content: Map<String, Value> = models
                    .iter()
                    .map(|(media, model)| (media.clone(), json!({"schema": self.reference(model)})))
                    .collect();
                let mut body = about;
                body.insert("content".to_owned(), Value::Object(content));
                body.insert("required".to_owned(), json!(true));
                fields.insert("requestBody".to_owned(), Value::Object(body));
            }
        }
        if !parameters.is_empty() {
            fields.insert("parameters".to_owned(), Value::Array(parameters));
        }
    }

    fn parameters(&self, path: &str, verb: Verb, method: &Method) -> Vec<Value> {
        let all = method.settings.request_parameters.iter();
        let parameter = |(key, required): (&String, &bool)| {
            let rest = key.strip_prefix("method.request.")?;
            let (place, name) = rest.split_once('.')?;
            let (place, kind) = match place {
                "path" => ("path", DocumentationKind::PathParameter),
                "querystring" => ("query", DocumentationKind::QueryParameter),
                "header" => ("header", DocumentationKind::RequestHeader),
                _ => return None,
            };
            let mut about = location(kind, path, verb);
            about.name = Some(name.to_owned());
            let mut fields = self.documentation.of_location(&about);
            fields.insert("name".to_owned(), json!(name));
            fields.insert("in".to_owned(), json!(place));
            let required = *required || place == "path";
            match self.dialect {
                Dialect::Two => {
                    fields.insert("required".to_owned(), json!(required));
                    fields.insert("type".to_owned(), json!("string"));
                }
                Dialect::Three => {
                    if required {
                        fields.insert("required".to_owned(), json!(true));
                    }
                    fields.insert("schema".to_owned(), json!({ "type": "string" }));
                }
            }
            Some(Value::Object(fields))
        };
        all.filter_map(parameter).collect()
    }

    pub(super) fn responses(&self, path: &str, verb: Verb, method: &Method) -> Map<String, Value> {
        let response = |(status, response): (&u16, &model::rest::MethodResponse)| {
            let status = status.to_string();
            let mut about = location(DocumentationKind::Response, path, verb);
            about.status = Some(status.clone());
            let mut fields = self.documentation.of_location(&about);
            let usual = || json!(format!("{status} response"));
            fields.entry("description").or_insert_with(usual);
            let names = response.parameters.keys();
            let names = names.filter_map(|key| key.strip_prefix("method.response.header."));
            let headers: Map<String, Value> = names
                .map(|name| {
                    let mut about = location(DocumentationKind::ResponseHeader, path, verb);
                    about.status = Some(status.clone());
                    about.name = Some(name.to_owned());
                    let mut header = self.documentation.of_location(&about);
                    match self.dialect {
                        Dialect::Two => header.insert("type".to_owned(), json!("string")),
                        Dialect::Three => {
                            header.insert("schema".to_owned(), json!({ "type": "string" }))
                        }
                    };
                    (name.to_owned(), Value::Object(header))
                })
                .collect();
            super::put_full(&mut fields, "headers", headers);
            match self.dialect {
                Dialect::Two => {
                    if let Some(model) = response.models.values().next() {
                        fields.insert("schema".to_owned(), self.reference(model));
                    }
                }
                Dialect::Three => {
                    let content = response.models.iter().map(|(media, model)| {
                        (media.clone(), json!({ "schema": self.reference(model) }))
                    });
                    super::put_full(&mut fields, "content", content.collect());
                }
            }
            (status, Value::Object(fields))
        };
        method.responses.iter().map(response).collect()
    }

    fn reference(&self, model: &str) -> Value {
        match self.dialect {
            Dialect::Two => json!({ "$ref": format!("#/definitions/{model}") }),
            Dialect::Three => json!({ "$ref": format!("#/components/schemas/{model}") }),
        }
    }
}
