//! The end of an upgrade: the format is raised, what it brings works, and the former build is shut
//! out.

use std::{path::Path, process::Command};

use http::Method;
use serde_json::json;
use tests::{
    cluster::{Cluster, program},
    process, until,
};

use super::{LIMIT, Member, Place, Story, newest};

/// Runs a command of the present build against the first region.
fn edgeway(cluster: &Cluster, arguments: &[&str]) -> (bool, String) {
    let ready = &cluster.ready;
    let output = Command::new(program())
        .args(arguments)
        .args(["--endpoint", &ready.regions[0].management])
        .env("AWS_ACCESS_KEY_ID", &ready.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", &ready.secret_access_key)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

/// The last step, after which there is no way back and a change may say why it is made.
pub(super) async fn finish(story: &Story) {
    let first = story.cluster.management(0);
    let path = "/v2/apis?x-edgeway-reason=ticket%207";
    let body = || json!({ "name": "reasoned", "protocolType": "HTTP" });
    let early = first.call(Method::POST, path, Some(body())).await.unwrap();
    assert_eq!(early.status, 409, "{}", early.body);
    let text = early.body.to_string();
    assert!(text.contains("finish its upgrade first"), "{text}");
    let (_, text) = edgeway(&story.cluster, &["upgrade", "status"]);
    assert!(
        text.contains("`edgeway upgrade finish` raises it"),
        "{text}"
    );
    let (good, text) = edgeway(&story.cluster, &["upgrade", "finish"]);
    assert!(good && text.contains("writes format 2"), "{text}");

    let made = first.call(Method::POST, path, Some(body())).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.body);
    let revision = made.headers["x-edgeway-revision"].to_str().unwrap();
    first.wait(revision.parse().unwrap()).await.unwrap();
    for region in 0..3 {
        let path = format!("/edgeway/v1/history/{revision}");
        let at = story.cluster.management(region);
        let entry = at.must(Method::GET, &path, None).await.unwrap();
        assert_eq!(entry["reason"], "ticket 7", "{entry}");
    }
    let (_, text) = edgeway(&story.cluster, &["history", "--count", "500"]);
    assert!(text.contains("because \"ticket 7\""), "{text}");
    story.load.answered(50).await;
    story.writer.wrote(10).await;
}

/// The former build takes nothing that it cannot read, and says what it met.
pub(super) async fn there_is_no_way_back(story: &mut Story, former: &Path, place: Place) {
    let member = story.members.iter().find(|member| member.place == place);
    let member = member.unwrap().clone();
    match place {
        Place::Pop(at) => story.load.turn_to(1 - at).await,
        Place::Region(at) => story.writer.leave_out(Some(at)).await,
        Place::Dns => {}
    }
    story.stop(&member).await;
    let log = member.config.with_file_name("log");
    let before = std::fs::read_to_string(&log).unwrap().len();
    let pid = story.cluster.restart_as(former, &member.config).unwrap();
    let met = "format 2, this build knows formats 1 to 1";
    let said = until("the former build says what it met", LIMIT, || async {
        let text = std::fs::read(&log).ok()?;
        let text = String::from_utf8_lossy(text.get(before..)?).into_owned();
        let line = text.lines().find(|line| line.contains(met))?.to_owned();
        // A region node ends, the others refuse every revision.
        let ends = matches!(place, Place::Region(_));
        (!ends || !process::lives(pid)).then_some(line)
    })
    .await;
    println!("{} of the former build: {said}", member.name);
    let refused = Member {
        pid,
        ..member.clone()
    };
    if process::lives(pid) {
        story.stop(&refused).await;
    }
    story.begin(&member, &program(), newest()).await;
    story.writer.leave_out(None).await;
}
