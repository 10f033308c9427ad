//! Paths and what they find.
