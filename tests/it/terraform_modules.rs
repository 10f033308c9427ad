//! Terraform's modules and examples, and the chart: whether those that read them take them.
//!
//! `terraform/tests/run.py` does it, with the real terraform program and stubs of the clouds'
//! providers. No cloud and no cluster is asked; `cluster::quickstart` applies one example for real.

use std::process::Command;

/// Format, `validate` and mocked `test` of all, settings and user data that they write, the chart.
#[test]
fn modules_examples_and_the_chart_are_taken() {
    if tests::terraform::installed().is_none() {
        return;
    }
    let program = tests::cluster::program();
    // TARGET/PROFILE/edgeway; `cargo xtask setup` has filled TARGET/terraform-checks.
    let cache = program.ancestors().nth(2).unwrap().join("terraform-checks");
    let output = Command::new("python3")
        .arg(tests::folder().join("../terraform/tests/run.py"))
        .arg("--provider")
        .arg(tests::terraform::provider())
        .arg("--edgeway")
        .arg(&program)
        .arg("--cache")
        .arg(cache)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{problem}");
}
