//! A settings file, for fuzzers and for property tests: panics when something that must hold does
//! not. Nothing else uses it.

use std::path::Path;

use crate::{Settings, SettingsError};

/// Reads `text` as a settings file. What is accepted is accepted again when it is written, and is
/// then the same; what is refused is refused with words.
pub fn settings(text: &str) {
    let path = Path::new("edgeway.toml");
    match Settings::read(path, text) {
        Ok(settings) => {
            let written = settings.to_toml();
            let again = written.map(|text| Settings::read(path, &text).map_err(said));
            assert_eq!(again, Ok(Ok(settings)));
        }
        Err(error) => assert_ne!(said(error), ""),
    }
}

fn said(error: SettingsError) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests;
