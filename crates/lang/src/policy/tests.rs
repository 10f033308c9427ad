//! Documents, requests and verdicts; what is refused and where; and texts made at random.

mod random;

use super::*;

/// A key's policy with one statement.
fn statement(json: &str) -> Policy {
    let text = format!(r#"{{"Version":"2012-10-17","Statement":[{json}]}}"#);
    Policy::parse(&text, Kind::Identity).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn context(pairs: &[(&str, &str)]) -> Context {
    let mut context = Context::new();
    for (key, value) in pairs {
        context.add(key, *value);
    }
    context
}

fn ask<'a>(action: &'a str, resource: &'a str, context: &'a Context) -> Request<'a> {
    Request {
        action,
        resource,
        caller: Caller::default(),
        context,
    }
}

const APIS: &str = "arn:aws:apigateway:us-east-1::/apis";

#[track_caller]
fn check(json: &str, (action, resource): (&str, &str), pairs: &[(&str, &str)], wanted: Verdict) {
    let context = context(pairs);
    let verdict = statement(json).evaluate(&ask(action, resource, &context));
    assert_eq!(
        verdict, wanted,
        "{json} for {action} on {resource} with {pairs:?}"
    );
}

#[test]
fn actions_and_resources_have_wildcards() {
    use Verdict::{Allowed, NotAllowed};
    let get = r#"{"Effect":"Allow","Action":"apigateway:GET","Resource":"*"}"#;
    check(get, ("apigateway:GET", APIS), &[], Allowed);
    check(get, ("APIGateway:get", APIS), &[], Allowed);
    check(get, ("apigateway:POST", APIS), &[], NotAllowed);
    let lists = r#"{"Effect":"Allow","Action":["edgeway:List*","edgeway:Get?tatus"],
                    "Resource":["arn:aws:edgeway:*::/*"]}"#;
    let status = "arn:aws:edgeway:eu-west-1::/status";
    check(lists, ("edgeway:ListNodes", status), &[], Allowed);
    check(lists, ("edgeway:GetStatus", status), &[], Allowed);
    check(lists, ("edgeway:GetXstatus", status), &[], NotAllowed);
    check(lists, ("edgeway:ListNodes", APIS), &[], NotAllowed);
    let one = r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:apigateway:*::/apis/abc/*"}"#;
    let route = format!("{APIS}/abc/routes/x1");
    check(one, ("apigateway:PATCH", &route), &[], Allowed);
    check(
        one,
        ("apigateway:PATCH", &format!("{APIS}/abcd/routes")),
        &[],
        NotAllowed,
    );
    check(
        one,
        ("apigateway:GET", &format!("{APIS}/abc")),
        &[],
        NotAllowed,
    );
    // Resources have case.
    check(
        one,
        ("apigateway:GET", &format!("{APIS}/ABC/routes")),
        &[],
        NotAllowed,
    );
    let not = r#"{"Effect":"Allow","NotAction":"apigateway:DELETE",
                  "NotResource":"arn:aws:apigateway:*::/apis/prod*"}"#;
    check(not, ("apigateway:GET", APIS), &[], Allowed);
    check(not, ("apigateway:DELETE", APIS), &[], NotAllowed);
    check(
        not,
        ("apigateway:GET", &format!("{APIS}/prod1")),
        &[],
        NotAllowed,
    );
}

#[test]
fn denying_goes_before_allowing_and_nothing_is_no() {
    let text = r#"{"Version":"2012-10-17","Statement":[
        {"Sid":"All","Effect":"Allow","Action":"*","Resource":"*"},
        {"Sid":"NotThis","Effect":"Deny","Action":"*:DELETE","Resource":"*"},
        {"Effect":"Allow","Action":"apigateway:DELETE","Resource":"*"}]}"#;
    let policy = Policy::parse(text, Kind::Identity).unwrap();
    let none = Context::new();
    let verdict = |action| policy.evaluate(&ask(action, APIS, &none));
    assert_eq!(verdict("apigateway:GET"), Verdict::Allowed);
    assert_eq!(verdict("apigateway:DELETE"), Verdict::Denied);
    assert!(!verdict("apigateway:DELETE").is_allowed());
    let one = r#"{"Statement":{"Effect":"Deny","Action":"a:b","Resource":"*"}}"#;
    let policy = Policy::parse(one, Kind::Identity).unwrap();
    assert_eq!(
        policy.evaluate(&ask("a:c", APIS, &none)),
        Verdict::NotAllowed
    );
}

/// Whether a condition holds.
#[track_caller]
fn holds(condition: &str, pairs: &[(&str, &str)], wanted: bool) {
    let json =
        format!(r#"{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{condition}}}"#);
    let verdict = if wanted {
        Verdict::Allowed
    } else {
        Verdict::NotAllowed
    };
    check(&json, ("a:b", "arn:x"), pairs, verdict);
}

#[test]
fn texts_are_compared() {
    let eq = r#"{"StringEquals":{"aws:username":["ann","b*b"]}}"#;
    holds(eq, &[("aws:username", "ann")], true);
    holds(eq, &[("AWS:UserName", "b*b")], true);
    holds(eq, &[("aws:username", "bob")], false);
    holds(eq, &[("aws:username", "Ann")], false);
    holds(eq, &[], false);
    let ne = r#"{"StringNotEquals":{"aws:username":["ann","bob"]}}"#;
    holds(ne, &[("aws:username", "bob")], false);
    holds(ne, &[("aws:username", "eve")], true);
    holds(ne, &[], true);
    holds(
        r#"{"StringEqualsIgnoreCase":{"k:x":"ANN"}}"#,
        &[("k:x", "ann")],
        true,
    );
    holds(
        r#"{"StringNotEqualsIgnoreCase":{"k:x":"ANN"}}"#,
        &[("k:x", "ann")],
        false,
    );
    holds(
        r#"{"StringLike":{"k:x":"a?n*"}}"#,
        &[("k:x", "annabel")],
        true,
    );
    holds(
        r#"{"StringNotLike":{"k:x":"a?n*"}}"#,
        &[("k:x", "annabel")],
        false,
    );
    holds(r#"{"StringEqualsIfExists":{"k:x":"a"}}"#, &[], true);
    holds(
        r#"{"StringEqualsIfExists":{"k:x":"a"}}"#,
        &[("k:x", "b")],
        false,
    );
    holds(
        r#"{"BinaryEquals":{"k:x":"QmluYXJ5"}}"#,
        &[("k:x", "QmluYXJ5")],
        true,
    );
    // All keys and all operators have to hold.
    let both = r#"{"StringEquals":{"k:x":"a","k:y":"b"},"Bool":{"k:z":true}}"#;
    holds(both, &[("k:x", "a"), ("k:y", "b"), ("k:z", "true")], true);
    holds(both, &[("k:x", "a"), ("k:y", "b"), ("k:z", "false")], false);
    holds(both, &[("k:x", "a"), ("k:z", "true")], false);
}

#[test]
fn addresses_are_compared() {
    let inside =
        r#"{"IpAddress":{"aws:SourceIp":["192.0.2.0/24","2001:db8::/32","198.51.100.7"]}}"#;
    for (ip, wanted) in [
        ("192.0.2.200", true),
        ("192.0.3.1", false),
        ("198.51.100.7", true),
        ("198.51.100.8", false),
        ("2001:db8::5", true),
        ("2001:db9::5", false),
        ("::ffff:192.0.2.9", true),
        ("no address", false),
    ] {
        holds(inside, &[("aws:SourceIp", ip)], wanted);
    }
    let outside = r#"{"NotIpAddress":{"aws:SourceIp":["192.0.2.0/24"]}}"#;
    holds(outside, &[("aws:SourceIp", "192.0.2.1")], false);
    holds(outside, &[("aws:SourceIp", "192.0.3.1")], true);
}

#[test]
fn times_and_numbers_are_compared() {
    let now = [("aws:CurrentTime", "2026-11-21T10:00:00Z")];
    for (condition, wanted) in [
        (
            r#"{"DateGreaterThan":{"aws:CurrentTime":"2026-11-21T09:59:59Z"}}"#,
            true,
        ),
        (
            r#"{"DateGreaterThan":{"aws:CurrentTime":"2026-11-21T10:00:00Z"}}"#,
            false,
        ),
        (
            r#"{"DateGreaterThanEquals":{"aws:CurrentTime":"2026-11-21T10:00:00Z"}}"#,
            true,
        ),
        (r#"{"DateLessThan":{"aws:CurrentTime":"2026-11-22"}}"#, true),
        (
            r#"{"DateLessThanEquals":{"aws:CurrentTime":"2026-11-21"}}"#,
            false,
        ),
        (
            r#"{"DateEquals":{"aws:CurrentTime":"2026-11-21T11:00:00+01:00"}}"#,
            true,
        ),
        (r#"{"DateEquals":{"aws:CurrentTime":"1795255200"}}"#, true),
        (
            r#"{"DateNotEquals":{"aws:CurrentTime":"2026-11-21T10:00:00.001Z"}}"#,
            true,
        ),
    ] {
        holds(condition, &now, wanted);
    }
    let number = [("k:n", "10")];
    holds(r#"{"NumericLessThanEquals":{"k:n":10}}"#, &number, true);
    holds(r#"{"NumericLessThan":{"k:n":"10.0"}}"#, &number, false);
    holds(r#"{"NumericGreaterThan":{"k:n":"9.5"}}"#, &number, true);
    holds(r#"{"NumericEquals":{"k:n":["1","1e1"]}}"#, &number, true);
    holds(r#"{"NumericNotEquals":{"k:n":"10"}}"#, &number, false);
    holds(
        r#"{"NumericEquals":{"k:n":"10"}}"#,
        &[("k:n", "ten")],
        false,
    );
}

#[test]
fn arns_are_compared_part_by_part() {
    let like = r#"{"ArnLike":{"aws:SourceArn":"arn:aws:execute-api:*:1111:abc/*"}}"#;
    holds(
        like,
        &[(
            "aws:SourceArn",
            "arn:aws:execute-api:eu-west-1:1111:abc/prod/GET/a:b",
        )],
        true,
    );
    // No wildcard reaches over a colon.
    let short = r#"{"ArnLike":{"aws:SourceArn":"arn:aws:*:abc/*"}}"#;
    holds(
        short,
        &[(
            "aws:SourceArn",
            "arn:aws:execute-api:eu-west-1:1111:abc/prod",
        )],
        false,
    );
    holds(
        r#"{"ArnNotEquals":{"aws:SourceArn":"arn:aws:a:b:c:d"}}"#,
        &[("aws:SourceArn", "arn:aws:a:b:c:d")],
        false,
    );
}

#[test]
fn keys_with_several_values_have_set_operators() {
    let tags = [("aws:TagKeys", "team"), ("aws:TagKeys", "cost")];
    let known = r#"{"ForAllValues:StringEquals":{"aws:TagKeys":["team","cost","env"]}}"#;
    holds(known, &tags, true);
    holds(
        known,
        &[("aws:TagKeys", "team"), ("aws:TagKeys", "secret")],
        false,
    );
    holds(known, &[], true);
    let any = r#"{"ForAnyValue:StringLike":{"aws:TagKeys":"c*"}}"#;
    holds(any, &tags, true);
    holds(any, &[("aws:TagKeys", "team")], false);
    holds(any, &[], false);
    // At least one that is none of them.
    holds(
        r#"{"ForAnyValue:StringNotEquals":{"aws:TagKeys":"team"}}"#,
        &tags,
        true,
    );
    holds(
        r#"{"ForAllValues:StringNotEquals":{"aws:TagKeys":"team"}}"#,
        &tags,
        false,
    );
    holds(r#"{"Null":{"aws:TagKeys":"true"}}"#, &tags, false);
    holds(r#"{"Null":{"aws:TagKeys":"false"}}"#, &tags, true);
    holds(r#"{"Null":{"aws:TagKeys":true}}"#, &[], true);
}

#[test]
fn variables_are_replaced() {
    let own = r#"{"Effect":"Allow","Action":"*",
                  "Resource":"arn:aws:apigateway:*::/apis/${aws:username}-*"}"#;
    let ann = [("aws:username", "a*n")];
    check(
        own,
        ("x:y", &format!("{APIS}/a*n-1")),
        &ann,
        Verdict::Allowed,
    );
    // What a value holds is text: its star is no wildcard.
    check(
        own,
        ("x:y", &format!("{APIS}/aXn-1")),
        &ann,
        Verdict::NotAllowed,
    );
    check(
        own,
        ("x:y", &format!("{APIS}/-1")),
        &[],
        Verdict::NotAllowed,
    );
    let both = r#"{"StringEquals":{"aws:RequestTag/owner":"${aws:username, 'nobody'}"}}"#;
    holds(both, &[("aws:RequestTag/owner", "nobody")], true);
    holds(
        both,
        &[("aws:RequestTag/owner", "ann"), ("aws:username", "ann")],
        true,
    );
    holds(
        r#"{"StringLike":{"k:x":"a${*}${?}${$}"}}"#,
        &[("k:x", "a*?$")],
        true,
    );
    holds(
        r#"{"StringLike":{"k:x":"a${*}"}}"#,
        &[("k:x", "abc")],
        false,
    );
    // The older version has no variables.
    let old = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:a:b:c:d:${x:y}"}}"#;
    let policy = Policy::parse(old, Kind::Identity).unwrap();
    let none = Context::new();
    let verdict = policy.evaluate(&ask("x:y", "arn:a:b:c:d:${x:y}", &none));
    assert_eq!(verdict, Verdict::Allowed);
}

#[test]
fn a_resources_policy_names_principals() {
    let decide = |principal: &str, caller: Caller<'_>| {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow",{principal},
            "Action":"execute-api:Invoke","Resource":"execute-api:/*"}}]}}"#
        );
        let policy = Policy::parse(&text, Kind::Resource).unwrap();
        let context = Context::new();
        let request = Request {
            caller,
            ..ask("execute-api:Invoke", "execute-api:/prod/GET/x", &context)
        };
        policy.evaluate(&request).is_allowed()
    };
    let nobody = Caller::default();
    let ann = Caller {
        arn: Some("arn:aws:iam::111122223333:user/ann"),
        account: Some("111122223333"),
        service: None,
    };
    let events = Caller {
        service: Some("events.amazonaws.com"),
        ..nobody
    };
    assert!(decide(r#""Principal":"*""#, nobody));
    assert!(decide(r#""Principal":{"AWS":"*"}"#, nobody));
    assert!(!decide(r#""Principal":{"AWS":"111122223333"}"#, nobody));
    assert!(decide(r#""Principal":{"AWS":["111122223333"]}"#, ann));
    assert!(decide(
        r#""Principal":{"AWS":"arn:aws:iam::111122223333:root"}"#,
        ann
    ));
    assert!(decide(
        r#""Principal":{"AWS":"arn:aws:iam::111122223333:user/ann"}"#,
        ann
    ));
    assert!(!decide(
        r#""Principal":{"AWS":"arn:aws:iam::111122223333:user/*"}"#,
        ann
    ));
    assert!(decide(
        r#""Principal":{"Service":"events.amazonaws.com"}"#,
        events
    ));
    assert!(!decide(
        r#""Principal":{"Service":"events.amazonaws.com"}"#,
        ann
    ));
    assert!(!decide(r#""NotPrincipal":{"AWS":"111122223333"}"#, ann));
    assert!(decide(r#""NotPrincipal":{"AWS":"111122223333"}"#, nobody));
}

#[track_caller]
fn refused(text: &str, kind: Kind, path: &str, reason: &str) {
    let error = Policy::parse(text, kind).expect_err(text);
    assert_eq!(error.path, path, "{text}: {error}");
    assert!(error.reason.contains(reason), "{text}: {error}");
}

#[test]
fn what_is_not_understood_is_refused_with_its_place() {
    let bad = |text: &str, path: &str, reason: &str| refused(text, Kind::Identity, path, reason);
    bad("", "$", "no JSON");
    bad("[]", "$", "expected an object, found a list");
    bad(r#"{"Version":"2012-10-17"}"#, "$", "needs a Statement");
    bad(
        r#"{"Version":"2013","Statement":[]}"#,
        "$.Version",
        "2012-10-17",
    );
    bad(r#"{"Statement":[]}"#, "$.Statement", "1 to 200");
    bad(r#"{"Statements":[]}"#, "$.Statements", "no such element");
    bad(
        r#"{"Statement":[{}],"Statement":[]}"#,
        "$.Statement",
        "twice",
    );
    bad(r#"{"Statement":[7]}"#, "$.Statement[0]", "found a number");
    let one = |members: &str, path: &str, reason: &str| {
        let text = format!(r#"{{"Statement":[{{"Effect":"Allow",{members}}}]}}"#);
        bad(&text, &format!("$.Statement[0]{path}"), reason);
    };
    one(r#""Action":"*""#, "", "Resource or NotResource");
    one(
        r#""Action":"*","NotAction":"*","Resource":"*""#,
        "",
        "Action or NotAction",
    );
    one(r#""Action":[],"Resource":"*""#, ".Action", "empty");
    one(
        r#""Action":["*","x"],"Resource":"*""#,
        ".Action[1]",
        "no action",
    );
    one(
        r#""Action":"*","Resource":["x"]"#,
        ".Resource[0]",
        "no resource",
    );
    one(
        r#""Action":"*","Resource":{}"#,
        ".Resource",
        "found an object",
    );
    one(
        r#""Principal":"*","Action":"*","Resource":"*""#,
        "",
        "names no principal",
    );
    let variable = r#"{"Version":"2012-10-17","Statement":
        {"Effect":"Allow","Action":"*","Resource":"arn:a:b:c:d:${x"}}"#;
    bad(variable, "$.Statement.Resource", "not closed");
    refused(
        r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
        Kind::Resource,
        "$.Statement",
        "Principal or NotPrincipal",
    );
    refused(
        r#"{"Statement":{"Effect":"Allow","Principal":{"IAM":"x"},"Action":"*","Resource":"*"}}"#,
        Kind::Resource,
        "$.Statement.Principal.IAM",
        "no such kind",
    );
}

#[test]
fn conditions_that_are_not_understood_are_refused_with_their_place() {
    let condition = |json: &str, path: &str, reason: &str| {
        let text = format!(
            r#"{{"Statement":[{{"Effect":"Allow","Action":"*","Resource":"*",
            "Condition":{json}}}]}}"#
        );
        let path = format!("$.Statement[0].Condition{path}");
        refused(&text, Kind::Identity, &path, reason);
    };
    condition("[]", "", "found a list");
    condition(
        r#"{"StringIs":{}}"#,
        ".StringIs",
        "no such condition operator",
    );
    condition(
        r#"{"NullIfExists":{}}"#,
        ".NullIfExists",
        "no such condition operator",
    );
    condition(
        r#"{"ForSome:Bool":{}}"#,
        ".ForSome:Bool",
        "no such condition operator",
    );
    condition(
        r#"{"Bool":{"a:b":["x"]}}"#,
        ".Bool.a:b[0]",
        "not true or false",
    );
    condition(
        r#"{"Bool":{"ab":"x"}}"#,
        ".Bool.ab",
        "a condition key is such as",
    );
    condition(
        r#"{"IpAddress":{"a:b":"10.0.0.0/33"}}"#,
        ".IpAddress.a:b",
        "network",
    );
    condition(
        r#"{"NumericEquals":{"a:b":"0x1"}}"#,
        ".NumericEquals.a:b",
        "number",
    );
    for date in [
        "yesterday",
        "2026-13-01",
        "2026-01-01T25:00:00Z",
        "2026-01-01T10:00:00Zz",
    ] {
        let json = format!(r#"{{"DateEquals":{{"a:b":"{date}"}}}}"#);
        condition(&json, ".DateEquals.a:b", "date");
    }
}

#[test]
fn documents_and_decisions_are_bounded() {
    let long = format!(r#"{{"Statement":"{}"}}"#, "x".repeat(DOCUMENT_BYTES_MAX));
    refused(&long, Kind::Identity, "$", "at most");
    let many = vec![r#""*""#; TEXTS_MAX + 1].join(",");
    let many = format!(r#"{{"Statement":{{"Effect":"Allow","Action":[{many}],"Resource":"*"}}}}"#);
    refused(
        &many,
        Kind::Identity,
        "$.Statement.Action[2000]",
        "at most 2000 texts",
    );
    let deep = "[".repeat(10_000);
    refused(&deep, Kind::Identity, "$", "no JSON");

    // Wildcards that almost match a long text are given up, and then the answer is no.
    let costly = format!("arn:a:b:c:d:*{}b", "a".repeat(6_000));
    let json = format!(r#"{{"Effect":"Allow","Action":"*","Resource":"{costly}"}}"#);
    let policy = statement(&json);
    let context = Context::new();
    let resource = format!("arn:a:b:c:d:{}", "a".repeat(20_000));
    let verdict = policy.evaluate(&ask("a:b", &resource, &context));
    assert_eq!(verdict, Verdict::TooCostly);
    assert!(!verdict.is_allowed());
}
