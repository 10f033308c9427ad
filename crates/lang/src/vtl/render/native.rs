//! The gateway's own objects: `$input`, `$context` with the overrides, `$stageVariables` and
//! `$foreach`.

use super::{Rendered, Renderer};
use crate::json::{Document, View};
use crate::vtl::{
    RenderError,
    overrides::Target,
    tree::Call,
    value::{Map, Native, Text, Value},
};
use std::borrow::Cow;

/// What an empty body shows as; recorded on API Gateway.
const EMPTY_BODY: &str = "{}";

impl<'a> Renderer<'a, '_> {
    pub(in crate::vtl) fn native_property(&self, native: Native, name: &str) -> Value<'a> {
        match (native, name) {
            (Native::Input, "body") => Value::text(self.body_text()),
            (Native::Context, "requestOverride") => Value::Native(Native::RequestOverride),
            (Native::Context, "responseOverride") => Value::Native(Native::ResponseOverride),
            (Native::Context, _) => {
                let context = self.context.map_or(Value::Null, Value::json);
                self.property(&self.heap.current(context), name)
            }
            (Native::RequestOverride, "header") => map(Target::RequestHeader),
            (Native::RequestOverride, "path") => map(Target::RequestPath),
            (Native::RequestOverride, "querystring") => map(Target::RequestQuerystring),
            (Native::ResponseOverride, "header") => map(Target::ResponseHeader),
            (Native::ResponseOverride, "status") => match self.overrides.response.status {
                Some(status) => Value::Int(i64::from(status)),
                None => Value::Null,
            },
            (Native::OverrideMap(target), _) => {
                let entries = self.overrides.entries(target);
                let found = entries.iter().find(|(known, _)| known == name);
                found.map_or(Value::Null, |(_, value)| Value::made(value.as_str()))
            }
            (Native::Loop(number), _) => self.loop_property(number, name),
            _ => Value::Null,
        }
    }

    fn loop_property(&self, number: usize, name: &str) -> Value<'a> {
        let Some(state) = self.loops.get(number) else {
            return Value::Null;
        };
        match name {
            "index" => Value::count(state.index),
            "count" => Value::count(state.index + 1),
            "hasNext" => Value::Bool(!state.is_last),
            "first" => Value::Bool(state.index == 0),
            "last" => Value::Bool(state.is_last),
            "topmost" => Value::Native(Native::Loop(0)),
            "parent" => match number.checked_sub(1) {
                Some(outer) => Value::Native(Native::Loop(outer)),
                None => Value::Null,
            },
            _ => Value::Null,
        }
    }

    /// `$foreach.stop()`, and properties in the form of methods.
    pub(in crate::vtl) fn loop_method(&mut self, number: usize, name: &str) -> Value<'a> {
        if name == "stop" {
            if let Some(state) = self.loops.get_mut(number) {
                state.is_stopped = true;
            }
            return Value::Null;
        }
        let property = match name {
            "isFirst" => "first",
            "isLast" => "last",
            "getIndex" => "index",
            "getCount" => "count",
            "getParent" => "parent",
            other => other,
        };
        self.loop_property(number, property)
    }

    fn body_text(&self) -> &'a str {
        if self.inputs.body.is_empty() {
            EMPTY_BODY
        } else {
            self.inputs.body
        }
    }

    /// The body as a document, read when it is first asked for.
    fn body_document(&mut self) -> Rendered<View<'a>> {
        if let Some(body) = self.body.get() {
            return Ok(body.root());
        }
        let body = match self.inputs.notes {
            Some(notes) => Document::noted(self.inputs.body, notes),
            None => self.document(Cow::Borrowed(self.body_text()), "the body")?,
        };
        Ok(self.body.get_or_init(|| body).root())
    }

    /// Reads a JSON text that was made.
    pub(in crate::vtl) fn read(
        &mut self,
        text: String,
        place: &'static str,
    ) -> Rendered<Value<'a>> {
        let document = self.document(Cow::Owned(text), place)?;
        Ok(self.hold(document))
    }

    fn document<'t>(&mut self, text: Cow<'t, str>, place: &'static str) -> Rendered<Document<'t>> {
        self.charge(text.len())?;
        self.spend(u64::try_from(text.len() / 64).unwrap_or(u64::MAX) + 1)?;
        let document = Document::read(text).map_err(|problem| RenderError::Json {
            place,
            what: problem.to_string(),
        })?;
        self.charge(document.bytes())?;
        Ok(document)
    }

    /// Keeps a document until the end of the rendering.
    fn hold(&mut self, document: Document<'static>) -> Value<'a> {
        self.documents = self.documents.add(document);
        self.documents.root().map_or(Value::Null, Value::json)
    }

    /// Reads the tree behind `$context`, when it is first asked for.
    pub(super) fn read_context(&mut self) -> Rendered<()> {
        if self.context.is_none() {
            let text = self.inputs.context.to_string();
            let context = self.document(Cow::Owned(text), "the context")?;
            self.documents = self.documents.add(context);
            self.context = self.documents.root();
        }
        Ok(())
    }

    /// `$input.path(..)` and the value behind `$input.json(..)`.
    pub(in crate::vtl) fn body_path(
        &mut self,
        call: &'a Call,
        first: Option<&Value<'a>>,
    ) -> Rendered<Value<'a>> {
        let document = self.body_document()?;
        let made;
        let path = match (&call.path, first) {
            (Some(Ok(path)), _) => path,
            (Some(Err(problem)), first) => {
                let path = first.map_or(Ok(Text::Borrowed("")), |first| self.text_of(first))?;
                return Err(path_error(path.as_str(), problem));
            }
            (None, None) => return Ok(Value::json(document)),
            (None, Some(first)) => {
                let text = self.text_of(first)?;
                made = crate::json_path::Path::parse(text.as_str())
                    .map_err(|problem| path_error(text.as_str(), &problem))?;
                &made
            }
        };
        let found = path.find_within(document, &mut self.steps);
        let found = found.map_err(|_| RenderError::Steps(self.inputs.limits.steps))?;
        self.found(found)
    }

    fn found(&mut self, found: crate::json_path::Found<'a>) -> Rendered<Value<'a>> {
        match found {
            crate::json_path::Found::One(found) => Ok(found.map_or(Value::Null, Value::json)),
            crate::json_path::Found::Many(found) => {
                self.charge(found.len() * size_of::<Value<'a>>())?;
                self.spend(u64::try_from(found.len()).unwrap_or(u64::MAX))?;
                let items = found.into_iter().map(Value::json).collect();
                Ok(self.heap.new_list(crate::vtl::value::Style::Json, items))
            }
            crate::json_path::Found::Made(made) => Ok(self.hold(made)),
        }
    }

    /// `$input.params('name')`: of the path, then the query string, then the headers, whose names
    /// may be written in any case.
    pub(in crate::vtl) fn parameter(&self, name: &str) -> Value<'a> {
        let parameters = self.inputs.parameters;
        let find = |entries: &'a [(String, String)]| {
            entries
                .iter()
                .rev()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value)
        };
        let header = || {
            let mut entries = parameters.header.iter().rev();
            entries
                .find(|(known, _)| known.eq_ignore_ascii_case(name))
                .map(|(_, value)| value)
        };
        let found = find(&parameters.path)
            .or_else(|| find(&parameters.querystring))
            .or_else(|| find(&parameters.header))
            .or_else(header);
        found.map_or(Value::Null, |value| Value::text(value))
    }

    /// `$input.params()`: three maps.
    pub(in crate::vtl) fn all_parameters(&mut self) -> Rendered<Value<'a>> {
        if let Some(known) = &self.parameters {
            return Ok(known.clone());
        }
        let parameters = self.inputs.parameters;
        let mut all = Map::new();
        for (name, entries) in [
            ("path", &parameters.path),
            ("querystring", &parameters.querystring),
            ("header", &parameters.header),
        ] {
            let map = self.texts(entries.iter().map(|(name, value)| (name, value)))?;
            all.insert(Text::Borrowed(name), map);
        }
        let all = self.heap.new_map(all);
        self.parameters = Some(all.clone());
        Ok(all)
    }

    pub(super) fn stage_variables(&mut self) -> Rendered<Value<'a>> {
        if let Some(known) = &self.stage_variables {
            return Ok(known.clone());
        }
        let map = self.texts(self.inputs.stage_variables.iter())?;
        self.stage_variables = Some(map.clone());
        Ok(map)
    }

    fn texts(
        &mut self,
        entries: impl Iterator<Item = (&'a String, &'a String)>,
    ) -> Rendered<Value<'a>> {
        let mut map = Map::new();
        for (name, value) in entries {
            self.spend(1)?;
            map.insert(Text::Borrowed(name.as_str()), Value::text(value));
        }
        Ok(self.heap.new_map(map))
    }
}

const fn map<'a>(target: Target) -> Value<'a> {
    Value::Native(Native::OverrideMap(target))
}

fn path_error(path: &str, problem: &crate::json_path::PathError) -> RenderError {
    RenderError::Path {
        path: path.chars().take(200).collect(),
        what: problem.to_string(),
    }
}
