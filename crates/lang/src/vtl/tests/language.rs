//! The language: references, directives, expressions, blanks.

use super::render;

fn check(template: &str, expected: &str) {
    assert_eq!(
        render(template, "{}").as_deref(),
        Ok(expected),
        "{template}"
    );
}

#[test]
fn references_have_four_forms() {
    check("#set($a = 1)$a $!a ${a} $!{a}b", "1 1 1 1b");
    check("[$none] [${none}] [$!none.x.y()]", "[] [] []");
    check("${none|'other'} ${none|7}", "other 7");
    check("#set($a-b_c = 1)$a-b_c", "1");
}

#[test]
fn what_is_no_reference_is_text() {
    check("$5 $ $$ ${ $!{ $. $[ $1a }", "$5 $ $$ ${ $!{ $. $[ $1a }");
    check(
        "#set($a = 'x')$$a $a. $a.. $a.1 $a (b)",
        "$x x. x.. x.1 x (b)",
    );
    check("#set($a = {'b': 1})$a.b(see below)", "1(see below)");
    check("# #5 #x #{y} #z(1)", "# #5 #x #{y} #z(1)");
}

#[test]
fn backslashes_escape_references_and_directives() {
    check(r"#set($a = 1)\$a \\$a \\\$a \x \\", r"$a \1 \$a \x \\");
    check(
        r"\#if \#set($a = 1) \#end \#other \\#if(true)x#end",
        r"#if #set( = 1) #end \#other \x",
    );
    check(r"\$none", "$none");
}

#[test]
fn blanks_around_directives() {
    check("a\n  #set($x = 1)  \nb", "a\n  b");
    check("#set($x = 1)\n  #set($y = 2)\nb", "b");
    check("a $x  #set($x = 1)b", "a b");
    check("#if(true)\n  x\n#else\ny#end  \nz", "  x\nz");
    check("#if(true) x #end z", " x  z");
    check("#foreach($i in [1..2])\r\n$i\r\n#end\r\n.", "1\r\n2\r\n.");
    check("a ## comment\nb #* c\n *# d #** e *#\nf", "a b  d \nf");
    check("#[[ $x #if ]]# y", " $x #if  y");
}

#[test]
fn conditions() {
    check("#if(false)a#elseif(1 > 2)b#elseif(2 > 1)c#else d#end", "c");
    check("#if(!true || true && 1 == 1)a#end", "a");
    check("#if(not false and 1 lt 2 or 3 gt 4)a#end", "a");
    check(
        "#if(1 le 1 && 1 ge 1 && 1 eq 1 && 1 ne 2 && 1 != 2)a#end",
        "a",
    );
    check("#if(1 == 1.0 && '1' == 1 && 'a' != 'b')a#end", "a");
    check("#if($none == '' && $none == $null && !(!$none))a#end", "a");
    check("#if('a' < 'b')a#{else}b#end", "b");
    // Only references and comparisons can be true by themselves.
    check("#if('a')a#end#if(1)b#end#set($x = 'a')#if($x)c#end", "c");
}

#[test]
fn arithmetic() {
    check(
        "#set($a = 7 / 2)$a,#set($b = -7 % 4)$b,#set($c = 1 + 2 * 3)$c",
        "3,-3,7",
    );
    check(
        "#set($a = 7.0 / 2)$a,#set($b = 1 + .5)$b,#set($c = 1e7 + 0)$c",
        "3.5,1.5,1.0E7",
    );
    check(
        "#set($a = 'x' + 1 + 2)$a,#set($b = 1 + 2 + 'x')$b",
        "x12,3x",
    );
    check("[#set($a = 1 / 0)$a] [#set($b = [] - 1)$b]", "[] []");
    check(
        "#set($a = 9223372036854775807 + 1)$a",
        "9.223372036854776E18",
    );
    check("#set($a = 5)#set($b = $a - 1)$b#set($c = -$a)$c", "4-5");
}

#[test]
fn texts() {
    check(
        "#set($a = 1)#set($b = \"[$a] ${a}x #if($a == 1)y#end\")$b",
        "[1] 1x y",
    );
    check("#set($b = '[$a] #if')$b", "[$a] #if");
    check(
        "#set($b = \"a\"\"b\")$b#set($c = 'it''s')$c#set($d = \"\")$d",
        "a\"bit's",
    );
    check("#set($b = \"\\u0041\\n\")$b", "A\\n");
    check(
        "#set($b = \"5$\")$b#set($b = \"#\")$b#set($b = \"a ## b\")$b",
        "5$#a ",
    );
}

#[test]
fn lists_and_maps_print_as_in_java() {
    check(
        "#set($a = [1, 'b', [2.5, true], {}])$a",
        "[1, b, [2.5, true], {}]",
    );
    check(
        "#set($a = {'k': [1], 2: {'x': 'y'}})$a $a.k $a.get('2').x",
        "{k=[1], 2={x=y}} [1] y",
    );
    check(
        "#set($a = [3..1])$a $a[0] $a[-1] [$a[9]]",
        "[3, 2, 1] 3 1 []",
    );
    check("#set($a = [])#set($x = $a.add($none))$a", "[]");
    check(
        "#set($a = {})#set($a.b = {})#set($a.b['c'] = 1)#set($a.b.d = 2)$a",
        "{b={c=1, d=2}}",
    );
    check("#set($a = [1])#set($b = $a)#set($a[0] = 2)$b", "[2]");
}

#[test]
fn loops() {
    check(
        "#foreach($i in ['a', 'b'])$foreach.index$foreach.count$foreach.first$foreach.last#end",
        "01truefalse12falsetrue",
    );
    check(
        "#foreach($i in [1..3])#foreach($j in [1])$foreach.parent.index#end#end",
        "012",
    );
    check("#foreach($i in [1..9])#if($i == 3)#break#end$i#end.", "12.");
    check("#foreach($i in [1..9])$i$foreach.stop()#end.", "1.");
    check("a#foreach($i in [1..9])#if($i == 3)#stop#end$i#end.", "a12");
    check("#foreach($i in {'a': 1, 'b': 2})$i#end", "12");
    check(
        "#foreach($i in 'text')$i#end#foreach($i in 5)$i#end#foreach($i in $none)$i#end",
        "",
    );
    check(
        "#set($m = {'a': 1})#foreach($e in $m.entrySet())$e.key:$e.value $e#end",
        "a:1 a=1",
    );
    check(
        "#set($l = [])#foreach($i in [1..1005])#set($x = $l.add($i))#end$l.size()",
        "1000",
    );
}

#[test]
fn macros_and_defined_blocks() {
    check(
        "#macro(pair $a $b)$a:$b;#end#pair(1 'x')#pair(2, 'y')",
        "1:x;2:y;",
    );
    check("#late(1)#macro(late $a)<$a>#end", "<1>");
    check("#macro(box)[$bodyContent]#end#@box()x#end", "[x]");
    check("#define($d)$i#end#foreach($i in [1, 2])$d#end", "12");
    check("#set($a = 0)#macro(m $a)$a#end#m(5)$a", "50");
}
