//! What is wrong with an OpenAPI file, and where.
//!
//! A place is a JSON pointer (RFC 6901) into the file, so that it can be found in JSON and in YAML.

use std::fmt;

use crate::limits;
use crate::refusal::Refusal;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// A JSON pointer; none when the file as a whole cannot be read.
    at: Option<String>,
    text: String,
}

/// Everything that was found wrong: errors, which leave everything as it was, and warnings.
#[derive(Debug, Default)]
pub(crate) struct Report {
    errors: Vec<Fault>,
    warnings: Vec<Fault>,
    /// How many were found beyond those that are kept.
    more: usize,
}

impl Fault {
    pub(crate) fn at(pointer: &str, text: impl Into<String>) -> Self {
        Self {
            at: Some(pointer.to_owned()),
            text: text.into(),
        }
    }

    pub(crate) const fn whole(text: String) -> Self {
        Self { at: None, text }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at.as_deref() {
            None => out.write_str(&self.text),
            Some("") => write!(out, "{} (at the top)", self.text),
            Some(at) => write!(out, "{} (at {at})", self.text),
        }
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::bad(format!("Invalid OpenAPI input. {fault}"))
    }
}

impl Report {
    pub(crate) fn error(&mut self, fault: Fault) {
        if self.errors.len() < limits::OPENAPI_FAULTS_MAX {
            self.errors.push(fault);
        } else {
            self.more += 1;
        }
    }

    pub(crate) fn warn(&mut self, at: &str, text: impl Into<String>) {
        if self.warnings.len() < limits::OPENAPI_FAULTS_MAX {
            self.warnings.push(Fault::at(at, text));
        } else {
            self.more += 1;
        }
    }

    /// Keeps the fault, if there is one.
    pub(crate) fn keep<T>(&mut self, result: Result<T, Fault>) -> Option<T> {
        result.map_err(|fault| self.error(fault)).ok()
    }

    /// The warnings, unless there are errors or warnings are as bad as errors.
    ///
    /// # Errors
    /// All faults in one text, as Amazon puts it.
    pub(crate) fn finish(self, fail_on_warnings: bool) -> Result<Vec<String>, Refusal> {
        let (title, faults) = if !self.errors.is_empty() {
            ("Errors", &self.errors)
        } else if fail_on_warnings && !self.warnings.is_empty() {
            ("Warnings", &self.warnings)
        } else {
            return Ok(self.warnings.iter().map(Fault::to_string).collect());
        };
        let mut text = format!("{title} found during import:");
        for fault in faults {
            text.push_str("\n\t");
            text.push_str(&fault.to_string());
        }
        if self.more > 0 {
            text.push_str(&format!("\n\tand {} more", self.more));
        }
        Err(Refusal::BadRequest(text))
    }
}
