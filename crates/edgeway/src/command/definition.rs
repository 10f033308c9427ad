//! `import` and `export`: REST APIs as OpenAPI files, for people without the AWS CLI.
//!
//! Both are thin: the management API reads and writes the files, and these show what it says.

use std::{io::Write as _, path::PathBuf};

use anyhow::{Context as _, bail};
use http::Method;
use serde_json::{Value, json};

use super::say;
use crate::client::Target;

/// How to import a file.
#[derive(clap::Args)]
pub struct Import {
    #[command(flatten)]
    target: Target,
    /// An OpenAPI 2.0 or 3.0 file, JSON or YAML, with Amazon's extensions.
    file: PathBuf,
    /// Change this API instead of making one.
    #[arg(long)]
    api: Option<String>,
    /// Remove what the file does not have; without it, what is there stays.
    #[arg(long, requires = "api")]
    overwrite: bool,
    /// What becomes of the file's base path.
    #[arg(long, value_parser = ["ignore", "prepend", "split"], default_value = "ignore")]
    base_path: String,
    /// Change nothing if there is anything to warn of.
    #[arg(long)]
    fail_on_warnings: bool,
    /// Deploy the API to this stage, too.
    #[arg(long)]
    stage: Option<String>,
}

/// How to export an API.
#[derive(clap::Args)]
pub struct Export {
    #[command(flatten)]
    target: Target,
    /// The API's id.
    api: String,
    /// The stage whose deployment is written.
    #[arg(long)]
    stage: String,
    /// OpenAPI 3.0 or 2.0.
    #[arg(long, value_parser = ["oas30", "swagger"], default_value = "oas30")]
    format: String,
    /// YAML instead of JSON.
    #[arg(long)]
    yaml: bool,
    /// Leave out Amazon's extensions.
    #[arg(long)]
    plain: bool,
    /// Write to this file instead of the terminal.
    #[arg(long)]
    output: Option<PathBuf>,
}

pub(super) async fn import(import: &Import) -> anyhow::Result<()> {
    let name = import.file.display();
    let file = std::fs::read(&import.file).with_context(|| name.to_string())?;
    let client = import.target.client()?;
    let common = format!(
        "basepath={}&failonwarnings={}",
        import.base_path, import.fail_on_warnings
    );
    let (method, path) = match &import.api {
        None => (Method::POST, format!("/restapis?mode=import&{common}")),
        Some(api) => {
            let mode = if import.overwrite {
                "overwrite"
            } else {
                "merge"
            };
            (Method::PUT, format!("/restapis/{api}?mode={mode}&{common}"))
        }
    };
    let (status, answer) = client.send_file(method, &path, file, "*/*").await?;
    let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
    let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default();
    if !status.is_success() {
        bail!("{name}: {}", text("message"));
    }
    let warnings = answer.get("warnings").and_then(Value::as_array);
    for warning in warnings.into_iter().flatten() {
        say(&format!(
            "warning: {}",
            warning.as_str().unwrap_or_default()
        ))?;
    }
    let id = text("id");
    say(&format!("{id}  {}", text("name")))?;
    let Some(stage) = &import.stage else {
        return Ok(());
    };
    let path = format!("/restapis/{id}/deployments");
    let deployment = client
        .call(Method::POST, &path, Some(&json!({ "stageName": stage })))
        .await?;
    let deployment = deployment.get("id").and_then(Value::as_str);
    say(&format!(
        "deployed to {stage} as {}",
        deployment.unwrap_or_default()
    ))
}

pub(super) async fn export(export: &Export) -> anyhow::Result<()> {
    let Export {
        api, stage, format, ..
    } = export;
    let mut path = format!("/restapis/{api}/stages/{stage}/exports/{format}");
    if !export.plain {
        path.push_str("?extensions=apigateway%2Cdocumentation");
    }
    let accept = if export.yaml {
        "application/yaml"
    } else {
        "application/json"
    };
    let client = export.target.client()?;
    let file = client.file(&path, accept).await;
    let file = file.with_context(|| api.clone())?;
    match &export.output {
        Some(place) => std::fs::write(place, &file).with_context(|| place.display().to_string()),
        None => Ok(std::io::stdout().write_all(&file)?),
    }
}
