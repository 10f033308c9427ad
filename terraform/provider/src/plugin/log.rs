//! Log lines on standard error, in the form that Terraform sorts by level (`TF_LOG`).

use std::io::Write as _;

use serde_json::json;
use time::OffsetDateTime;

pub(crate) fn debug(message: &str) {
    line("debug", message);
}

pub(crate) fn warning(message: &str) {
    line("warn", message);
}

pub(crate) fn error(message: &str) {
    line("error", message);
}

fn line(level: &str, message: &str) {
    let text = text(OffsetDateTime::now_utc(), level, message);
    // Nobody to tell if nobody listens.
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

fn text(at: OffsetDateTime, level: &str, message: &str) -> String {
    json!({
        "@level": level,
        "@message": message,
        "@module": "edgeway",
        "@timestamp": stamp(at),
    })
    .to_string()
}

/// Exactly six digits of a second, or Terraform shows the line as it is.
fn stamp(at: OffsetDateTime) -> String {
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        at.microsecond(),
    )
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::text;

    #[test]
    fn a_stamp_has_six_digits() {
        let line = text(OffsetDateTime::UNIX_EPOCH, "warn", "a \"b\"");
        let expected = concat!(
            r#"{"@level":"warn","@message":"a \"b\"","@module":"e"#,
            r#"dgeway","@timestamp":"1970-01-01T00:00:00.000000Z"}"#,
        );
        assert_eq!(line, expected);
    }
}
