//! Functions of the provider.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use crate::{
    cty::{Type, Value},
    framework::{Function, Misused, Parameter, Signature},
};

pub(super) fn all() -> Vec<Box<dyn Function>> {
    vec![
        Box::new(RouteKey),
        Box::new(ArnParse),
        Box::new(OpenapiMerge),
    ]
}

/// Documents may be nested this deep to be merged.
const DEPTH_MAX: usize = 64;

fn text(name: &'static str, description: &'static str) -> Parameter {
    Parameter {
        name,
        ty: Type::String,
        description,
    }
}

struct RouteKey;

impl Function for RouteKey {
    fn name(&self) -> &'static str {
        "route_key"
    }

    fn signature(&self) -> Signature {
        Signature {
            summary: "The key of a route of an HTTP API.",
            description: "Checks method and path, and joins them: `GET /pets/{id}`.",
            parameters: vec![
                text("method", "The method in any case, or `ANY`."),
                text(
                    "path",
                    "The path, `/` first; `{name}` and, at the end, `{name+}`.",
                ),
            ],
            variadic: false,
            returns: Type::String,
        }
    }

    fn call(&self, arguments: &[Value]) -> Result<Value, Misused> {
        let [method, path] = arguments else {
            return Err(Misused::argument(0, "It takes a method and a path."));
        };
        let method = method.as_text().unwrap_or_default().to_ascii_uppercase();
        let path = path.as_text().unwrap_or_default();
        let known = [
            "ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT",
        ];
        if !known.contains(&method.as_str()) {
            let text = format!("{method:?} is none of {}.", known.join(", "));
            return Err(Misused::argument(0, text));
        }
        path_problem(path).map_or_else(
            || Ok(format!("{method} {path}").into()),
            |problem| Err(Misused::argument(1, problem)),
        )
    }
}

/// What is wrong with the path of a route.
fn path_problem(path: &str) -> Option<String> {
    let Some(rest) = path.strip_prefix('/') else {
        return Some("A path begins with /.".to_owned());
    };
    let segments: Vec<&str> = rest.split('/').collect();
    let last = segments.len().saturating_sub(1);
    let mut names = Vec::new();
    for (at, segment) in segments.iter().enumerate() {
        let inner = segment
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        let Some(inner) = inner else {
            if segment.contains(['{', '}']) {
                return Some(format!(
                    "{segment:?} is neither a text nor one whole variable."
                ));
            }
            continue;
        };
        let name = inner.trim_end_matches('+');
        if inner.ends_with('+') && at != last {
            return Some(format!(
                "{segment:?} takes all the rest, but is not the last segment."
            ));
        }
        if name.is_empty() || names.contains(&name) {
            return Some(format!(
                "{segment:?} has no name, or one that is used before."
            ));
        }
        names.push(name);
    }
    None
}

struct ArnParse;

const ARN_PARTS: [&str; 5] = ["partition", "service", "region", "account", "resource"];

impl Function for ArnParse {
    fn name(&self) -> &'static str {
        "arn_parse"
    }

    fn signature(&self) -> Signature {
        let of = ARN_PARTS.map(|name| (name.to_owned(), Type::String));
        Signature {
            summary: "The parts of an ARN.",
            description: "An object of `partition`, `service`, `region`, `account` and `resource`.",
            parameters: vec![text(
                "arn",
                "Such as `arn:aws:execute-api:us-east-1:1:api/*`.",
            )],
            variadic: false,
            returns: Type::Object(of.into()),
        }
    }

    fn call(&self, arguments: &[Value]) -> Result<Value, Misused> {
        let arn = arguments
            .first()
            .and_then(Value::as_text)
            .unwrap_or_default();
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", parts @ ..] = parts.as_slice() else {
            return Err(Misused::argument(
                0,
                format!("{arn:?} does not begin with arn:."),
            ));
        };
        if parts.len() != ARN_PARTS.len() {
            return Err(Misused::argument(
                0,
                format!("{arn:?} has not the parts of an ARN."),
            ));
        }
        let parts = ARN_PARTS.iter().zip(parts);
        let parts = parts.map(|(name, part)| ((*name).to_owned(), (*part).into()));
        Ok(Value::Map(parts.collect::<BTreeMap<String, Value>>()))
    }
}

struct OpenapiMerge;

impl Function for OpenapiMerge {
    fn name(&self) -> &'static str {
        "openapi_merge"
    }

    fn signature(&self) -> Signature {
        Signature {
            summary: "One OpenAPI document of several.",
            description: "Objects are merged field by field, whatever else they hold is taken \
                          from the last document that has it. The same method of the same path \
                          in two documents is refused.",
            parameters: vec![text("documents", "Documents, JSON.")],
            variadic: true,
            returns: Type::String,
        }
    }

    fn call(&self, arguments: &[Value]) -> Result<Value, Misused> {
        let mut whole = Json::Object(Map::new());
        for (at, argument) in arguments.iter().enumerate() {
            let text = argument.as_text().unwrap_or_default();
            let document: Json = serde_json::from_str(text)
                .map_err(|error| Misused::argument(at, format!("This is not JSON: {error}.")))?;
            if !document.is_object() {
                return Err(Misused::argument(at, "A document is an object."));
            }
            if let Some(twice) = same_method(&whole, &document) {
                let text = format!("{twice} is in an earlier document too.");
                return Err(Misused::argument(at, text));
            }
            merge(&mut whole, document, DEPTH_MAX);
        }
        Ok(whole.to_string().into())
    }
}

/// A method of a path that both have.
fn same_method(a: &Json, b: &Json) -> Option<String> {
    let (a, b) = (a.get("paths")?.as_object()?, b.get("paths")?.as_object()?);
    b.iter().find_map(|(path, item)| {
        let (known, item) = (a.get(path)?.as_object()?, item.as_object()?);
        let method = item.keys().find(|name| known.contains_key(*name))?;
        Some(format!("{method} {path}"))
    })
}

fn merge(into: &mut Json, from: Json, depth: usize) {
    match (into, from) {
        (Json::Object(into), Json::Object(from)) if depth > 0 => {
            for (name, value) in from {
                match into.get_mut(&name) {
                    Some(known) => merge(known, value, depth - 1),
                    None => drop(into.insert(name, value)),
                }
            }
        }
        (into, from) => *into = from,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(function: &dyn Function, arguments: &[&str], expected: Result<Value, usize>) {
        let values: Vec<Value> = arguments.iter().map(|text| (*text).into()).collect();
        let found = function.call(&values);
        let found = found.map_err(|misused| misused.argument.unwrap_or(usize::MAX));
        assert_eq!(found, expected, "{arguments:?}");
    }

    #[test]
    fn route_keys() {
        let check = |method, path, expected| check(&RouteKey, &[method, path], expected);
        check("get", "/pets/{id}", Ok("GET /pets/{id}".into()));
        check("ANY", "/{all+}", Ok("ANY /{all+}".into()));
        check("FETCH", "/", Err(0));
        check("GET", "pets", Err(1));
        check("GET", "/{all+}/x", Err(1));
        check("GET", "/{a}/{a}", Err(1));
        check("GET", "/x{a}", Err(1));
    }

    #[test]
    fn arns() {
        let parts = Value::object()
            .with("partition", "aws")
            .with("service", "execute-api")
            .with("region", "us-east-1")
            .with("account", "1")
            .with("resource", "api:x/*");
        check(
            &ArnParse,
            &["arn:aws:execute-api:us-east-1:1:api:x/*"],
            Ok(parts),
        );
        check(&ArnParse, &["arn:aws"], Err(0));
        check(&ArnParse, &["x"], Err(0));
    }

    #[test]
    fn documents() {
        let merged = r#"{"info":{"title":"b","x":1},"paths":{"/a":{"get":1,"post":2}}}"#;
        let a = r#"{"info":{"title":"a","x":1},"paths":{"/a":{"get":1}}}"#;
        let b = r#"{"info":{"title":"b"},"paths":{"/a":{"post":2}}}"#;
        check(&OpenapiMerge, &[a, b], Ok(merged.into()));
        check(&OpenapiMerge, &[a, a], Err(1));
        check(&OpenapiMerge, &[a, "[]"], Err(1));
        check(&OpenapiMerge, &["{"], Err(0));
    }
}
