//! What a crate's `Cargo.toml` and a pure crate's `clippy.toml` look like.
//!
//! Read as lines, not as TOML: our manifests are plain enough, and a form that these lines do
//! not understand is reported rather than guessed at.

use super::{File, Finding};

const INHERITED: [&str; 5] = ["version", "edition", "rust-version", "license", "publish"];

const BANNED_WHERE_PURE: [&str; 5] = [
    "std::time::Instant::now",
    "std::time::SystemTime::now",
    "std::env::var",
    "std::env::var_os",
    "std::thread::sleep",
];

const PURE: [&str; 4] = ["model", "lang", "plan", "steer"];

/// A workspace of its own, for another toolchain.
const ALONE: &str = "fuzz/Cargo.toml";

/// Applies all rules; the root manifest is where versions live, so it is left alone.
pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = files
        .iter()
        .filter(|file| file.path.ends_with("/Cargo.toml") && file.path != ALONE)
        .flat_map(manifest)
        .collect();
    findings.extend(PURE.iter().flat_map(|name| purity(name, files)));
    findings
}

fn manifest(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for key in INHERITED {
        let line = format!("{key}.workspace = true");
        if !file.text.lines().any(|found| found.trim() == line) {
            let fix = format!("write `{line}` under [package]");
            findings.push(Finding::new(
                &file.path,
                "package fields come from the workspace",
                fix,
            ));
        }
    }
    if !file.text.contains("[lints]\nworkspace = true\n") {
        let fix = "write `[lints]` and `workspace = true` on two lines";
        findings.push(Finding::new(
            &file.path,
            "the workspace's lints apply everywhere",
            fix,
        ));
    }
    findings.extend(dependencies(file));
    findings
}

fn dependencies(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut section = "";
    for (number, line) in (1..).zip(file.text.lines().map(str::trim)) {
        if line.starts_with('[') {
            section = line;
        }
        let in_table = section.contains("dependencies") && !line.starts_with('#');
        let entry = in_table && !line.is_empty() && !line.starts_with('[');
        let subtable = in_table && line.contains("dependencies.");
        if subtable || entry && !line.contains("workspace = true") {
            let fix = "write `name.workspace = true`, with the version in the root Cargo.toml";
            let place = format!("{}:{number}", file.path);
            findings.push(Finding::new(
                place,
                "versions live in the workspace table only",
                fix,
            ));
        }
    }
    findings
}

/// Clippy takes the nearest `clippy.toml` alone, so the thresholds must be there again.
fn purity(name: &str, files: &[File]) -> Vec<Finding> {
    let path = format!("crates/{name}/clippy.toml");
    let text = files
        .iter()
        .find(|file| file.path == path)
        .map_or("", |file| &file.text);
    let root = files
        .iter()
        .find(|file| file.path == "clippy.toml")
        .map_or("", |file| &file.text);
    let bans = BANNED_WHERE_PURE
        .iter()
        .filter(|ban| !text.contains(&format!("path = \"{ban}\"")))
        .map(|ban| {
            Finding::new(
                &path,
                "a pure crate bans impure calls",
                format!("ban {ban}"),
            )
        });
    let thresholds = root
        .lines()
        .filter(|line| line.contains("-threshold = ") && !text.contains(line))
        .map(|line| {
            Finding::new(
                &path,
                "the root thresholds are repeated",
                format!("add `{line}`"),
            )
        });
    bans.chain(thresholds).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[package]\nname = \"x\"\nversion.workspace = true\n\
        edition.workspace = true\nrust-version.workspace = true\nlicense.workspace = true\n\
        publish.workspace = true\n\n[lints]\nworkspace = true\n\n[dependencies]\n# a comment\n\
        http.workspace = true\ntokio = { workspace = true, features = [\"rt\"] }\n";

    fn check(text: &str, expected: &[&str]) {
        let file = File {
            path: "crates/x/Cargo.toml".to_owned(),
            text: text.to_owned(),
        };
        let found: Vec<String> = manifest(&file).into_iter().map(|f| f.place).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn manifests() {
        check(GOOD, &[]);
        check(
            &format!("{GOOD}serde = \"1\"\n"),
            &["crates/x/Cargo.toml:16"],
        );
        check(
            &format!("{GOOD}serde = {{ version = \"1\" }}\n"),
            &["crates/x/Cargo.toml:16"],
        );
        check(
            &format!("{GOOD}[dev-dependencies]\nserde = \"1\"\n"),
            &["crates/x/Cargo.toml:17"],
        );
        check(
            &format!("{GOOD}[dependencies.serde]\nversion = \"1\"\n"),
            &["crates/x/Cargo.toml:16", "crates/x/Cargo.toml:17"],
        );
        check(
            &GOOD.replace("[lints]\nworkspace = true\n", ""),
            &["crates/x/Cargo.toml"],
        );
        check(
            &GOOD.replace("edition.workspace", "edition2"),
            &["crates/x/Cargo.toml"],
        );
    }

    #[test]
    fn pure_crates_need_their_own_bans_and_thresholds() {
        let file = |path: &str, text: &str| File {
            path: path.into(),
            text: text.into(),
        };
        let bans: String = BANNED_WHERE_PURE
            .iter()
            .map(|ban| format!("{{ path = \"{ban}\" }}\n"))
            .collect();
        let threshold = "too-many-lines-threshold = 70\n";
        let root = file("clippy.toml", threshold);
        let good = file("crates/lang/clippy.toml", &format!("{threshold}{bans}"));
        assert_eq!(purity("lang", &[root, good]), []);
        let root = file("clippy.toml", threshold);
        assert_eq!(purity("lang", &[root]).len(), BANNED_WHERE_PURE.len() + 1);
    }
}
