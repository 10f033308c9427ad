//! Nodes join by what a cloud or an issuer says of their machines, and by nothing that only looks
//! like it. One cluster, one node after the other.

use std::{
    fs::File,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{
    client,
    cluster::{Cluster, program},
    imds::{DocumentSigner, Imds, document},
    management::Management,
    token_issuer::{Cloud, TokenIssuer},
    until,
};
use time::{Duration as Span, OffsetDateTime, format_description::well_known::Rfc3339};

const ACCOUNT: &str = "111122223333";
const ISSUER: &str = "https://kubernetes.default.svc.test";
const SUBJECT: &str = "system:serviceaccount:edge:pop";
/// A node that is refused says so and ends.
const PATIENCE: Duration = Duration::from_secs(120);

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Nodes of one cluster that have no token.
struct Bench {
    cluster: Cluster,
    management: Management,
    folder: TempDir,
    /// What a policy says that nodes need.
    authority: String,
    regions: Vec<String>,
    imds: Imds,
}

fn ago(seconds: i64) -> String {
    let then = OffsetDateTime::now_utc() - Span::seconds(seconds);
    then.replace_nanosecond(0)
        .unwrap()
        .format(&Rfc3339)
        .unwrap()
}

impl Bench {
    async fn start() -> Self {
        let cluster = Cluster::start_with(2, 1).await.unwrap();
        Self {
            management: cluster.management(0),
            cluster,
            folder: tempfile::tempdir().unwrap(),
            authority: String::new(),
            regions: Vec::new(),
            imds: Imds::start().await.unwrap(),
        }
    }

    async fn put(&mut self, name: &str, policy: &Value) -> Value {
        let path = format!("/edgeway/v1/join-policies/{name}");
        let put = self
            .management
            .must(Method::PUT, &path, Some(policy.clone()))
            .await;
        let put = put.unwrap();
        self.authority = put["caSha256"].as_str().unwrap().to_owned();
        let regions = put["regions"].as_array().unwrap().iter();
        self.regions = regions
            .map(|one| one.as_str().unwrap().to_owned())
            .collect();
        // A region that lags would not know it yet.
        let other = self.cluster.management(1);
        until("both regions have the policy", PATIENCE, || async {
            other.must(Method::GET, &path, None).await.ok()
        })
        .await;
        put
    }

    /// Settings of a POP without identity, that asks one region.
    fn settings(&self, name: &str, (policy, identity): (&str, &str), at: usize) -> PathBuf {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let text = format!(
            "data_dir = {folder:?}\nworkers = 1\n[link]\nbind = \"127.0.0.1:0\"\n\
             [ops]\nbind = \"127.0.0.1:0\"\n[pop]\nhttp = [\"127.0.0.1:0\"]\n\
             [join]\npolicy = {policy:?}\nca_sha256 = {:?}\nregions = [{:?}]\npatience_s = 60\n\
             identity = {identity}\n",
            self.authority, self.regions[at],
        );
        let file = folder.join("edgeway.toml");
        std::fs::write(&file, text).unwrap();
        file
    }

    fn by_aws(&self) -> String {
        format!("{{ aws = {{ endpoint = \"http://{}\" }} }}", self.imds.addr)
    }

    fn by_token(&self, token: &str) -> String {
        let file = self.folder.path().join("token");
        std::fs::write(&file, token).unwrap();
        format!("{{ oidc = {{ token_file = {file:?} }} }}")
    }

    fn run(&self, config: &PathBuf) -> Running {
        let log = config.with_file_name("log");
        let child = Command::new(program())
            .args(["start", "--config"])
            .arg(config)
            .env_remove("EDGEWAY_JOIN_TOKEN")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(log).unwrap())
            .spawn();
        Running(child.unwrap())
    }

    /// A node that must be let in; gives its number.
    async fn joins(&self, name: &str, how: (&str, &str), place: &str) -> (Running, u64) {
        let known = self.newest_of(place).await;
        let config = self.settings(name, how, 0);
        let mut running = self.run(&config);
        let log = config.with_file_name("log");
        let wait = format!("{name} serves");
        let id = until(&wait, PATIENCE, || {
            if running.0.try_wait().unwrap().is_some() {
                panic!("{name}: {}", std::fs::read_to_string(&log).unwrap());
            }
            async {
                let status = self.management.status().await.ok()?;
                let nodes = status["nodes"].as_array()?.iter();
                let mut nodes = nodes.filter(|node| node["place"] == place);
                let node = nodes.find(|node| node["id"].as_u64() > known)?;
                let serves = node["live"] == true && node["revision"].as_u64()? > 0;
                serves.then(|| node["id"].as_u64())?
            }
        });
        let id = id.await;
        (running, id)
    }

    /// The number of the node of a place that came last.
    async fn newest_of(&self, place: &str) -> Option<u64> {
        let status = self.management.status().await.unwrap();
        let nodes = status["nodes"].as_array().unwrap().iter();
        let nodes = nodes.filter(|node| node["place"] == place);
        nodes.filter_map(|node| node["id"].as_u64()).max()
    }

    /// A node that must not be let in: what it says, and what the region counts.
    async fn refused(&self, name: &str, how: (&str, &str), (said, reason): (&str, &str)) {
        self.refused_at(name, how, (said, reason), 0).await;
    }

    async fn refused_at(
        &self,
        name: &str,
        how: (&str, &str),
        (said, reason): (&str, &str),
        at: usize,
    ) {
        let before = self
            .count(at, &format!("joins_refused_total{{reason=\"{reason}\"}}"))
            .await;
        let config = self.settings(name, how, at);
        let mut running = self.run(&config);
        let wait = format!("{name} gives up");
        let ended = until(&wait, PATIENCE, || {
            let ended = running.0.try_wait().unwrap();
            async move { ended }
        });
        let ended = ended.await;
        let log = std::fs::read_to_string(config.with_file_name("log")).unwrap();
        assert!(!ended.success() && log.contains(said), "{name}: {log}");
        let after = self
            .count(at, &format!("joins_refused_total{{reason=\"{reason}\"}}"))
            .await;
        // More than once where an answer was lost and the node asked again.
        assert!(after > before, "{name}: {reason}");
    }

    /// A counter of a region's node.
    async fn count(&self, at: usize, name: &str) -> u64 {
        let metrics = &self.cluster.ready.regions[at].metrics;
        let uri: http::Uri = metrics.parse().unwrap();
        let host = uri.authority().unwrap().as_str();
        let answer = client::get(host.parse().unwrap(), host, uri.path())
            .await
            .unwrap();
        let text = String::from_utf8(answer.body().to_vec()).unwrap();
        let name = format!("edgeway_node_{name} ");
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name.as_str()));
        line.map_or(0, |count| count.parse().unwrap())
    }
}

fn now_s() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

fn claims(subject: &str, audience: &str, life_s: i64) -> Value {
    let now = now_s();
    json!({
        "iss": ISSUER, "sub": subject, "aud": [audience], "iat": now - 60, "exp": now + life_s,
        "kubernetes.io": {"namespace": "edge", "pod": {"name": "pop-0", "uid": "u-1"}},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_prove_what_they_are() {
    let mut bench = Bench::start().await;
    by_aws(&mut bench).await;
    by_token(&mut bench).await;
    by_metadata(&mut bench).await;
}

async fn by_aws(bench: &mut Bench) {
    let (amazon, stranger) = (
        DocumentSigner::new().unwrap(),
        DocumentSigner::new().unwrap(),
    );
    let policy = |role: &str, place: &str| {
        json!({
            "role": role, "place": place,
            "awsIid": {
                "certificates": amazon.certificate().unwrap(),
                "accountIds": [ACCOUNT], "regions": ["eu-central-1"], "maxAgeSeconds": 600,
            },
        })
    };
    let put = bench.put("aws-pops", &policy("pop", "frankfurt")).await;
    assert_eq!(put["awsIid"]["certificates"], amazon.certificate().unwrap());
    bench
        .put("aws-regions", &policy("region", "eu-central-1"))
        .await;
    let identity = bench.by_aws();
    let by = ("aws-pops", identity.as_str());
    let sign = |signer: &DocumentSigner, instance: &str, account: &str, age_s: i64| {
        signer
            .sign(&document(instance, account, &ago(age_s)))
            .unwrap()
    };

    // Nobody gets in who only looks like it.
    bench.imds.show(sign(&amazon, "i-0a", "444455556666", 5));
    let said = "account 444455556666 is not one";
    bench.refused("wrong-account", by, (said, "instance")).await;
    bench.imds.show(sign(&amazon, "i-0a", ACCOUNT, 700));
    let said = "the join policy allows 600 s";
    bench.refused("too-old", by, (said, "instance_age")).await;
    bench.imds.show(sign(&stranger, "i-0a", ACCOUNT, 5));
    let said = "signed by somebody else";
    bench
        .refused("stranger", by, (said, "document_signature"))
        .await;
    let good = sign(&amazon, "i-0a", ACCOUNT, 5);
    bench
        .imds
        .show(altered(&sign(&amazon, "i-0a", "444455556666", 5)));
    let said = "altered after it was signed";
    bench
        .refused("altered", by, (said, "document_altered"))
        .await;
    bench.imds.show(good);
    let other = ("aws-regions", identity.as_str());
    let said = "is for nodes of role region";
    bench.refused("other-role", other, (said, "role")).await;
    let unknown = ("no-such-policy", identity.as_str());
    bench
        .refused("no-policy", unknown, ("is not known", "policy_unknown"))
        .await;

    // The instance itself does, once in all the cluster.
    let (node, id) = bench.joins("first", by, "frankfurt").await;
    assert_eq!(bench.count(0, "joins_total{by=\"aws_iid\"}").await, 1);
    let said = format!("aws:i-0a has been used by node {id}");
    bench
        .refused_at("replay", by, (&said, "proof_used"), 1)
        .await;

    restarted(bench, node).await;
    forgotten(bench, id, by).await;
}

/// A node that has joined does not prove anything again.
async fn restarted(bench: &mut Bench, node: Running) {
    let asked = bench.imds.asked();
    drop(node);
    let config = bench.folder.path().join("first/edgeway.toml");
    let mut again = bench.run(&config);
    let log = config.with_file_name("log");
    until("the node serves again", PATIENCE, || {
        assert!(again.0.try_wait().unwrap().is_none());
        let text = std::fs::read_to_string(&log).unwrap();
        async move { text.contains("\"message\":\"serving\"").then_some(()) }
    })
    .await;
    assert_eq!(bench.imds.asked(), asked);
}

/// An operator may have a proof forgotten, by the command.
async fn forgotten(bench: &mut Bench, id: u64, by: (&str, &str)) {
    let uses = bench
        .management
        .must(Method::GET, "/edgeway/v1/join-uses", None)
        .await;
    let uses = uses.unwrap();
    assert_eq!(uses["items"][0]["subject"], "aws:i-0a");
    assert_eq!(
        (&uses["items"][0]["node"], &uses["items"][0]["isMember"]),
        (&json!(id), &json!(true))
    );
    let forgotten = Command::new(program())
        .args(["join-policy", "forget", "aws:i-0a", "--ready-file"])
        .arg(bench.cluster.ready_file())
        .output();
    let forgotten = forgotten.unwrap();
    assert!(forgotten.status.success(), "{forgotten:?}");
    let (_node, next) = bench.joins("next", by, "frankfurt").await;
    assert!(next > id);
}

/// The account in a signed document, made another one.
fn altered(signed: &str) -> String {
    let mut bytes = STANDARD.decode(signed.replace('\n', "")).unwrap();
    let other = b"444455556666";
    let at = bytes
        .windows(other.len())
        .position(|it| it == other)
        .unwrap();
    bytes[at..at + other.len()].copy_from_slice(ACCOUNT.as_bytes());
    STANDARD.encode(bytes)
}

async fn by_token(bench: &mut Bench) {
    let (issuer, stranger) = (
        TokenIssuer::new("k1").unwrap(),
        TokenIssuer::new("k2").unwrap(),
    );
    let cluster = bench.management.status().await.unwrap()["cluster"]["name"].clone();
    let cluster = cluster.as_str().unwrap();
    let policy = json!({
        "role": "pop", "place": "k8s",
        "oidc": {
            "issuer": ISSUER, "jwks": issuer.keys().to_string(), "onceBy": "/kubernetes.io/pod/uid",
            "claims": {"sub": [SUBJECT], "/kubernetes.io/namespace": ["edge"]},
        },
    });
    let put = bench.put("k8s-pops", &policy).await;
    assert_eq!(put["oidc"]["audiences"], json!([cluster]));
    let refused = async |name: &str, token: String, (said, reason): (&str, &str)| {
        let identity = bench.by_token(&token);
        bench
            .refused(name, ("k8s-pops", &identity), (said, reason))
            .await;
    };
    let good = claims(SUBJECT, cluster, 600);
    let token = |claims: Value| issuer.token(&claims).unwrap();
    let said = "does not have a valid audience";
    refused(
        "audience",
        token(claims(SUBJECT, "other", 600)),
        (said, "token_audience"),
    )
    .await;
    let expired = token(claims(SUBJECT, cluster, -1));
    refused("expired", expired, ("has expired", "token_expired")).await;
    let said = "claim sub is not one";
    let other = token(claims("system:serviceaccount:edge:other", cluster, 600));
    refused("subject", other, (said, "token_claim")).await;
    let none = issuer
        .token_with(&json!({"alg": "none", "kid": "k1"}), &good)
        .unwrap();
    refused(
        "none",
        none,
        ("signing method none is invalid", "token_algorithm"),
    )
    .await;
    let unknown = stranger.token(&good).unwrap();
    refused(
        "unknown-key",
        unknown,
        ("an unknown key", "token_unknown_key"),
    )
    .await;
    let forged = stranger
        .token_with(&json!({"alg": "ES256", "kid": "k1"}), &good)
        .unwrap();
    refused(
        "forged",
        forged,
        ("unable to verify signature", "token_signature"),
    )
    .await;

    let identity = bench.by_token(&token(good));
    let by = ("k8s-pops", identity.as_str());
    let (_node, id) = bench.joins("pod", by, "k8s").await;
    assert_eq!(bench.count(0, "joins_total{by=\"oidc\"}").await, 1);
    // Another token of the same pod.
    let again = bench.by_token(&token(claims(SUBJECT, cluster, 900)));
    let said = format!("u-1 has been used by node {id}");
    bench
        .refused_at("pod-again", ("k8s-pops", &again), (&said, "proof_used"), 1)
        .await;
    // A document is no token.
    let identity = bench.by_aws();
    let said = "another kind of proof (oidc)";
    bench
        .refused("other-kind", ("k8s-pops", &identity), (said, "proof_kind"))
        .await;
}

/// Keys are fetched where the issuer's discovery document says.
async fn by_metadata(bench: &mut Bench) {
    let now = now_s();
    let machine = json!({
        "iat": now - 60, "exp": now + 600, "sub": "1234",
        "google": {"compute_engine": {"project_id": "edge-project", "instance_id": "77"}},
    });
    let issuer = TokenIssuer::new("g1").unwrap();
    let cloud = Cloud::start(issuer, machine).await.unwrap();
    let project = |project: &str| {
        json!({
            "role": "pop", "place": "iowa",
            "oidc": {
                "issuer": cloud.url, "audiences": ["edge"],
                "claims": {"/google/compute_engine/project_id": [project]},
                "onceBy": "/google/compute_engine/instance_id",
            },
        })
    };
    bench.put("other-project", &project("other-project")).await;
    bench.put("gcp-pops", &project("edge-project")).await;
    let identity = |audience: &str| {
        let url = &cloud.url;
        format!("{{ gcp = {{ audience = \"{audience}\", endpoint = \"{url}\" }} }}")
    };
    let good = identity("edge");
    let said = "project_id is not one";
    bench
        .refused(
            "other-project",
            ("other-project", &good),
            (said, "token_claim"),
        )
        .await;
    let other = identity("another");
    let said = "does not have a valid audience";
    bench
        .refused(
            "other-audience",
            ("gcp-pops", &other),
            (said, "token_audience"),
        )
        .await;
    let (_node, _) = bench.joins("gcp", ("gcp-pops", &good), "iowa").await;
}
