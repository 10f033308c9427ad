//! Java's syntax and its ways of replacing; figures were taken from `java.util.regex`' documentation.

use proptest::prelude::*;

use super::{Pattern, PatternError, ReplaceError};

fn check(pattern: &str, yes: &[&str], no: &[&str]) {
    let parsed = Pattern::parse(pattern).unwrap();
    for text in yes {
        assert!(parsed.is_full_match(text), "{pattern} {text:?}");
    }
    for text in no {
        assert!(!parsed.is_full_match(text), "{pattern} {text:?}");
    }
}

#[test]
fn selection_patterns_match_the_whole() {
    check("404", &["404"], &["4040", "1404", ""]);
    check(r"4\d{2}", &["404", "499"], &["500", "4044", "4٠٤"]);
    check("4..|5..", &["404", "500"], &["300", "4", "404x"]);
    check(
        ".*Bad Request.*",
        &["x Bad Request y", "Bad Request"],
        &["bad request", "Bad\nRequest"],
    );
    check(".*error.*", &["an error"], &["first\nerror", "error\r"]);
    check(r"(\n|.)+", &["a", "a\nb", "\n"], &["", "\r"]);
    check(r"[\s\S]*", &["", "a\r\n\u{85}"], &[]);
    check("(?s).*", &["a\nb\r"], &[]);
    check("(?i)ok|(?:nO)", &["OK", "no", "NO"], &["okno"]);
    check(r"\[BadRequest\].*", &["[BadRequest] x"], &["BadRequest"]);
    check("", &[""], &["a"]);
    check("^a$", &["a"], &["a\n", "ba"]);
}

#[test]
fn javas_own_syntax_works() {
    check(r"\Qa.b*\E+", &["a.b*", "a.b**"], &["axb*"]);
    check(r"\Qopen[", &["open["], &["open"]);
    check(r"\h\H\v\V", &["\ta\nb"], &["aa\nb"]);
    check(r"a\Rb", &["a\r\nb", "a\u{85}b"], &["ab", "a b"]);
    check(
        r"\t\n\r\f\a\e\x41\x{1F600}\u00e4\0101\cA",
        &["\t\n\r\u{c}\u{7}\u{1b}A😀äA\u{1}"],
        &[],
    );
    check(r"\ud83d\ude00", &["😀"], &["x"]);
    check(
        r"\p{Lower}\p{Upper}\p{Punct}\p{L}\pN\P{Alpha}",
        &["aA!ä41"],
        &["AA!ä41", "aA!ä4b"],
    );
    check(r"\p{IsAlphabetic}+\p{javaLowerCase}", &["äß"], &["1a"]);
    check("[a-z&&[^bc]]+", &["ad"], &["abd"]);
    check("[a-c[x-z]]+", &["axz"], &["d"]);
    check(r"[\w.-]+", &["a.b-c_1"], &["a b", "ä"]);
    check("[]a]+", &["]a"], &["b"]);
    check("[^]a]+", &["b"], &["]"]);
    check("[[:alpha:]]+", &["alph:"], &["b"]);
    check("[a^&~|-]+", &["a^&~|-"], &["b"]);
    check(r"[\Q]^-\E]+", &["]^-"], &["Q"]);
    check(r"(\w)\1", &["aa"], &["ab"]);
    check(r"(?<first>\d)-\k<first>", &["1-1"], &["1-2"]);
    check("a++b", &["aab"], &[]);
    check("a*+a", &[], &["aaa"]);
    check("(?>a|ab)c", &["ac"], &["abc"]);
    check("(?<=a)b|(?<!a)c", &["c"], &["b"]);
    check("(?!x).b", &["ab"], &["xb"]);
    check("a]}", &["a]}"], &[]);
    check("(?x) a b # c ) [", &["ab"], &["a b"]);
    check("(?s:a.)b.", &["a\nbx"], &["a\nb\n"]);
    check("((?s)a.)b.", &["a\nbx"], &["a\nb\n"]);
    check("(?i:a)b", &["Ab"], &["AB"]);
    check("(?i-s:a)(?-i)(?)b", &["Ab"], &["AB"]);
    check(r"a\ -\#", &["a -#"], &[]);
    check("a #b", &["a #b"], &["a "]);
}

#[test]
fn what_is_not_javas_is_refused() {
    for text in [
        "(",
        ")",
        "[",
        "[a",
        "*",
        "a{",
        "{1}",
        "a{x}",
        "a{,2}",
        r"\",
        r"\y",
        r"\K",
        r"\O",
        r"\N{x}",
        r"\g<1>",
        r"\x4",
        r"\u12",
        r"\0",
        r"\ud83d",
        r"\c",
        r"\p{",
        r"\p{InNothing}",
        "(?<a b>x)",
        "(?P<a>x)",
        "(?(1)a|b)",
        "(?|a|b)",
        "(?R)",
        "(?#x)",
        "[b-a]",
        r"[\Qa",
        r"[\y]",
        "a{99999999}",
        r"\k<none>",
        "(?ii",
        "(?-",
    ] {
        assert!(Pattern::parse(text).is_err(), "{text}");
    }
    assert_eq!(
        Pattern::parse(r"ab\y").unwrap_err(),
        PatternError::Syntax {
            what: "an unknown escape",
            at: 3
        }
    );
    assert_eq!(
        Pattern::parse(&"a".repeat(20_000)).unwrap_err(),
        PatternError::Length
    );
    assert_eq!(
        Pattern::parse(&"(".repeat(1000)).unwrap_err(),
        PatternError::Depth
    );
    assert_eq!(
        Pattern::parse(&"[".repeat(1000)).unwrap_err(),
        PatternError::Depth
    );
    let large = Pattern::parse(r"(\p{L}{500}){500}");
    assert!(matches!(large, Err(PatternError::Compile(_))), "{large:?}");
}

#[test]
fn hostile_patterns_end() {
    let text = "a".repeat(5_000);
    for pattern in [
        "(a+)+b",
        "(a|a)*b",
        r"(a*)*\1b",
        r"(?:(?=(a+)))(a+)+\2c",
        "(?:(?=a)a+)+b",
    ] {
        assert!(
            !Pattern::parse(pattern).unwrap().is_full_match(&text),
            "{pattern}"
        );
    }
}

#[test]
fn ecma_patterns_are_searched_for() {
    let check = |pattern: &str, yes: &[&str], no: &[&str]| {
        let parsed = Pattern::parse_ecma(pattern).unwrap();
        for text in yes {
            assert!(parsed.is_found(text), "{pattern} {text:?}");
        }
        for text in no {
            assert!(!parsed.is_found(text), "{pattern} {text:?}");
        }
    };
    check(r"^\d{3}$", &["123"], &["1234", "123\n", "x"]);
    check("b", &["abc"], &["ac"]);
    check(r"\s", &["\u{a0}"], &["a"]);
    check("[[]", &["["], &["a"]);
    check("[a&&b]", &["&"], &["c"]);
    check("a{b", &["a{b"], &["ab"]);
    check(r"[\b]", &["\u{8}"], &["b"]);
    check("[]|a", &["a"], &["b"]);
    check("x[^]y", &["x\ny"], &["xy"]);
    check(r"^\S+@\S+\.\S+$", &["a@b.c"], &["a@b"]);
    check(r"\-\/\@", &["-/@"], &["a"]);
}

#[test]
fn replacements_are_javas() {
    let check = |pattern: &str, text: &str, replacement: &str, expected: &str| {
        let pattern = Pattern::parse(pattern).unwrap();
        let found = pattern.replace_all(text, replacement, 1000);
        assert_eq!(found.as_deref(), Ok(expected), "{pattern:?} {text}");
    };
    check("a*", "baac", "X", "XbXXcX");
    check("", "ab", "-", "-a-b-");
    check("", "", "-", "-");
    check(r"\\'", r"it\'s", "'", "it's");
    check(
        r"(\w+)@(\w+)",
        "me@home you@there",
        "$2.$1",
        "home.me there.you",
    );
    check("(a)(b)?", "a", "[$1$2]", "[a]");
    check("(a)", "a", "$12", "a2");
    check("(?<n>a)", "a", r"${n}\$\\", r"a$\");
    check("x", "aäx", "ö", "aäö");
    let pattern = Pattern::parse("(a)").unwrap();
    assert_eq!(pattern.replace_first("aa", "b", 10).as_deref(), Ok("ba"));
    for wrong in ["$", "$x", "$2", r"\", "${n"] {
        let found = pattern.replace_all("a", wrong, 10);
        assert_eq!(found, Err(ReplaceError::Replacement), "{wrong}");
    }
    assert_eq!(
        pattern.replace_all("aaa", "1234", 11),
        Err(ReplaceError::Output)
    );
    assert_eq!(
        pattern.replace_all("bbbb", "", 3),
        Err(ReplaceError::Output)
    );
}

#[test]
fn splitting_is_javas() {
    let check = |pattern: &str, text: &str, limit: i64, expected: &[&str]| {
        let pattern = Pattern::parse(pattern).unwrap();
        let found = pattern.split(text, limit, 100).unwrap();
        assert_eq!(found, expected, "{pattern:?} {text} {limit}");
    };
    check(":", "boo:and:foo", 2, &["boo", "and:foo"]);
    check(":", "boo:and:foo", 5, &["boo", "and", "foo"]);
    check("o", "boo:and:foo", 5, &["b", "", ":and:f", "", ""]);
    check("o", "boo:and:foo", -2, &["b", "", ":and:f", "", ""]);
    check("o", "boo:and:foo", 0, &["b", "", ":and:f"]);
    check("", "abc", 0, &["a", "b", "c"]);
    check("x", "abc", 0, &["abc"]);
    check(",", "", 0, &[""]);
    check(",", ",", 0, &[]);
    check(",", ",a", 0, &["", "a"]);
    check(r"\s*,\s*", "a , b,c", 0, &["a", "b", "c"]);
    let many = Pattern::parse(",").unwrap();
    assert_eq!(many.split("a,b,c", 0, 2), Err(ReplaceError::Output));
}

#[test]
fn many_searches_cost_what_they_may() {
    let text = "a ".repeat(2_000);
    let check = |pattern: &str, expected: Result<usize, ReplaceError>| {
        let mut pattern = Pattern::parse(pattern).unwrap();
        pattern.search_cost = 1_000_000;
        let found = pattern.replace_all(&text, "", 1 << 20);
        assert_eq!(found.map(|out| out.len()), expected, "{pattern:?}");
    };
    check("a[^b]*b|a", Err(ReplaceError::Cost));
    check("(?=a)", Err(ReplaceError::Cost));
    check("a", Ok(2_000));
    check(r"\s+", Ok(2_000));
    check("a{1,2} ?", Ok(0));
}

proptest! {
    #[test]
    fn texts_at_random_are_read_or_refused(pattern in patterns(), text in "[ab1 \n]{0,20}") {
        if let Ok(parsed) = Pattern::parse(&pattern) {
            let _ = parsed.is_full_match(&text);
            let _ = parsed.replace_all(&text, "$0", 10_000);
            let _ = parsed.split(&text, 0, 100);
        }
        if let Ok(parsed) = Pattern::parse_ecma(&pattern) {
            let _ = parsed.is_found(&text);
        }
    }

    #[test]
    fn quoted_texts_match_themselves(text in "\\PC{0,30}") {
        prop_assume!(!text.contains("\\E"));
        let pattern = Pattern::parse(&format!("\\Q{text}\\E")).unwrap();
        prop_assert!(pattern.is_full_match(&text));
    }
}

fn patterns() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "a", "b", "1", ".", "*", "+", "?", "{2}", "{1,3}", "{", "}", "[", "]", "^", "-", "&&", "(",
        "(?:", "(?=", "(?<!", "(?<n>", "(?s)", "(?i:", ")", "|", "\\d", "\\b", "\\1", "\\Q", "\\E",
        "\\", "$", "\\x41", "\\p{L}", "\\R", "\\Z", " ", "#", "\u{e4}",
    ]);
    prop::collection::vec(word, 0..12).prop_map(|words| words.concat())
}
