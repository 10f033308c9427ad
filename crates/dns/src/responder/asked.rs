//! A question together with who asks it: all that an answer may depend on.

use std::net::IpAddr;

use hickory_proto::rr::RecordType;

use crate::{
    edns::{Edns, Subnet},
    message::{Question, Request},
};

/// A question with who asks it.
pub(crate) struct Asked<'q> {
    pub(super) question: &'q Question<'q>,
    pub(crate) kind: RecordType,
    pub(super) subnet: Option<Subnet>,
    pub(super) asker: IpAddr,
    /// Chosen by the asker; says which of several addresses comes first.
    pub(crate) turn: usize,
}

impl<'q> Asked<'q> {
    pub(super) fn new(question: &'q Question<'q>, request: &Request<'_>, asker: IpAddr) -> Self {
        Self {
            question,
            kind: RecordType::from(question.kind),
            subnet: request.edns.as_ref().and_then(|edns: &Edns| edns.subnet),
            asker: asker.to_canonical(),
            turn: request.metadata.id.into(),
        }
    }

    pub(super) fn wants_addresses(&self) -> bool {
        matches!(
            self.kind,
            RecordType::A | RecordType::AAAA | RecordType::HTTPS | RecordType::ANY
        )
    }
}
