//! The reference pages, written from the schemas: one Markdown file for each thing.
//!
//! `--docs FOLDER` writes them; a test compares them with what is in `docs/`, and writes them when
//! `UPDATE_DOCS` is set.

use std::{collections::BTreeMap, fs, io, path::Path};

use crate::{
    cty::{Type, to_json},
    framework::{
        Attribute, Block, Check, Function, Kind, Mode, Nesting, Registry, Resource, Schema,
    },
    session,
};

/// Writes all pages into `folder`.
pub(crate) fn write(registry: &Registry, folder: &Path) -> io::Result<()> {
    for (name, text) in pages(registry) {
        let file = folder.join(name);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(file, text)?;
    }
    Ok(())
}

/// All pages by the names of their files.
fn pages(registry: &Registry) -> BTreeMap<String, String> {
    let mut pages = BTreeMap::new();
    pages.insert("index.md".to_owned(), index(registry));
    for (name, entry) in &registry.resources {
        let mut text = page(name, "Resource", &entry.schema);
        import(&mut text, &*entry.it);
        pages.insert(format!("resources/{}.md", short(name)), text);
    }
    for (name, entry) in &registry.data_sources {
        let text = page(name, "Data source", &entry.schema);
        pages.insert(format!("data-sources/{}.md", short(name)), text);
    }
    for (name, entry) in &registry.ephemerals {
        let text = page(name, "Ephemeral resource", &entry.schema);
        pages.insert(format!("ephemeral-resources/{}.md", short(name)), text);
    }
    for (name, it) in &registry.functions {
        pages.insert(format!("functions/{name}.md"), function(&**it));
    }
    pages
}

fn short(name: &str) -> &str {
    name.strip_prefix("edgeway_").unwrap_or(name)
}

const MADE: &str = "<!-- Written from the schema: see terraform/README.md. -->\n";

fn index(registry: &Registry) -> String {
    let mut text = page("edgeway", "Provider", &session::schema());
    let mut list = |title: &str, folder: &str, names: Vec<&str>| {
        if names.is_empty() {
            return;
        }
        text.push_str(&format!("\n## {title}\n\n"));
        for name in names {
            let line = format!("- [`{name}`]({folder}/{}.md)\n", short(name));
            text.push_str(&line);
        }
    };
    let names = registry.resources.keys().copied().collect();
    list("Resources", "resources", names);
    let names = registry.data_sources.keys().copied().collect();
    list("Data sources", "data-sources", names);
    let names = registry.ephemerals.keys().copied().collect();
    list("Ephemeral resources", "ephemeral-resources", names);
    let names = registry.functions.keys().copied().collect();
    list("Functions", "functions", names);
    text
}

fn page(name: &str, kind: &str, schema: &Schema) -> String {
    let mut text = format!("{MADE}\n# {kind} `{name}`\n\n{}\n", schema.description);
    let mut later = Vec::new();
    table(
        &mut text,
        "",
        &schema.attributes,
        &schema.blocks,
        &mut later,
    );
    // Nested objects follow, each with its way.
    let mut at = 0;
    while let Some((way, attributes, blocks)) = later.get(at).cloned() {
        let title = format!("\n## `{way}`\n");
        text.push_str(&title);
        table(&mut text, &way, attributes, blocks, &mut later);
        at += 1;
    }
    text
}

type Later<'s> = Vec<(String, &'s [Attribute], &'s [Block])>;

fn table<'s>(
    text: &mut String,
    way: &str,
    attributes: &'s [Attribute],
    blocks: &'s [Block],
    later: &mut Later<'s>,
) {
    if attributes.is_empty() && blocks.is_empty() {
        return;
    }
    text.push_str("\n| Name | Type | | Description |\n|---|---|---|---|\n");
    let below = |name: &str| match way {
        "" => name.to_owned(),
        way => format!("{way}.{name}"),
    };
    let mut sorted: Vec<&Attribute> = attributes.iter().collect();
    sorted.sort_by_key(|one| (one.mode == Mode::Computed, one.mode != Mode::Required));
    for attribute in sorted {
        let name = attribute.name;
        let ty = match &attribute.kind {
            Kind::Plain(ty) => type_text(ty),
            Kind::Nested(nesting, nested) => {
                later.push((below(name), nested, &[]));
                nesting_text(*nesting).to_owned()
            }
        };
        let (mode, more) = (mode_text(attribute), remarks(attribute));
        let description = attribute.description;
        text.push_str(&format!(
            "| `{name}` | {ty} | {mode} | {description}{more} |\n",
        ));
    }
    for block in blocks {
        later.push((below(block.name), &block.attributes, &block.blocks));
        let mode = if block.items_min > 0 {
            "required"
        } else {
            "optional"
        };
        let (name, ty, description) = (block.name, nesting_text(block.nesting), block.description);
        text.push_str(&format!(
            "| `{name}` | block, {ty} | {mode} | {description} |\n",
        ));
    }
}

const fn mode_text(attribute: &Attribute) -> &'static str {
    match attribute.mode {
        Mode::Required => "**required**",
        Mode::Optional | Mode::OptionalComputed => "optional",
        Mode::Computed => "read-only",
    }
}

/// What the type and mode do not say.
fn remarks(attribute: &Attribute) -> String {
    let mut text = String::new();
    if let Some(default) = &attribute.default {
        text += &format!(" Default: `{}`.", to_json(default));
    }
    for check in &attribute.checks {
        match check {
            Check::OneOf(words) => text += &format!(" One of `{}`.", words.join("`, `")),
            Check::Range(min, max) => text += &format!(" {min} to {max}."),
            Check::Length(min, max) => text += &format!(" {min} to {max} characters."),
            Check::Text(_) => {}
        }
    }
    let marks = [
        (attribute.sensitive, " Sensitive."),
        (attribute.write_only, " Write-only: never stored."),
        (attribute.replaces, " A change makes a new object."),
        (attribute.deprecated, " Deprecated."),
    ];
    text.extend(marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark));
    text
}

fn type_text(ty: &Type) -> String {
    match ty {
        Type::Bool => "bool".to_owned(),
        Type::Number => "number".to_owned(),
        Type::String => "string".to_owned(),
        Type::Dynamic => "any".to_owned(),
        Type::List(of) => format!("list of {}", type_text(of)),
        Type::Set(of) => format!("set of {}", type_text(of)),
        Type::Map(of) => format!("map of {}", type_text(of)),
        Type::Tuple(_) => "tuple".to_owned(),
        Type::Object(_) => "object".to_owned(),
    }
}

const fn nesting_text(nesting: Nesting) -> &'static str {
    match nesting {
        Nesting::Single => "object",
        Nesting::List => "list of objects",
        Nesting::Set => "set of objects",
        Nesting::Map => "map of objects",
    }
}

fn import(text: &mut String, resource: &dyn Resource) {
    if let Some(why) = resource.import_refusal() {
        text.push_str(&format!("\n## Import\n\nCannot be imported. {why}\n"));
        return;
    }
    let (name, form) = (resource.name(), resource.import_form());
    let lines = format!("\n## Import\n\n```\nterraform import {name}.example {form}\n```\n");
    text.push_str(&lines);
}

fn function(function: &dyn Function) -> String {
    let (name, signature) = (function.name(), function.signature());
    let names: Vec<&str> = signature.parameters.iter().map(|one| one.name).collect();
    let dots = if signature.variadic { "..." } else { "" };
    let returns = type_text(&signature.returns);
    let mut text = format!(
        "{MADE}\n# Function `{name}`\n\n{}\n\n{}\n\n```\nprovider::edgeway::{name}({}{dots})\n```\n\
         \nReturns {returns}.\n\n| Parameter | Type | Description |\n|---|---|---|\n",
        signature.summary,
        signature.description,
        names.join(", "),
    );
    for one in &signature.parameters {
        let (name, ty) = (one.name, type_text(&one.ty));
        text.push_str(&format!("| `{name}` | {ty} | {} |\n", one.description));
    }
    text
}

#[cfg(test)]
mod tests;
