//! REST APIs and templates or bodies that mean harm: a plain answer, in bounded time and memory.
//!
//! Times are printed and not asserted; memory is asserted as the most that the process has ever
//! had, client and server of the tests together.

use std::time::Instant;

use model::rest::{IntegrationType, Verb};
use serve::Body;

use super::{
    harness::{Rig, request},
    rest::{method, rig},
};

/// The largest body that is read.
const BODY_BYTES: usize = 10 << 20;

/// Most that the process of these tests may have had, MiB: the body and its copies in the test,
/// notes about it (56 at most), what a rendering may make (128), and the answer.
const PEAK_MIB_MAX: u64 = 512;

/// A mock of `/prod/x` whose request template this is.
async fn mock(template: String) -> Rig {
    let mut mock = method(IntegrationType::Mock, None);
    let settings = &mut mock.integration.as_mut().unwrap().settings;
    let templates = &mut settings.request_templates;
    templates.insert("application/json".to_owned(), template);
    rig(vec![("x", Verb::Post, mock)], &[]).await
}

/// The most memory that this process has had, MiB.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}

async fn check(what: &str, template: &str, body: String, expected: u16) {
    let rig = mock(template.to_owned()).await;
    let (bytes, began) = (body.len(), Instant::now());
    let answer = rig.ask(request("POST", "/prod/x", Body::full(body))).await;
    let (taken, peak) = (began.elapsed(), peak_mib());
    println!(
        "{what}: {bytes} bytes, {} after {taken:?}, peak {peak} MiB",
        answer.status
    );
    assert_eq!(answer.status, expected, "{what} {answer:?}");
    if expected == 500 {
        assert_eq!(
            answer.text, r#"{"message":"Internal server error"}"#,
            "{what}"
        );
    }
    assert!(peak < PEAK_MIB_MAX, "{what}: {peak} MiB");
}

/// A list of 10 MiB made of this piece, and what is missing to it in blanks.
fn list(piece: &str) -> String {
    let count = (BODY_BYTES - 3) / piece.len();
    let mut text = format!("[{}0]", piece.repeat(count));
    text.push_str(&" ".repeat(BODY_BYTES - text.len()));
    text
}

const OK: &str = r#"{"statusCode": 200}"#;

#[tokio::test]
async fn large_and_deep_templates() {
    let long = format!("#set($x = '{}'){OK}", "x".repeat(100 * 1024));
    check("100 kB of text", &long, "{}".to_owned(), 200).await;
    let many = format!("{}{OK}", "#set($x = 1)".repeat(100 * 1024 / 12));
    check("100 kB of directives", &many, "{}".to_owned(), 200).await;
    let too_long = format!("{}{OK}", "#set($x = 1)".repeat(300 * 1024 / 12));
    check("over 300 kB", &too_long, "{}".to_owned(), 500).await;
    let nested = format!("{}{OK}{}", "#if(true)".repeat(1000), "#end".repeat(1000));
    check("nested 1,000 deep", &nested, "{}".to_owned(), 500).await;
}

#[tokio::test]
async fn endless_templates() {
    let loops = "#foreach($i in [1..1000])".repeat(4);
    let endless = format!("{loops}#set($x = $i){}{OK}", "#end".repeat(4));
    check("a loop in a loop", &endless, "{}".to_owned(), 500).await;
    let growing = format!("#set($l = [1])#foreach($i in $l)#set($x = $l.add($i))#end{OK}");
    check("a list that grows", &growing, "{}".to_owned(), 200).await;
    let doubling = format!("#set($s = 'x')#foreach($i in [1..99])#set($s = $s + $s)#end{OK}");
    check("a text that doubles", &doubling, "{}".to_owned(), 500).await;
}

#[tokio::test]
async fn large_bodies() {
    let all = format!("#set($x = $input.json('$')){OK}");
    check(
        "ten MiB of objects, all of it",
        &all,
        list(r#"{"a":1},"#),
        200,
    )
    .await;
    let each = format!("#foreach($x in $input.path('$'))#set($y = $x)#end{OK}");
    let million = format!("[{}0]", "1,".repeat(1_000_000));
    check("a loop over a million", &each, million, 200).await;
    let scan = format!("#set($x = $input.path('$..a')){OK}");
    check("a search through all", &scan, list(r#"{"a":1},"#), 500).await;
    let late = format!("#foreach($i in [1..1000])#set($x = $input.path('$[-1]'))#end{OK}");
    let many = format!("[{}0]", "[],".repeat(500_000));
    check("the last one, often", &late, many, 500).await;
}

#[tokio::test]
async fn bodies_nested_deeply() {
    let all = format!("#set($x = $input.json('$')){OK}");
    let deep = |open: &str, close: &str| open.repeat(100_000) + &close.repeat(100_000);
    check("lists 100,000 deep", &all, deep("[", "]"), 400).await;
    check("objects 100,000 deep", &all, deep(r#"{"a":"#, "}"), 400).await;
    check("deep, but only passed on", OK, deep("[", "]"), 200).await;
}
