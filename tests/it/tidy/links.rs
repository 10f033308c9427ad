//! Links between our pages lead somewhere.
//!
//! Only relative links are checked: the web is not ours, and the gate works without it.

use super::{File, Finding};

/// `exists` tells whether a path relative to the root is a file or folder.
pub(super) fn check(files: &[File], exists: impl Fn(&str) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        for (number, line) in (1..).zip(file.text.lines()) {
            for target in targets(line).filter(|target| !exists(&resolve(&file.path, target))) {
                let place = format!("{}:{number}", file.path);
                let fix = format!("there is no {target:?}: correct the link or write the page");
                findings.push(Finding::new(place, "links lead somewhere", fix));
            }
        }
    }
    findings
}

/// The `there.md` of every `[words](there.md#part)`, without links to the web or within a page.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .filter_map(|(target, _)| target.split('#').next())
        .filter(|target| !target.is_empty() && !target.contains("://"))
}

/// `docs/adr/a.md` and `../b.md` give `docs/b.md`.
fn resolve(page: &str, target: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." | "" => {}
            name => parts.push(name),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_line(line: &str, expected: usize) {
        let file = File {
            path: "docs/adr/a.md".to_owned(),
            text: line.to_owned(),
        };
        let known = ["docs/adr/b.md", "docs/c.md", "README.md", "docs"];
        let found = check(&[file], |path| known.contains(&path));
        assert_eq!(found.len(), expected, "{line}: {found:?}");
    }

    #[test]
    fn links() {
        check_line(
            "see [b](b.md), [c](../c.md#part) and [the start](../../README.md)",
            0,
        );
        check_line(
            "[docs](../) [here](#below) [web](https://example.com/x.md)",
            0,
        );
        check_line("[gone](d.md) and [gone too](../adr/e.md)", 2);
        check_line("no link ](", 0);
    }
}
