//! The identity document of an EC2 instance: what AWS says of a machine.
//!
//! It says that such an instance was started, not who shows the document: everybody who can ask
//! the instance's metadata service has it. What to make of that is for others to decide.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

use crate::cms::{CmsError, MESSAGE_BYTES_MAX, SignedMessage};

/// Longest text of a signed document that is looked at.
const TEXT_BYTES_MAX: usize = MESSAGE_BYTES_MAX * 2;

/// Why a text is no document that can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// It is not base64, or too long.
    #[error("the signed document is not base64")]
    Base64,
    /// The message around it.
    #[error(transparent)]
    Message(#[from] CmsError),
    /// AWS signed something else.
    #[error("what AWS has signed is not an instance's identity document")]
    Content,
}

/// What AWS says of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceDocument {
    /// Twelve digits.
    pub account_id: String,
    /// Such as `i-0123456789abcdef0`.
    pub instance_id: String,
    /// Such as `eu-central-1`.
    pub region: String,
    /// Such as `eu-central-1a`.
    pub availability_zone: String,
    /// Such as `ami-0123456789abcdef0`.
    pub image_id: String,
    /// Such as `m7g.large`.
    pub instance_type: String,
    /// When the instance was started last, such as `2026-03-01T12:00:00Z`.
    pub pending_time: String,
}

impl InstanceDocument {
    /// Reads what the metadata service answers at `instance-identity/rsa2048`, with or without
    /// lines around it. Some of the keys must have signed it; they are written as PKCS #1 has them.
    ///
    /// # Errors
    /// It is no document, or of somebody else.
    pub fn verify<'k>(
        text: &str,
        keys: impl IntoIterator<Item = &'k [u8]>,
    ) -> Result<Self, DocumentError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(DocumentError::Base64);
        }
        let lines = text.lines().map(str::trim);
        let base64: String = lines.filter(|line| !line.starts_with("-----")).collect();
        let message = STANDARD.decode(base64).map_err(|_| DocumentError::Base64)?;
        let content = SignedMessage::parse(&message)?.verify(keys)?;
        serde_json::from_slice(&content).map_err(|_| DocumentError::Content)
    }

    /// When the instance was started last, milliseconds since 1970.
    #[must_use]
    pub fn pending_ms(&self) -> Option<u64> {
        milliseconds(&self.pending_time)
    }
}

/// `YYYY-MM-DDTHH:MM:SSZ`, from 1970 on.
fn milliseconds(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = three(date, '-')?;
    let [hour, minute, second] = three(time, ':')?;
    let is_date =
        (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !is_date || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Years that begin in March end with the day that some of them do not have.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leaps = year / 4 - year / 100 + year / 400;
    let days = 365 * year + leaps + (153 * month + 2) / 5 + day - 1;
    // Days before 1970 in this count.
    let days = days.checked_sub(719_468)?;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000)
}

fn three(text: &str, between: char) -> Option<[u64; 3]> {
    let mut parts = text.split(between).map(|part| {
        let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| part.parse().ok()).flatten()
    });
    let three = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(three)
}

#[cfg(test)]
mod tests {
    use super::{DocumentError, InstanceDocument, milliseconds};

    #[test]
    fn times() {
        let check = |text: &str, expected: Option<u64>| {
            assert_eq!(milliseconds(text), expected, "{text}");
        };
        check("1970-01-01T00:00:00Z", Some(0));
        check("1970-03-01T00:00:01Z", Some(59 * 86_400_000 + 1000));
        check("2000-02-29T12:30:15Z", Some(951_827_415_000));
        check("2026-11-21T20:46:59Z", Some(1_795_294_019_000));
        for wrong in [
            "",
            "2026-11-21",
            "2026-11-21T20:46:59",
            "2026-11-21T20:46:59.5Z",
            "2026-11-21T20:46Z",
            "2026-13-21T20:46:59Z",
            "1969-12-31T23:59:59Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21T+1:00:00Z",
            "99999-11-21T00:00:00Z",
        ] {
            check(wrong, None);
        }
    }

    #[test]
    fn texts_that_are_no_messages() {
        let check = |text: &str| InstanceDocument::verify(text, []).unwrap_err();
        assert_eq!(check("~"), DocumentError::Base64);
        assert_eq!(check(&"A".repeat(40_000)), DocumentError::Base64);
        let message = check("-----BEGIN PKCS7-----\nMIAG\n-----END PKCS7-----\n");
        assert!(matches!(message, DocumentError::Message(_)), "{message}");
    }
}
