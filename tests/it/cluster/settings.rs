//! Settings that cannot be used end the program with their own exit code and the key's name.

use std::process::Command;

use tests::cluster::program;

fn check(text: &str, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("edgeway.toml");
    std::fs::write(&file, text).unwrap();
    let output = Command::new(program())
        .args(["start", "--check", "--config"])
        .arg(&file)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(
        errors.contains(expected),
        "{errors:?} does not name {expected:?}"
    );
}

#[test]
fn bad_settings_exit_with_2_and_name_the_key() {
    let pop =
        "data_dir = \"/tmp/x\"\n[link]\nbind = \"127.0.0.1:1\"\n[pop]\nhttp = [\"127.0.0.1:2\"]\n";
    check(&format!("speed = 1\n{pop}"), "speed");
    check(&pop.replace("127.0.0.1:2", "nowhere"), "http");
    check(
        &pop.replace("[pop]\nhttp = [\"127.0.0.1:2\"]\n", ""),
        "region | pop | dns",
    );
    check(&format!("{pop}cache_bytes = \"much\""), "cache_bytes");
}

#[test]
fn a_node_without_identity_says_how_to_get_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("edgeway.toml");
    let data = folder.path().join("data");
    let text = format!(
        "data_dir = {data:?}\n[link]\nbind = \"127.0.0.1:1\"\n[pop]\nhttp = [\"127.0.0.1:0\"]\n"
    );
    std::fs::write(&file, text).unwrap();
    let output = Command::new(program())
        .args(["start", "--config"])
        .arg(&file)
        .env_remove("EDGEWAY_JOIN_TOKEN")
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("edgeway token"), "{errors}");
}
