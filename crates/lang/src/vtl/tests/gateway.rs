//! What the gateway adds: `$input`, `$util`, `$context` with the overrides, `$stageVariables`, and
//! methods.

use super::{Overrides, RenderError, render, render_with};

fn check(template: &str, body: &str, expected: &str) {
    assert_eq!(
        render(template, body).as_deref(),
        Ok(expected),
        "{template} of {body}"
    );
}

/// With `$r` as the whole body.
fn check_root(template: &str, body: &str, expected: &str) {
    check(
        &format!("#set($r = $input.path('$')){template}"),
        body,
        expected,
    );
}

#[test]
fn input_body_is_the_raw_text() {
    check("$input.body", "", "{}");
    check("$input.body", r#"{"a": 10.00}"#, r#"{"a": 10.00}"#);
    check("$input.body <$input.body.some>", "plain", "plain <>");
    check("[$util.urlEncode($input.body.some)]", "plain", "[]");
}

#[test]
fn input_path_and_json_follow_paths() {
    let body = r#"{"a": {"b": [1, 2.50, "x/y", null, true]}, "n": null}"#;
    check(
        "$input.json('$.a')",
        body,
        r#"{"b":[1,2.5,"x/y",null,true]}"#,
    );
    check(
        "$input.json('$.a.b[2]') $input.json('$.n') $input.json('$.x')",
        body,
        r#""x/y" "" """#,
    );
    check(
        "$input.path('$.a.b[1]') $input.path('$.a.b.length()')",
        body,
        "2.5 5",
    );
    check(
        "$input.path('$.a').b.size() $input.path('$.a.b[-1]')",
        body,
        "5 true",
    );
    check(
        "#set($p = '$.a.b[0]')$input.path($p) $input.json($p)",
        body,
        "1 1",
    );
    check("$input.json('$..b[0,2]')", body, r#"[1,"x/y"]"#);
    check("$input.json('$') $input.path('$')", "", "{} {}");
    let text = r#""\u0001\n\"é""#;
    check("$input.json('$')", text, r#""\u0001\n\"é""#);
    assert!(matches!(
        render("$input.path('$')", "text"),
        Err(RenderError::Json { .. })
    ));
    assert!(matches!(
        render("$input.path('$[')", "{}"),
        Err(RenderError::Path { .. })
    ));
}

#[test]
fn json_prints_as_recorded() {
    check_root("$r", r#"{"foo": "bar", "n": 1}"#, "{foo=bar, n=1}");
    check_root("$r", r#"[{"foo": "bar"}]"#, r#"[{"foo":"bar"}]"#);
    check_root(
        "$r",
        r#"{"foo": [{"nested": "bar"}]}"#,
        r#"{foo=[{"nested":"bar"}]}"#,
    );
    check_root("$r[0]", r#"[[{"foo": "bar"}]]"#, r#"[{"foo":"bar"}]"#);
    check_root(
        "$r[0] $r.get(0).foo",
        r#"[{"foo": "bar"}]"#,
        "{foo=bar} bar",
    );
    check_root(
        "$r.toString() $r.foo.toString()",
        r#"{"foo": ["bar"]}"#,
        r#"{foo=["bar"]} ["bar"]"#,
    );
    check_root(
        "[$r.n $r.x $r.x.y]#if($r.n == $null && $r.n == '')e#end",
        r#"{"n": null}"#,
        "[  ]e",
    );
    check_root("$r <$r.x>#if($r == '')e#end", "[]", "[] <>");
    check_root(
        "$r",
        r#"{"n": null, "m": {"d": 1e10}}"#,
        "{n=null, m={d=1.0E10}}",
    );
}

#[test]
fn json_values_can_be_changed() {
    let body = r#"{"a": {"b": [1, 2]}, "c": 3}"#;
    check_root(
        "#set($r.a.b[0] = 9)#set($r.d = 'x')$r",
        body,
        "{a={b=[9,2]}, c=3, d=x}",
    );
    check_root(
        "#set($b = $r.a.b)$b.add(3)$r.a.b $b.size()",
        body,
        "true[1,2,3] 3",
    );
    check_root("$r.remove('c')$r.a.clear()$r", body, "3{a={}}");
    check_root("#set($x = $r.put('self', $r))", body, "");
    let rendered = render(
        "#set($r = $input.path('$'))#set($x = $r.put('self', $r))$r",
        body,
    );
    assert!(
        matches!(rendered, Err(RenderError::Depth(_))),
        "{rendered:?}"
    );
}

#[test]
fn parameters_are_looked_up_in_order() {
    check(
        "$input.params('id') $input.params('q') $input.params('x-test')",
        "",
        "7 a b yes",
    );
    check(
        "[$input.params('none')] $input.params().path.id",
        "",
        "[] 7",
    );
    check(
        "$input.params().querystring.get('id') $input.params().header['X-Test']",
        "",
        "8 yes",
    );
    check(
        "#set($p = $input.params())\
         #foreach($t in $p.keySet())$t:#foreach($n in $p.get($t).keySet())$n #end#end",
        "",
        "path:id querystring:q id header:X-Test ",
    );
}

#[test]
fn util_functions() {
    check(
        r#"$util.urlEncode('{"some": "value"}')"#,
        "",
        "%7B%22some%22%3A+%22value%22%7D",
    );
    check("$util.urlDecode('a%20b+c%C3%A9')", "", "a b cé");
    check(
        "$util.base64Encode('héllo') $util.base64Decode('aMOpbGxv')",
        "",
        "aMOpbGxv héllo",
    );
    check(
        "$util.base64Encode('a')$util.base64Encode('ab')$util.base64Encode('abc')",
        "",
        "YQ==YWI=YWJj",
    );
    check(
        r#"$util.escapeJavaScript("it's a \ €")"#,
        "",
        r"it\'s a \\ \u20AC",
    );
    check(
        r#"$util.escapeJavaScript($input.body).replaceAll("\\'", "'")"#,
        "it's",
        "it's",
    );
    check(
        "$util.escapeJavaScript(null) $util.escapeJavaScript('')",
        "",
        "null {}",
    );
    check(
        r#"#set($o = $util.parseJson('{"a": [1]}'))$o $o.a[0]"#,
        "",
        "{a=[1]} 1",
    );
    check("[$util.toJson('x')$util.time]", "", "[]");
    assert!(matches!(
        render("$util.parseJson('{')", ""),
        Err(RenderError::Json { .. })
    ));
}

#[test]
fn context_and_stage_variables() {
    check(
        "[$context.authorizer.claims] $context.authorizer.claims.sub",
        "",
        "[] u",
    );
    check(
        "$context.requestId $context.identity.sourceIp",
        "",
        "r-1 192.0.2.1",
    );
    check(
        "$context.authorizer.claims.sub $context.requestTimeEpoch",
        "",
        "u 1700000000123",
    );
    check(
        "[$context.none.x] $context['requestId'] $context.get('requestId')",
        "",
        "[] r-1 r-1",
    );
    check(
        "$stageVariables.colour ${stageVariables['colour']} [$stageVariables.none]",
        "",
        "green green []",
    );
    check(
        "#foreach($k in $stageVariables.keySet())$k=$stageVariables.get($k)#end",
        "",
        "colour=green",
    );
}

#[test]
fn overrides_are_collected_and_readable() {
    let mut overrides = Overrides::default();
    let request = "#set($context.requestOverride.header.X-A = 'a')\
                   #set($context.requestOverride.querystring['q'] = 5)\
                   #set($context.requestOverride.path.id = $none)\
                   #set($context.responseOverride.status = '444')";
    assert_eq!(render_with(request, "", &mut overrides).as_deref(), Ok(""));
    assert_eq!(
        overrides.request.header,
        [("X-A".to_owned(), "a".to_owned())]
    );
    assert_eq!(
        overrides.request.querystring,
        [("q".to_owned(), "5".to_owned())]
    );
    assert_eq!(overrides.request.path, [("id".to_owned(), String::new())]);
    assert_eq!(overrides.response.status, Some(444));
    // The template of the answer reads what that of the request has set, and may set it anew.
    let response = "$context.requestOverride.header['X-A'] $context.responseOverride.status\
                    #set($context.requestOverride.header.X-A = 'b')\
                    #set($context.responseOverride.header.Y = 'y')\
                    $context.responseOverride.header.Y";
    assert_eq!(
        render_with(response, "", &mut overrides).as_deref(),
        Ok("a 444y")
    );
    assert_eq!(
        overrides.request.header,
        [("X-A".to_owned(), "b".to_owned())]
    );
    assert_eq!(
        overrides.response.header,
        [("Y".to_owned(), "y".to_owned())]
    );
}

#[test]
fn an_override_is_set_once_per_template() {
    let twice = "#set($context.responseOverride.header.A = 1)\
                 #set($context.responseOverride.header.A = 2)";
    let expected = Err(RenderError::Override(
        "responseOverride.header.A".to_owned(),
    ));
    assert_eq!(render(twice, ""), expected);
    let expected = Err(RenderError::Override("responseOverride.status".to_owned()));
    let set = "#set($context.responseOverride.status = 400)";
    assert_eq!(render(&format!("{set}{set}"), ""), expected);
    for ignored in ["99", "600", "'none'", "4.5"] {
        let mut overrides = Overrides::default();
        let template = format!("#set($context.responseOverride.status = {ignored})");
        assert_eq!(
            render_with(&template, "", &mut overrides).as_deref(),
            Ok("")
        );
        assert_eq!(overrides, Overrides::default());
    }
}

#[test]
fn text_methods() {
    let text = |call: &str, expected: &str| {
        check(&format!("#set($s = 'Hello, World'){call}"), "", expected)
    };
    text(
        "$s.length() $s.isEmpty() $s.empty $s.toUpperCase() $s.toLowerCase()",
        "12 false false HELLO, WORLD hello, world",
    );
    text(
        "$s.substring(7) $s.substring(0, 4) $s.charAt(4)",
        "World Hell o",
    );
    text(
        "$s.indexOf('o') $s.indexOf('o', 5) $s.lastIndexOf('o') $s.indexOf('z')",
        "4 8 8 -1",
    );
    text(
        "$s.contains('World') $s.startsWith('Hell') $s.endsWith('x') $s.startsWith('World', 7)",
        "true true false true",
    );
    text(
        "$s.equals('x') $s.equalsIgnoreCase('HELLO, world') $s.compareTo('Help')",
        "false true -4",
    );
    text(
        "$s.replace('l', 'L') $s.replaceAll('[aeiou]', '*') $s.replaceFirst('l+', '_')",
        "HeLLo, WorLd H*ll*, W*rld He_o, World",
    );
    text("$s.replaceAll('(\\w+), (\\w+)', '$2 $1')", "World Hello");
    text(
        "$s.matches('Hello.*') $s.matches('Hello') $s.concat('!') $s.trim()",
        "true false Hello, World! Hello, World",
    );
    text(
        "$s.split(', ') $s.split('l') $s.split(',').size() $s.split('o')[1]",
        "[Hello, World] [He, , o, Wor, d] 2 , W",
    );
    text(
        "$s.format('%05d|%-4s|%.2f|%,d|%%', 42, 'a', 1.005, 1234567)",
        "00042|a   |1.00|1,234,567|%",
    );
    text(
        "$s.valueOf(5) $s.join('-', ['a', 'b']) $s.hashCode()",
        "5 a-b -505841268",
    );
    check(
        "#set($s = 'a😀b')$s.length() $s.indexOf('b') $s.substring(3)",
        "",
        "4 3 b",
    );
    for call in [
        "$s.substring(9)",
        "$s.substring(2, 1)",
        "$s.charAt(1)",
        "$s.format('%d', 'x')",
    ] {
        let rendered = render(&format!("#set($s = ''){call}"), "");
        assert!(
            matches!(rendered, Err(RenderError::Argument { .. })),
            "{call} {rendered:?}"
        );
    }
}

#[test]
fn list_methods() {
    let list = |call: &str, expected: &str| {
        check(&format!("#set($l = ['a', 'b', 'c']){call}"), "", expected)
    };
    list(
        "$l.size() $l.isEmpty() $l.get(1) [$l.get(5)] $l.contains('c') $l.indexOf('b')",
        "3 false b [] true 1",
    );
    list("$l.add('d') $l.add(0, 'x')$l", "true [x, a, b, c, d]");
    list(
        "$l.addAll(['d', 'e']) $l.remove(0) $l.remove('c') $l.remove('z') $l",
        "true a true false [b, d, e]",
    );
    list(
        "$l.set(0, 'z') $l $l.subList(0, 2) $l.clear()$l $l.empty",
        "a [z, b, c] [z, b] [] true",
    );
    list(
        "$l.removeAll(['a', 'c']) $l $l.containsAll(['b']) $l.lastIndexOf('q')",
        "true [b] true -1",
    );
}

#[test]
fn map_methods() {
    let map = |call: &str, expected: &str| {
        check(
            &format!("#set($m = {{'a': 1, 'b': 2}}){call}"),
            "",
            expected,
        )
    };
    map(
        "$m.size() $m.get('a') [$m.get('z')] $m.containsKey('a') $m.containsValue(2)",
        "2 1 [] true true",
    );
    map("[$m.put('c', 3)] $m.put('a', 9) $m", "[] 1 {a=9, b=2, c=3}");
    map(
        "$m.keySet() $m.values() $m.entrySet() $m.isEmpty()",
        "[a, b] [1, 2] [a=1, b=2] false",
    );
    map(
        "$m.remove('a') $m.putAll({'z': 0})$m $m.getOrDefault('q', 'w')",
        "1 {b=2, z=0} w",
    );
    map(
        "#foreach($e in $m.entrySet())$e.getKey()$e.getValue()$e.key$e.value #end",
        "a1a1 b2b2 ",
    );
}

#[test]
fn number_methods() {
    check(
        "#set($n = 0)$n.parseInt('42') $n.parseInt('ff', 16) $n.valueOf('7')",
        "",
        "42 255 7",
    );
    check(
        "#set($n = 0)#set($x = $n.parseInt('5') + 1)$x $n.parseDouble('1.50')",
        "",
        "6 1.5",
    );
    check(
        "#set($n = 3.7)$n.intValue() $n.parseDouble('2') $n.toString() $n.compareTo(4)",
        "",
        "3 2.0 3.7 -1",
    );
    check(
        "#set($b = true)$b.toString() $b.equals(true) $b.parseBoolean('TRUE')",
        "",
        "true true true",
    );
    check(
        "#set($n = 5)$n.equals(5) $n.max(3, 9) $n.toHexString(255)",
        "",
        "true 9 ff",
    );
    assert!(matches!(
        render("#set($n = 0)$n.parseInt('x')", ""),
        Err(RenderError::Argument { .. })
    ));
}
