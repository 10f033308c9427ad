//! What compiling found wrong, for logs and status; it never stops a plan from being used.

/// A part of the configuration that could not be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where, such as `apis/a1b2c3d4e5/stages/prod/routes/GET /pets`.
    pub at: String,
    /// What is wrong, as a sentence.
    pub message: String,
}
