//! Tags of anything that has an ARN, as v1 asks for them; v2 does the work.

use http::StatusCode;

use crate::{
    answer::Answer,
    call::{Call, Write},
    operation::{Operation, read, write},
    refusal::Refusal,
    v2,
};

pub(super) const OPERATIONS: &[Operation] = &[
    read("GetTags", "/tags/{arn+}", v2::show_tags),
    write("TagResource", "PUT", "/tags/{arn+}", tag),
    write("UntagResource", "DELETE", "/tags/{arn+}", v2::untag),
];

fn tag(call: &Call<'_>) -> Result<Write, Refusal> {
    Ok(Write {
        ops: v2::tag(call)?.ops,
        render: Box::new(|_| Ok(Answer::empty(StatusCode::NO_CONTENT))),
    })
}
