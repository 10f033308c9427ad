//! Data sources and functions.

use std::collections::BTreeMap;

use super::{Provider, unknown};
use crate::{
    cty::{Type, Value},
    framework::{
        align::sorted,
        function::Function,
        note::{Note, to_wire},
        resource::{Call, Failure, Private},
        unpack, wire,
    },
    pb,
};

impl Provider {
    pub(super) async fn read_data(&self, asked: &pb::ReadData) -> pb::ReadDataAnswer {
        let mut notes = Vec::new();
        let state = match self.data(asked, &mut notes).await {
            Ok(state) => Some(state),
            Err(failure) => {
                notes.extend(failure.notes);
                None
            }
        };
        pb::ReadDataAnswer {
            state,
            notes: to_wire(&notes),
        }
    }

    async fn data(
        &self,
        asked: &pb::ReadData,
        notes: &mut Vec<Note>,
    ) -> Result<pb::Packed, Failure> {
        let entry = self.registry.data_sources.get(asked.name.as_str());
        let entry = entry.ok_or_else(|| unknown("data source", &asked.name))?;
        let config = unpack::value(asked.config.as_ref(), &entry.ty)?;
        let session = self.session();
        let mut private = Private::default();
        let mut call = Call {
            session: &session,
            private: &mut private,
            notes,
        };
        let found = entry.it.read(&mut call, &config).await?;
        let found = sorted(&found, &entry.ty);
        // What is configured stays as it is written.
        let mut state = config;
        if let Value::Map(found) = found {
            for (name, value) in found {
                if state.attribute(&name).is_null() {
                    state.set(&name, value);
                }
            }
        }
        Ok(unpack::pack(&state, &entry.ty)?)
    }

    pub(super) fn functions(&self) -> BTreeMap<String, pb::Function> {
        let all = self.registry.functions.iter();
        let all = all.map(|(name, it)| ((*name).to_owned(), wire::function(&**it)));
        all.collect()
    }

    pub(super) fn function(&self, asked: &pb::Call) -> pb::CallAnswer {
        let refused = |text: String, argument: Option<usize>| pb::CallAnswer {
            result: None,
            refusal: Some(pb::CallRefusal {
                text,
                argument: argument.and_then(|at| i64::try_from(at).ok()),
            }),
        };
        let Some(function) = self.registry.functions.get(asked.name.as_str()) else {
            return refused(unknown("function", &asked.name).detail, None);
        };
        let arguments = match arguments(&**function, &asked.arguments) {
            Ok(arguments) => arguments,
            Err((note, at)) => return refused(note.detail, Some(at)),
        };
        match function.call(&arguments) {
            Err(misused) => refused(misused.text, misused.argument),
            Ok(value) => match unpack::pack(&value, &function.signature().returns) {
                Err(note) => refused(note.detail, None),
                Ok(result) => pb::CallAnswer {
                    result: Some(result),
                    refusal: None,
                },
            },
        }
    }
}

/// The arguments' values; a wrong one with its position.
fn arguments(function: &dyn Function, packed: &[pb::Packed]) -> Result<Vec<Value>, (Note, usize)> {
    let signature = function.signature();
    let types: Vec<&Type> = signature.parameters.iter().map(|one| &one.ty).collect();
    let enough = if signature.variadic {
        packed.len() + 1 >= types.len()
    } else {
        packed.len() == types.len()
    };
    if !enough {
        let detail = format!("{} arguments are not what it takes.", packed.len());
        return Err((Note::error("Wrong number of arguments", detail), 0));
    }
    let last = types.last().copied();
    let read = |(at, packed): (usize, &pb::Packed)| {
        let missing = || (Note::error("Too many arguments", "It takes none."), at);
        let ty = types.get(at).copied().or(last).ok_or_else(missing)?;
        unpack::value(Some(packed), ty).map_err(|note| (note, at))
    };
    packed.iter().enumerate().map(read).collect()
}
