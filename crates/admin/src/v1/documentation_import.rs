//! `ImportDocumentationParts`: the documentation of an OpenAPI file, and nothing else of it.

use std::{collections::BTreeMap, sync::Arc};

use http::StatusCode;
use model::{
    ApiId, Op,
    rest::{DocumentationPart, RestChange, RestKey, RestPart, Seen},
};

use super::{
    definitions,
    kind::{self, api},
    view::View,
};
use crate::{
    answer::Answer,
    call::{Call, Write},
    openapi::read::Mode,
    operation::{Operation, upload},
    refusal::Refusal,
};

pub(super) const OPERATIONS: &[Operation] = &[upload(
    "ImportDocumentationParts",
    "PUT",
    "/restapis/{api}/documentation/parts",
    import,
)];

/// All parts change at once, on the condition that nobody has changed the API meanwhile.
fn import(call: &Call<'_>) -> Result<Write, Refusal> {
    let (found, _) = api(call)?;
    let id = ApiId::from(call.argument(0));
    let overwrite = match call.query("mode") {
        None | Some("merge") => false,
        Some("overwrite") => true,
        Some(other) => {
            return Err(Refusal::bad(format!(
                "mode must be merge or overwrite, not {other:?}"
            )));
        }
    };
    let Some(RestPart::Definition(mut definition)) = found.part(&RestKey::Definition) else {
        return Err(kind::unknown_api(call.config, call.argument(0)));
    };
    let seen = Seen::of(Some(&RestPart::Definition(definition.clone())));
    let mut bare = definition.clone();
    Arc::make_mut(&mut bare.content).documentation.clear();
    let read = definitions::file(call, *bare, id.as_str(), Mode::Merge)?;

    let content = Arc::make_mut(&mut definition.content);
    let known: BTreeMap<_, _> = content
        .documentation
        .values()
        .map(|part| (part.location.clone(), part.id.clone()))
        .collect();
    if overwrite {
        content.documentation.clear();
    }
    let mut ids = Vec::new();
    for part in read.definition.content.documentation.values() {
        let kept = known.get(&part.location).unwrap_or(&part.id).clone();
        ids.push(kept.to_string());
        let part = DocumentationPart {
            id: kept.clone(),
            ..DocumentationPart::clone(part)
        };
        content.documentation.insert(kept, Arc::new(part));
    }
    let change = RestChange {
        key: RestKey::Definition,
        seen,
        put: Some(RestPart::Definition(definition)),
    };
    let shown = View::default()
        .put("ids", ids)
        .filled("warnings", read.warnings.into());
    let shown = shown.done();
    let op = Op::Rest(id, Box::new(change));
    Ok(Write::showing(op, move |_| {
        Answer::json(StatusCode::OK, &shown)
    }))
}
