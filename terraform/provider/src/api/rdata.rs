//! Values of DNS records, of which a zone file allows several ways of writing: with a final dot or
//! without, in quotes or not. The cluster shows each in one way of its own; what was configured
//! stays as it was written, when both mean the same.
//!
//! Deliberately no check of values: the cluster does that. Two that are taken for different here,
//! and are not, are a change in a plan and do no harm.

use std::net::IpAddr;

/// Whether two values of records of one type mean the same.
pub(super) fn is_same(kind: &str, one: &str, other: &str) -> bool {
    one == other || canonical(kind, one) == canonical(kind, other)
}

fn canonical(kind: &str, text: &str) -> String {
    match kind {
        "A" | "AAAA" => {
            let address = text.trim().parse::<IpAddr>();
            address.map_or_else(|_| text.to_owned(), |address| address.to_string())
        }
        // Strings of one record are one text, wherever it was divided; without quotes it is one.
        "TXT" => words(text)
            .filter(|words| words.iter().any(|word| word.quoted))
            .map_or_else(
                || text.trim().to_owned(),
                |words| words.into_iter().map(|word| word.text).collect(),
            ),
        // The value has upper and lower case of its own.
        "CAA" => plain(text, str::to_owned).join(" "),
        "DS" => {
            let all = plain(text, |word| word.to_ascii_lowercase());
            let (numbers, digest) = all.split_at(all.len().min(3));
            format!("{} {}", numbers.join(" "), digest.concat())
        }
        _ => plain(text, |word| {
            let word = word.to_ascii_lowercase();
            // A dot alone is a name: of the root, or of nobody.
            match word.strip_suffix('.') {
                Some(name) if !name.is_empty() => name.to_owned(),
                _ => word,
            }
        })
        .join(" "),
    }
}

/// The words of a value, without quotes; the text as it is if a quote has no end.
fn plain(text: &str, each: impl Fn(&str) -> String) -> Vec<String> {
    words(text).map_or_else(
        || vec![text.to_owned()],
        |words| words.iter().map(|word| each(&word.text)).collect(),
    )
}

#[derive(Default)]
struct Word {
    text: String,
    quoted: bool,
}

/// Splits at blanks outside quotes (RFC 1035, 5.1); escapes of bytes stay as they are.
fn words(text: &str) -> Option<Vec<Word>> {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut inside = false;
    let mut rest = text.chars();
    while let Some(next) = rest.next() {
        match next {
            '"' => {
                inside = !inside;
                word.get_or_insert_default().quoted = true;
            }
            ' ' | '\t' if !inside => words.extend(word.take()),
            '\\' => {
                let escaped = rest.next()?;
                let word = word.get_or_insert_default();
                if escaped.is_ascii_digit() {
                    word.text.push('\\');
                }
                word.text.push(escaped);
            }
            other => word.get_or_insert_default().text.push(other),
        }
    }
    words.extend(word);
    (!inside).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn ways_of_writing_one_value_are_the_same() {
        for (kind, one, other) in [
            ("CNAME", "D-1.Example.com.", "d-1.example.com"),
            ("NS", "ns1.example.com.", "ns1.example.com"),
            ("MX", "10 Mail.example.com.", "10 mail.example.com"),
            ("MX", "0 .", "0 ."),
            (
                "SRV",
                "1 2  5060 sip.example.com.",
                "1 2 5060 sip.example.com",
            ),
            ("AAAA", "2001:DB8:0:0::1", "2001:db8::1"),
            ("TXT", "v=spf1 -all", "\"v=spf1 -all\""),
            ("TXT", "\"one\" \"two\"", "\"onetwo\""),
            ("TXT", "\"a \\\"b\\\"\"", "\"a \\\"b\\\"\""),
            (
                "CAA",
                "0 issue ca.example.net",
                "0 issue \"ca.example.net\"",
            ),
            ("DS", "1 13 2 AB CD", "1 13 2 abcd"),
            ("HTTPS", "1 . alpn=\"h2\"", "1 . alpn=h2"),
        ] {
            assert!(is_same(kind, one, other), "{kind} {one} {other}");
        }
    }

    #[test]
    fn other_values_are_others() {
        for (kind, one, other) in [
            ("CNAME", "a.example.com", "b.example.com"),
            ("MX", "10 mail.example.com", "20 mail.example.com"),
            ("MX", "0 .", "0 mail.example.com"),
            ("TXT", "\"A\"", "\"a\""),
            ("TXT", "\"one two\"", "\"onetwo\""),
            ("TXT", "\"never ends", "never ends"),
            ("CAA", "0 issue \"A\"", "0 issue \"a\""),
            ("A", "192.0.2.1", "192.0.2.2"),
        ] {
            assert!(!is_same(kind, one, other), "{kind} {one} {other}");
        }
    }
}
