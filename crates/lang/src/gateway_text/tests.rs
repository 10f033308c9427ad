//! References in text.

use std::borrow::Cow;

use proptest::prelude::*;

use super::{OUTPUT_BYTES_MAX, Text};
use crate::mapping::Source;

struct Fixed;

impl Source for Fixed {
    fn request_path(&self, name: &str) -> Option<Cow<'_, str>> {
        (name == "id").then_some(Cow::Borrowed("7"))
    }
    fn request_query(&self, name: &str) -> Vec<Cow<'_, str>> {
        if name == "q" {
            return vec![Cow::Borrowed("1"), Cow::Borrowed("2")];
        }
        Vec::new()
    }
    fn request_header(&self, name: &str) -> Vec<Cow<'_, str>> {
        if name == "X-My-Header" {
            return vec![Cow::Borrowed("mine")];
        }
        Vec::new()
    }
    fn body(&self) -> Option<&str> {
        None
    }
    fn stage_variable(&self, name: &str) -> Option<Cow<'_, str>> {
        (name == "v_1").then_some(Cow::Borrowed("one"))
    }
    fn context(&self, path: &str) -> Option<String> {
        match path {
            "error.message" => Some("No".to_owned()),
            "error.messageString" => Some("\"No\"".to_owned()),
            "requestId" => Some("r-1".to_owned()),
            "long" => Some("\u{e4}".repeat(OUTPUT_BYTES_MAX)),
            _ => None,
        }
    }
}

fn check(template: &str, expected: &str) {
    assert_eq!(Text::parse(template).render(&Fixed), expected, "{template}");
}

#[test]
fn references_stand_for_values() {
    check(
        r#"{"message":$context.error.messageString}"#,
        r#"{"message":"No"}"#,
    );
    check("$context.error.message.", "No.");
    check("${context.error.message}s", "Nos");
    check("$context.requestId-$context.requestId", "r-1-r-1");
    check("$context.absent|$stageVariables.absent|", "||");
    check("$stageVariables.v_1 ${stageVariables.v_1}2", "one one2");
    check(
        "$method.request.header.X-My-Header, $method.request.header.none.",
        "mine, .",
    );
    check("$method.request.querystring.q$method.request.path.id", "27");
}

#[test]
fn everything_else_is_text() {
    for text in [
        "",
        "$",
        "$$",
        "$5 and ${5}",
        "$input.body $util.urlEncode('x')",
        "#set($x = 1)#if(true)y#end",
        "$context",
        "$context.",
        "$method.request.body",
        "$method.request.cookie.a",
        "${context.error.message",
        "${}",
        "$contexts.error.message",
    ] {
        check(text, text);
    }
}

#[test]
fn output_is_bounded() {
    let text = Text::parse("x$context.long$context.long").render(&Fixed);
    assert!(text.len() <= OUTPUT_BYTES_MAX && text.len() >= OUTPUT_BYTES_MAX - 1);
}

proptest! {
    #[test]
    fn texts_at_random_are_templates(
        text in "([$]?[{]?(context|method|stageVariables)?[.a-z\u{e4}}-]{0,4}){0,8}"
    ) {
        let _ = Text::parse(&text).render(&Fixed);
    }
}
