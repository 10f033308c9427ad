//! What a template may cost. The limits of API Gateway are kept where it has published any; the
//! others are chosen so that no template blocks a worker for longer than a slow backend would.

/// Longest template, as on API Gateway (300 KB).
pub const TEMPLATE_BYTES_MAX: usize = 300 * 1024;

/// Deepest nesting of blocks, expressions and strings within a template's text.
pub(super) const PARSE_DEPTH_MAX: u32 = 100;

/// Most regular expressions that a template keeps compiled; further ones are compiled whenever they
/// are used, which costs steps.
pub(super) const PATTERNS_KEPT_MAX: u32 = 32;

/// What one rendering may spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Steps: one for each piece of the tree that is rendered or evaluated, and for each element
    /// that a method looks at.
    pub steps: u64,
    /// Length of the rendered text.
    pub output_bytes: usize,
    /// Sum of the lengths of all texts and lists made while rendering.
    pub memory_bytes: usize,
    /// Nesting of blocks, macros, defined blocks and printed values.
    pub depth: u32,
    /// Rounds of one `#foreach`; it ends there without an error, as on API Gateway.
    pub foreach_rounds: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            steps: 2_000_000,
            output_bytes: 10 * 1024 * 1024,
            memory_bytes: 128 * 1024 * 1024,
            depth: 250,
            foreach_rounds: 1000,
        }
    }
}
