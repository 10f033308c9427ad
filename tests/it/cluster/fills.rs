//! Fills of a POP's cache in a whole cluster, against a backend that sends exactly as much of a
//! body as a test lets it: bodies that break, slow ones, leaders that leave, parts of what still
//! arrives, codings, and a backend that is gone.

use std::{
    io::Write as _,
    net::SocketAddr,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tests::{client, cluster::Cluster, until};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
    time::timeout,
};

const LENGTH: usize = 300_000;
const PATIENCE: Duration = Duration::from_secs(30);

/// Every eight bytes tell where they stand.
fn whole() -> Bytes {
    let text: String = (0..LENGTH / 8)
        .map(|number| format!("{number:07};"))
        .collect();
    text.into()
}

/// How much of a body is sent, and whether it breaks there.
#[derive(Clone, Copy)]
struct Course {
    bytes: usize,
    breaks: bool,
}

const ALL: Course = Course {
    bytes: LENGTH,
    breaks: false,
};

/// A backend that follows a course.
struct Steered {
    addr: SocketAddr,
    requests: Arc<AtomicU64>,
    course: watch::Sender<Course>,
    accepting: JoinHandle<()>,
}

impl Steered {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (requests, course) = (Arc::new(AtomicU64::new(0)), watch::Sender::new(ALL));
        let (counted, watched) = (Arc::clone(&requests), course.clone());
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&counted), watched.subscribe()));
            }
        });
        Self {
            addr,
            requests,
            course,
            accepting,
        }
    }

    fn let_pass(&self, bytes: usize) {
        let breaks = false;
        self.course.send_replace(Course { bytes, breaks });
    }

    fn break_here(&self) {
        self.course.send_modify(|course| course.breaks = true);
    }

    fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Nobody listens any more.
    fn close(&self) {
        self.accepting.abort();
    }
}

async fn answer(
    mut stream: TcpStream,
    requests: Arc<AtomicU64>,
    mut course: watch::Receiver<Course>,
) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    requests.fetch_add(1, Ordering::Relaxed);
    let short = head.starts_with(b"GET /short");
    let control = if short {
        "max-age=1, stale-if-error=600"
    } else {
        "max-age=600"
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {LENGTH}\r\n\
         etag: \"one\"\r\ncache-control: {control}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    let (body, mut sent) = (whole(), 0);
    while sent < LENGTH {
        let now = *course.borrow_and_update();
        if now.bytes > sent {
            stream.write_all(&body[sent..now.bytes]).await.ok()?;
            sent = now.bytes;
        } else if now.breaks {
            return None;
        } else {
            course.changed().await.ok()?;
        }
    }
    stream.shutdown().await.ok()
}

/// A client that reads as slowly as a test likes.
struct Reader {
    response: Response<Incoming>,
    at: usize,
    held: Bytes,
}

impl Reader {
    async fn open(pop: SocketAddr, host: &str, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut request = Request::get(path).header("host", host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(client::Whole::default()).unwrap();
        let stream = TokioIo::new(TcpStream::connect(pop).await.unwrap());
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        let response = timeout(PATIENCE, sender.send_request(request)).await;
        Self {
            response: response.unwrap().unwrap(),
            at: 0,
            held: Bytes::new(),
        }
    }

    fn header(&self, name: &str) -> &str {
        let value = self.response.headers().get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    /// Reads on to byte `to` of the whole body, and compares.
    async fn read_to(&mut self, to: usize) {
        let expected = whole();
        while self.at < to {
            if self.held.is_empty() {
                let frame = timeout(PATIENCE, self.response.frame()).await.unwrap();
                self.held = frame.unwrap().unwrap().into_data().unwrap();
            }
            let now = self.held.len().min(to - self.at);
            let data = self.held.split_to(now);
            assert!(
                data == expected.slice(self.at..self.at + now),
                "at {}",
                self.at
            );
            self.at += now;
        }
    }

    async fn read_to_end(&mut self) {
        self.read_to(LENGTH).await;
        let end = timeout(PATIENCE, self.response.frame()).await.unwrap();
        assert!(end.is_none());
    }

    /// The body must fail before its end.
    async fn fails(mut self) {
        loop {
            match timeout(PATIENCE, self.response.frame()).await.unwrap() {
                Some(Err(_)) => return,
                Some(Ok(frame)) => self.at += frame.data_ref().map_or(0, Bytes::len),
                None => panic!("a broken body looks whole after {} bytes", self.at),
            }
        }
    }

    async fn bytes(self) -> Bytes {
        let body = self.response.into_body().collect();
        timeout(PATIENCE, body).await.unwrap().unwrap().to_bytes()
    }
}

struct Scene {
    cluster: Cluster,
    backend: Steered,
    host: String,
}

impl Scene {
    async fn start(regions: u8) -> Self {
        let cluster = Cluster::start_with(regions, 1).await.unwrap();
        let backend = Steered::start().await;
        let url = format!("http://{}", backend.addr);
        let api = cluster.management(0).quick_api("steered", &url).await;
        let host = cluster.host(&api.unwrap());
        Self {
            cluster,
            backend,
            host,
        }
    }

    async fn open(&self, path: &str, headers: &[(&str, &str)]) -> Reader {
        Reader::open(self.cluster.ready.pops[0].http, &self.host, path, headers).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_fails_for_all_and_leaves_nothing_behind() {
    let scene = Scene::start(1).await;
    scene.backend.let_pass(1_000);
    let mut leader = scene.open("/one", &[]).await;
    leader.read_to(1_000).await;
    let mut follower = scene.open("/one", &[]).await;
    assert!(follower.header("cache-status").contains("collapsed"));
    follower.read_to(1_000).await;
    let part = scene.open("/one", &[("range", "bytes=2000-2999")]).await;
    assert_eq!(part.response.status(), 206);
    assert_eq!(scene.backend.requests(), 1);
    scene.backend.break_here();
    leader.fails().await;
    follower.fails().await;
    part.fails().await;

    scene.backend.let_pass(LENGTH);
    let mut next = scene.open("/one", &[]).await;
    let said = next.header("cache-status").to_owned();
    assert!(
        said.contains("fwd=uri-miss") && said.contains("stored"),
        "{said}"
    );
    next.read_to_end().await;
    assert_eq!(scene.backend.requests(), 2);

    // A slow fill: every follower has each byte as soon as it is there, and leaders may leave.
    scene.backend.let_pass(0);
    let leader = scene.open("/two", &[]).await;
    let mut followers = Vec::new();
    for _ in 0..20 {
        followers.push(scene.open("/two", &[]).await);
    }
    scene.backend.let_pass(1_000);
    for follower in &mut followers {
        follower.read_to(1_000).await;
    }
    drop(leader);
    for step in 2..=5 {
        scene.backend.let_pass(step * 10_000);
        for follower in &mut followers {
            follower.read_to(step * 10_000).await;
        }
    }
    let part = scene.open("/two", &[("range", "bytes=8-15")]).await;
    assert_eq!(part.header("content-range"), format!("bytes 8-15/{LENGTH}"));
    assert_eq!(part.bytes().await, "0000001;");
    scene.backend.let_pass(LENGTH);
    for follower in &mut followers {
        follower.read_to_end().await;
    }
    let mut hit = scene.open("/two", &[]).await;
    hit.read_to_end().await;
    assert_eq!(scene.backend.requests(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_dies_in_the_middle_of_a_body_leaves_nothing_behind() {
    let scene = Scene::start(3).await;
    scene.backend.let_pass(1_000);
    let mut leader = scene.open("/one", &[]).await;
    leader.read_to(1_000).await;
    let mut follower = scene.open("/one", &[]).await;
    follower.read_to(1_000).await;
    let timing = leader.header("server-timing").to_owned();
    let mut regions = scene.cluster.ready.regions.iter();
    let region = regions
        .find(|region| timing.contains(&region.name))
        .unwrap();
    scene.cluster.kill(region.pid).unwrap();
    leader.fails().await;
    follower.fails().await;
    scene.backend.let_pass(LENGTH);
    let mut next = until("another region answers", PATIENCE, || async {
        let next = scene.open("/one", &[]).await;
        (next.response.status() == 200).then_some(next)
    })
    .await;
    assert!(!next.header("server-timing").contains(&region.name));
    next.read_to_end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_and_codings_are_made_of_a_stored_answer() {
    let scene = Scene::start(1).await;
    let part = scene.open("/one", &[("range", "bytes=80-87")]).await;
    assert_eq!(part.response.status(), 206);
    assert_eq!(part.bytes().await, "0000010;");
    // The whole is on its way, or there.
    let mut all = scene.open("/one", &[]).await;
    all.read_to_end().await;
    let last = scene.open("/one", &[("range", "bytes=-8")]).await;
    assert_eq!(last.bytes().await, "0037499;");
    let several = scene.open("/one", &[("range", "bytes=0-7,800-807")]).await;
    let kind = several.header("content-type").to_owned();
    assert!(
        kind.starts_with("multipart/byteranges; boundary="),
        "{kind}"
    );
    let text = String::from_utf8(several.bytes().await.to_vec()).unwrap();
    assert!(
        text.contains("0000000;\r\n--") && text.contains("0000100;\r\n--"),
        "{text}"
    );
    let none = scene.open("/one", &[("range", "bytes=300000-")]).await;
    assert_eq!(none.response.status(), 416);
    assert_eq!(none.header("content-range"), "bytes */300000");

    let coded = until("a coded answer", PATIENCE, || async {
        let answer = scene.open("/one", &[("accept-encoding", "gzip")]).await;
        (answer.header("content-encoding") == "gzip").then_some(answer)
    })
    .await;
    assert_eq!(coded.header("etag"), "W/\"one\"");
    println!("{}", coded.header("cache-status"));
    let coded = coded.bytes().await;
    println!("{LENGTH} bytes became {}", coded.len());
    let mut gzip = Command::new("gzip")
        .arg("-dc")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = gzip.stdin.take().unwrap();
    let writing = std::thread::spawn(move || stdin.write_all(&coded));
    let plain = gzip.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    assert!(plain.stdout == whole());
    assert_eq!(scene.backend.requests(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_is_gone_is_covered_by_stale_copies_only() {
    let scene = Scene::start(1).await;
    scene.open("/short", &[]).await.read_to_end().await;
    scene.backend.close();
    let mut stale = until("a stale answer", PATIENCE, || async {
        let answer = scene.open("/short", &[]).await;
        assert_eq!(answer.response.status(), 200);
        answer
            .header("cache-status")
            .contains("detail=region-error")
            .then_some(answer)
    })
    .await;
    stale.read_to_end().await;
    let none = scene.open("/other", &[]).await;
    assert_eq!(none.response.status(), 503);
}
