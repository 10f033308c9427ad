//! The golden cases of `tests/golden/vtl`: a template, a body, and what is rendered. The first
//! line of each says where the expected text comes from.

use std::{fs, path::Path};

use super::render;

#[test]
fn golden_cases_render_as_expected() {
    // Tests run in the folder of their package.
    let folder = Path::new("../../tests/golden/vtl");
    let mut count = 0;
    let mut wrong = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let (head, expected) = text.split_once("\n=== expected\n").unwrap();
        let (head, body) = head.split_once("\n=== body\n").unwrap_or((head, ""));
        let (source, template) = head.split_once("\n=== template\n").unwrap();
        assert!(
            source.starts_with("source: "),
            "{name} does not say its source"
        );
        let rendered = render(template, body);
        if rendered.as_deref() != Ok(expected) {
            wrong.push(format!(
                "{name}: rendered {rendered:?}, expected {expected:?}"
            ));
        }
        count += 1;
    }
    assert!(count > 100, "found only {count} cases");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
