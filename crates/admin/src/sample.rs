//! A mapping template that makes a body of a model's shape: what `GetModelTemplate` gives as a
//! starting point. `$ref` and combinations are not followed.

use std::fmt::Write as _;

use serde_json::Value;

/// How deep a schema is followed.
const DEPTH_MAX: usize = 16;
/// Bytes after which nothing more is written.
const BYTES_MAX: usize = 64 << 10;

/// The template for a JSON schema; empty braces when the schema says nothing.
pub(crate) fn template(schema: &str) -> String {
    let schema: Value = serde_json::from_str(schema).unwrap_or_default();
    let mut out = String::from("#set($inputRoot = $input.path('$'))\n");
    sample(&schema, "$inputRoot", 0, &mut out);
    out
}

fn sample(schema: &Value, path: &str, depth: usize, out: &mut String) {
    if depth >= DEPTH_MAX || out.len() >= BYTES_MAX {
        out.push_str("null");
        return;
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    let kind = schema.get("type").and_then(Value::as_str);
    let pad = "  ".repeat(depth);
    // Writing to a String cannot fail.
    match (kind, properties, schema.get("items")) {
        (Some("array"), _, items) => {
            let name = format!("$elem{depth}");
            let _ = writeln!(out, "[\n## one element after the other");
            let _ = writeln!(out, "#foreach({name} in {path})");
            let _ = write!(out, "{pad}  ");
            sample(items.unwrap_or(&Value::Null), &name, depth + 1, out);
            let _ = write!(out, "#if($foreach.hasNext),#end\n#end\n{pad}]");
        }
        (_, Some(properties), _) => {
            out.push_str("{\n");
            let last = properties.len().saturating_sub(1);
            for (at, (name, inner)) in properties.iter().enumerate() {
                let _ = write!(out, "{pad}  \"{name}\" : ");
                sample(inner, &format!("{path}.{name}"), depth + 1, out);
                out.push_str(if at < last { ",\n" } else { "\n" });
            }
            let _ = write!(out, "{pad}}}");
        }
        (Some("integer" | "number"), ..) => out.push_str("42"),
        (Some("boolean"), ..) => out.push_str("true"),
        (Some("object"), ..) | (None, None, None) => out.push_str("{}"),
        _ => out.push_str("\"foo\""),
    }
}
