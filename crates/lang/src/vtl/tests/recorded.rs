//! Renderings recorded on API Gateway, when the file that holds them is at hand: its path stands
//! in `EDGEWAY_VTL_VECTORS`. Each template was rendered there as the template of an answer, with
//! its variables set from a JSON text that the request's template had put into an override.

use serde_json::Value;

use super::render_with;
use crate::vtl::Overrides;

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "where the recordings lie differs by machine"
)]
fn renders_as_recorded() {
    let Some(path) = std::env::var_os("EDGEWAY_VTL_VECTORS") else {
        println!("skipped: EDGEWAY_VTL_VECTORS names no file of recordings");
        return;
    };
    let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let cases = file["cases"].as_array().unwrap();
    let wrong: Vec<String> = cases.iter().filter_map(difference).collect();
    println!(
        "{} of {} recordings rendered alike",
        cases.len() - wrong.len(),
        cases.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is different in one recording, if anything is.
fn difference(case: &Value) -> Option<String> {
    let template = case["template"].as_str().unwrap();
    let context = case["context"].as_object().unwrap();
    let set = |name: &String| format!("#set(${name} = $bodyJSON.{name})");
    let variables: Vec<String> = context.keys().map(set).collect();
    let whole = format!(
        "#set($body = $context.requestOverride.path.body)\n\
         #set($bodyJSON = $util.parseJson($body)) {}\n{template}",
        variables.join(" ")
    );
    let mut overrides = Overrides::default();
    overrides.request.path = vec![("body".to_owned(), case["context"].to_string())];
    let mut rendered = match render_with(&whole, "", &mut overrides) {
        Ok(rendered) => rendered,
        Err(error) => return Some(format!("{template:?}: {error}")),
    };
    if case["ignore_whitespace"] == Value::Bool(true) {
        rendered = rendered.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    let is_alike = match &case["expected"] {
        Value::String(expected) => *expected == rendered,
        // A rendering that is JSON was recorded as such.
        expected => serde_json::from_str::<Value>(&rendered).is_ok_and(|it| it == *expected),
    };
    (!is_alike).then(|| format!("{template:?}: {rendered:?}, recorded {}", case["expected"]))
}
