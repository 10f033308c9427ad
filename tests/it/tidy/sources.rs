//! What a source file looks like: header, length, width, open ends, and where hyper is named.
//!
//! Only what rustfmt and clippy cannot see. Test code has the same rules but for its length.

use super::{File, Finding};

const LINE_CHARS_MAX: usize = 100;

/// Above this a file is probably two ideas: it needs a reason in `LONG`.
const FILE_LINES_SMELL: usize = 400;

/// Above this no reason helps.
const FILE_LINES_MAX: usize = 700;

/// Files over the smell, each with the reason why it is still one idea.
const LONG: [(&str, &str); 0] = [];

/// Written in two halves, so that this file does not find itself.
const OPEN_ENDS: [&str; 3] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];

/// Beside `serve`, which owns hyper: where a crate keeps its HTTP client, and nowhere else.
const CLIENTS: [(&str, &str); 4] = [
    ("crates/region/", "crates/region/src/upstream"),
    ("crates/edgeway/", "crates/edgeway/src/client"),
    ("terraform/provider/", "terraform/provider/src/client"),
    // Where Terraform connects to its provider.
    ("terraform/provider/", "terraform/provider/src/plugin"),
];

/// The HTTP client's crates, as code names them.
const CLIENT_CRATES: [&str; 4] = [
    "hyper::",
    "hyper_util::",
    "tokio_rustls::",
    "rustls_native_certs::",
];

/// Applies all rules to all files.
pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let stale = LONG.iter().filter(|(path, _)| {
        let file = files.iter().find(|file| file.path == *path);
        file.is_none_or(|file| file.text.lines().count() <= FILE_LINES_SMELL)
    });
    let stale = stale.map(|(path, _)| {
        Finding::new(
            *path,
            "it is listed as long, but is not",
            "remove it from LONG",
        )
    });
    stale
        .chain(files.iter().flat_map(|file| check_file(file, &LONG)))
        .collect()
}

fn check_file(file: &File, long: &[(&str, &str)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !file.text.starts_with("//! ") {
        let fix = "say in `//!` lines at the very top what it is, why, and what it does not do";
        findings.push(Finding::new(
            &file.path,
            "every file starts with a header",
            fix,
        ));
    }
    findings.extend(length(file, long));
    for (number, line) in (1..).zip(file.text.lines()) {
        let place = format!("{}:{number}", file.path);
        findings.extend(width(&place, line));
        findings.extend(open_end(&place, line));
        findings.extend(ignored(&place, line));
        findings.extend(compiled_in(&place, line));
        if !is_test(&file.path) {
            findings.extend(client_crates(&place, line));
        }
    }
    findings
}

/// Tests are lists of cases: they may be long.
fn is_test(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs")
}

fn length(file: &File, long: &[(&str, &str)]) -> Option<Finding> {
    let lines = file.text.lines().count();
    if is_test(&file.path) || lines <= FILE_LINES_SMELL {
        return None;
    }
    if lines > FILE_LINES_MAX {
        let fix = format!("split it: {lines} lines, and {FILE_LINES_MAX} are the limit");
        return Some(Finding::new(&file.path, "a file is one idea", fix));
    }
    if long
        .iter()
        .any(|(path, reason)| *path == file.path && !reason.is_empty())
    {
        return None;
    }
    let fix = format!("split it ({lines} lines), or say in LONG why it is still one idea");
    Some(Finding::new(
        &file.path,
        "a file over 400 lines needs a reason",
        fix,
    ))
}

/// A link cannot be broken over lines, so a comment that is only a link may be longer.
fn width(place: &str, line: &str) -> Option<Finding> {
    let chars = line.chars().count();
    let comment = line.trim_start().trim_start_matches(['/', '!']).trim();
    let only_a_link = comment.contains("://") && !comment.contains(' ');
    (chars > LINE_CHARS_MAX && !only_a_link).then(|| {
        let fix = format!("break it: {chars} characters, and {LINE_CHARS_MAX} are the limit");
        Finding::new(place, "lines are short", fix)
    })
}

fn open_end(place: &str, line: &str) -> Option<Finding> {
    let mut words = line.split(|c: char| !c.is_ascii_alphanumeric());
    let marked = words.any(|word| OPEN_ENDS.contains(&word));
    (marked && !line.contains("ADR-") && !names_an_issue(line)).then(|| {
        let fix = "do it, or name the ADR (`ADR-0007`) or the issue (`#12`) that holds it";
        Finding::new(place, "an open end names where it is tracked", fix)
    })
}

fn names_an_issue(line: &str) -> bool {
    line.split('#')
        .skip(1)
        .any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// A build cache that serves two checkouts keeps what the first one compiled.
fn compiled_in(place: &str, line: &str) -> Option<Finding> {
    let macro_call = concat!("env!(\"CARGO_MANIFEST", "_DIR\")");
    line.contains(macro_call).then(|| {
        let fix = "ask for the variable when the test runs, as `tests::folder` does";
        Finding::new(place, "no checkout's path is compiled in", fix)
    })
}

fn ignored(place: &str, line: &str) -> Option<Finding> {
    (line.trim() == concat!("#[", "ignore]")).then(|| {
        let fix = "assert what it does today, or give the reason as a string";
        Finding::new(place, "no test is ignored without a reason", fix)
    })
}

fn client_crates(place: &str, line: &str) -> Option<Finding> {
    let mut homes = CLIENTS.iter().filter(|(own, _)| place.starts_with(own));
    let (_, home) = homes.clone().next()?;
    if homes.any(|(_, home)| place.starts_with(home)) {
        return None;
    }
    let code = line.split("//").next().unwrap_or_default();
    CLIENT_CRATES
        .iter()
        .any(|name| code.contains(name))
        .then(|| {
            let fix = format!("move it to {home}");
            Finding::new(place, "an HTTP client's crates stay in one place", fix)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_with(path: &str, text: &str, long: &[(&str, &str)], expected: &[&str]) {
        let file = File {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        let found: Vec<&str> = check_file(&file, long)
            .into_iter()
            .map(|f| f.rule)
            .collect();
        assert_eq!(found, expected, "{path}");
    }

    fn check(path: &str, text: &str, expected: &[&str]) {
        check_with(path, text, &[], expected);
    }

    fn lines(count: usize) -> String {
        format!("//! Header.\n{}", "x();\n".repeat(count - 1))
    }

    #[test]
    fn headers() {
        check("crates/x/src/a.rs", "//! What it is.\n", &[]);
        check(
            "crates/x/src/a.rs",
            "use x;\n//! late\n",
            &["every file starts with a header"],
        );
        check(
            "crates/x/src/a.rs",
            "",
            &["every file starts with a header"],
        );
    }

    #[test]
    fn lengths() {
        let path = "crates/x/src/a.rs";
        check(path, &lines(400), &[]);
        check(path, &lines(401), &["a file over 400 lines needs a reason"]);
        check_with(path, &lines(700), &[(path, "a list")], &[]);
        check_with(
            path,
            &lines(700),
            &[(path, "")],
            &["a file over 400 lines needs a reason"],
        );
        check_with(
            path,
            &lines(701),
            &[(path, "a list")],
            &["a file is one idea"],
        );
        check("crates/x/src/tests.rs", &lines(900), &[]);
        check("crates/x/src/a/tests/b.rs", &lines(900), &[]);
        check("tests/it/a.rs", &lines(900), &[]);
    }

    #[test]
    fn widths() {
        let header = "//! Header.\n";
        let path = "crates/x/src/a.rs";
        check(path, &format!("{header}{}", "ä".repeat(100)), &[]);
        check(
            path,
            &format!("{header}{}", "a".repeat(101)),
            &["lines are short"],
        );
        check(
            path,
            &format!("{header}// https://example.com/{}", "a".repeat(100)),
            &[],
        );
    }

    #[test]
    fn open_ends() {
        let rule = "an open end names where it is tracked";
        let check = |text: String, expected: &[&str]| {
            check(
                "crates/x/src/a.rs",
                &format!("//! Header.\n{text}\n"),
                expected,
            );
        };
        for mark in OPEN_ENDS {
            check(format!("// {mark}: later"), &[rule]);
            check(format!("// {mark}(me) later"), &[rule]);
            check(format!("// {mark}: see ADR-0002"), &[]);
            check(format!("// {mark}: see #17"), &[]);
            check(format!("// {mark}: see # 17"), &[rule]);
            check(format!("let {}s = 1;", mark.to_lowercase()), &[]);
        }
        check(
            ["#[", "ignore]"].concat(),
            &["no test is ignored without a reason"],
        );
        check("#[ignore = \"needs root\"]".to_owned(), &[]);
        check(
            ["env!(\"CARGO_MANIFEST", "_DIR\")"].concat(),
            &["no checkout's path is compiled in"],
        );
    }

    #[test]
    fn http_clients_stay_where_they_are() {
        let rule = "an HTTP client's crates stay in one place";
        let text = "//! Header.\nuse hyper::Request;\n";
        check("crates/region/src/answer.rs", text, &[rule]);
        check("crates/region/src/upstream/http.rs", text, &[]);
        check("crates/region/src/upstream.rs", text, &[]);
        check("crates/region/src/tests/backend.rs", text, &[]);
        check("crates/edgeway/src/client.rs", text, &[]);
        check("crates/edgeway/src/dev/mod.rs", text, &[rule]);
        check("crates/serve/src/tcp.rs", text, &[]);
        check(
            "crates/region/src/answer.rs",
            "//! Header.\n// not hyper::Request\n",
            &[],
        );
    }
}
