//! Templates that mean harm: each ends soon, with an error that says which bound it met.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::{render, render_within};
use crate::vtl::{Limits, Overrides, RenderError, TEMPLATE_BYTES_MAX, Template};

fn parse_error(template: &str) -> String {
    match Template::parse(template) {
        Ok(_) => panic!("parsed"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn errors_say_where_they_are() {
    for (template, expected) in [
        ("a\n  #if(true)x", "line 2, column 6: #if without #end"),
        ("#end", "line 1, column 5: #end without #if"),
        (
            "é #set($x 1)",
            "line 1, column 11: #set needs \"=\" here, not '1'",
        ),
        (
            "#set(x = 1)",
            "line 1, column 6: #set needs a reference to set",
        ),
        (
            "#if()x#end",
            "line 1, column 5: a value is needed here, not ')'",
        ),
        (
            "${a",
            "line 1, column 4: reference needs \"}\" here, not the end",
        ),
        ("#set($a = 'x)", "line 1, column 11: text without closing '"),
        (
            "x\n#parse('y')",
            "line 2, column 7: #parse is not available in templates",
        ),
        (
            "#evaluate('y')",
            "line 1, column 10: #evaluate is not available in templates",
        ),
        ("#* x", "line 1, column 3: comment without *#"),
        (
            "Hello $",
            "line 1, column 8: a dollar sign ends the template",
        ),
    ] {
        assert_eq!(parse_error(template), expected, "{template}");
    }
}

#[test]
fn deep_nesting_is_refused() {
    for (start, open, close) in [
        ("", "#if(true)", "#end"),
        ("", "#foreach($i in [1])", "#end"),
        ("#set($x = ", "(", ")"),
        ("#set($x = ", "[", "]"),
        ("#set($x = ", "!", ""),
        ("", "$a[", "]"),
        ("", "$a.b(", ")"),
        ("", "${a|", "}"),
    ] {
        for (close, depth) in [(close, 1_000), ("", 1_000), (close, 20_000)] {
            let template = format!("{start}{}{}", open.repeat(depth), close.repeat(depth));
            let template: String = template.chars().take(TEMPLATE_BYTES_MAX).collect();
            let error = parse_error(&template);
            assert!(
                error.contains("nested deeper than 100 levels"),
                "{open} {error}"
            );
        }
    }
    assert!(parse_error(&"x".repeat(TEMPLATE_BYTES_MAX + 1)).contains("longer than"));
}

#[test]
fn long_expressions_are_not_deep() {
    let sum = format!("#set($x = 1{})$x", " + 1".repeat(50_000));
    assert_eq!(render(&sum, "").as_deref(), Ok("50001"));
    let steps = format!("#set($a = {{}})$a{}", ".b".repeat(50_000));
    assert_eq!(render(&steps, "").as_deref(), Ok(""));
    let many = "#set($x = 1)$x".repeat(8_000);
    assert_eq!(render(&many, "").map(|text| text.len()), Ok(8_000));
}

#[test]
fn endless_loops_run_out_of_steps() {
    let nested = "#foreach($i in [1..1000])".repeat(5) + "x" + &"#end".repeat(5);
    assert!(matches!(render(&nested, ""), Err(RenderError::Steps(_))));
    let growing = "#set($l = [1])#foreach($i in $l)#set($x = $l.add(1))#end$l.size()";
    assert_eq!(render(growing, "").as_deref(), Ok("1001"));
    assert!(matches!(
        render("#set($l = [0..2000000000])", ""),
        Err(RenderError::Memory(_) | RenderError::Steps(_)) | Ok(_)
    ));
}

#[test]
fn recursion_runs_out_of_depth() {
    for template in [
        "#macro(m)#m()#end#m()",
        "#define($d)$d#end$d",
        "#define($d)#set($x = \"((($d)))\")$x#end$d",
        "#macro(m $a)#if(true)#m([[[\"$a\"]]])#end#end#m('x')",
        "#define($a)[$b]#end#define($b)<$a>#end$a",
        "#set($l = [])#foreach($i in [1..1000])#set($l = [$l])#end$l",
        "#set($l = [])#set($x = $l.add($l))#set($s = \"$l\")",
        "#set($m = {})#set($m.m = $m)$m",
    ] {
        let rendered = render(template, "");
        assert!(
            matches!(rendered, Err(RenderError::Depth(_))),
            "{template} {rendered:?}"
        );
    }
}

#[test]
fn doubling_runs_out_of_memory_or_output() {
    for template in [
        "#set($s = 'x')#foreach($i in [1..1000])#set($s = \"$s$s\")#end",
        "#set($s = 'x')#foreach($i in [1..1000])#set($s = $s + $s)#end",
        "#set($s = 'x')#foreach($i in [1..1000])#set($s = $s.concat($s))#end",
        "#set($s = 'x')#foreach($i in [1..1000])#set($s = $s.replace('x', 'xxxx'))#end",
        "#set($s = 'x')#foreach($i in [1..1000])#set($s = $s.replaceAll('x|y', 'xxxx'))#end",
        "#set($s = 'x')#set($s = $s.repeat(2000000000))",
        "#set($l = [1])#foreach($i in [1..1000])#set($x = $l.addAll($l))#end",
        "#set($l = [1])#foreach($i in [1..1000])#set($l = [$l, $l])#end$l",
        "#foreach($i in [1..1000])#foreach($j in [1..1000])$input.body#end#end",
        "#foreach($i in [1..1000])#set($j = $util.parseJson($input.body))\
         #foreach($k in [1..900])$j#end#end",
    ] {
        let body = format!("\"{}\"", "x".repeat(10_000));
        let limits = Limits {
            steps: 200_000,
            output_bytes: 1024 * 1024,
            memory_bytes: 8 * 1024 * 1024,
            ..Limits::default()
        };
        let rendered = render_within(limits, template, &body, &mut Overrides::default());
        let is_bounded = matches!(
            rendered,
            Err(RenderError::Memory(_)
                | RenderError::Output(_)
                | RenderError::Steps(_)
                | RenderError::Depth(_))
        ) || matches!(&rendered, Err(RenderError::Pattern { what, .. }) if what.contains("long"));
        assert!(
            is_bounded,
            "{template} {:?}",
            rendered.map(|text| text.len())
        );
    }
}

#[test]
fn large_bodies_are_read_once_and_printed_whole() {
    let mut body = "[".to_owned();
    for number in 0..20_000 {
        let _written = write!(
            body,
            "{{\"id\": {number}, \"name\": \"name of {number}\", \"tags\": [1, 2]}},"
        );
    }
    body.push_str("0]");
    assert!(body.len() > 1_000_000);
    assert_eq!(
        render("$input.body", &body).map(|text| text.len()),
        Ok(body.len())
    );
    let json = render("$input.json('$')", &body).unwrap();
    assert_eq!(
        json,
        serde_json::from_str::<serde_json::Value>(&body)
            .unwrap()
            .to_string()
    );
    assert_eq!(
        render("$input.path('$.length()')", &body).as_deref(),
        Ok("20001")
    );
}

#[test]
fn many_regular_expressions_cost_steps() {
    let template: String = (0..2_000)
        .map(|number| format!("$input.body.matches('x+{number}')"))
        .collect();
    assert!(matches!(render(&template, "y"), Err(RenderError::Steps(_))));
}

#[test]
fn regular_expressions_are_bounded() {
    let body = "a".repeat(5_000);
    let rendered = render("$input.body.matches('(a+)+$(?=b)x')", &body);
    assert!(
        matches!(rendered, Ok(_) | Err(RenderError::Pattern { .. })),
        "{rendered:?}"
    );
    let rendered = render("$input.body.matches('(((a{1000}){1000}){1000})')", &body);
    assert!(
        matches!(rendered, Err(RenderError::Pattern { .. })),
        "{rendered:?}"
    );
    let rendered = render("$input.body.replaceAll('[', '')", &body);
    assert!(
        matches!(rendered, Err(RenderError::Pattern { .. })),
        "{rendered:?}"
    );
}

/// Pieces that templates are made of, so that random ones get past the parser.
const PIECES: &[&str] = &[
    "#if(",
    "#elseif(",
    "#else",
    "#end",
    "#foreach($i in ",
    "#set($a = ",
    "#set($b.c = ",
    ")",
    "#define($d)",
    "#macro(m $x)",
    "#m(",
    "#@m(",
    "#break",
    "#stop",
    "## c\n",
    "#*",
    "*#",
    "#[[",
    "]]#",
    "$a",
    "$b",
    "$!{i}",
    "${a",
    "}",
    "$d",
    "$foreach.index",
    "$input.body",
    "$input.path('$')",
    "$input.json('$..x')",
    "$input.params()",
    "$util.parseJson($a)",
    "$util.urlEncode($a)",
    "$context.identity",
    "$context.requestOverride.header",
    "$stageVariables",
    ".add(",
    ".get(0)",
    ".put('k', $a)",
    ".split(',')",
    ".replaceAll('a', 'b')",
    ".substring(1)",
    ".size()",
    "[0]",
    "[-1]",
    "[",
    "]",
    "[1..3]",
    "{'k': ",
    "{}",
    "'x'",
    "\"$a\"",
    "\"",
    "'",
    " == ",
    " && ",
    " + ",
    " - ",
    " * ",
    " / ",
    " % ",
    "!",
    "1",
    "2.5",
    "-1",
    "true",
    "null",
    ", ",
    " ",
    "\n",
    "\\",
    "é",
    "#",
    "$",
];

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(PIECES);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_pieces_end_in_a_text_or_an_error(template in pieces(), body in ".{0,40}") {
        crate::vtl::fuzz::template(&template, &body);
        crate::vtl::fuzz::template(&template, r#"{"x": [1, {"x": null}], "a": "b"}"#);
    }

    #[test]
    fn any_text_ends_in_a_text_or_an_error(template in "(?s).{0,60}") {
        crate::vtl::fuzz::template(&template, "{}");
    }

    #[test]
    fn text_without_signs_renders_as_itself(text in "[^$#\\\\]{0,60}") {
        prop_assert_eq!(render(&text, ""), Ok(text));
    }
}
