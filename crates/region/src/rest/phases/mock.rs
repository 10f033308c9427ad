//! The status that a mock's request template asks for. Amazon reads it leniently: names without
//! quotes are accepted, and so is whatever else stands in the text.

/// The whole number behind `statusCode`; none where there is none.
pub(crate) fn status(text: &str) -> Option<u16> {
    const NAME: &str = "statusCode";
    let at = text.find(NAME)?;
    let before = text.get(..at)?.trim_end_matches(['"', '\'']).trim_end();
    if !before.ends_with(['{', ',']) {
        return None;
    }
    let behind = text.get(at + NAME.len()..)?;
    let value = behind.trim_start_matches(['"', '\'']).trim_start();
    let value = value.strip_prefix(':')?.trim_start();
    let end = value.find([',', '}']).unwrap_or(value.len());
    let status: u16 = value.get(..end)?.trim().parse().ok()?;
    (100..600).contains(&status).then_some(status)
}

#[cfg(test)]
mod tests {
    use super::status;

    #[test]
    fn statuses_are_read_leniently() {
        for (text, expected) in [
            (r#"{"statusCode": 200}"#, Some(200)),
            ("{statusCode: 404}", Some(404)),
            ("\n{ 'statusCode' : 418 , \"x\": 1 }\n", Some(418)),
            (r#"{"a": 1, "statusCode":500}"#, Some(500)),
            (r#"{"statusCode": "200"}"#, None),
            (r#"{"statusCode": 200.5}"#, None),
            (r#"{"statusCode": 99}"#, None),
            (r#"{"xstatusCode": 200}"#, None),
            ("statusCode", None),
            ("", None),
            ("{}", None),
        ] {
            assert_eq!(status(text), expected, "{text}");
        }
    }
}
