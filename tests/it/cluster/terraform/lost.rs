//! An answer that is lost on its way: what was asked for is there once, and terraform knows of it.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use http::Method;
use tests::{
    cluster::Cluster,
    terraform::{Provider, Workspace, installed},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

const API: &str = r#"
resource "edgeway_rest_api" "one" {
  name = "made once"
}
"#;

/// Carries a connection on; the first answer to a call that makes an API is lost, and the
/// connection with it.
async fn carry(mut client: TcpStream, to: SocketAddr, lost: Arc<AtomicBool>) -> io::Result<()> {
    let mut server = TcpStream::connect(to).await?;
    let (mut up, mut down) = ([0; 16 << 10], [0; 16 << 10]);
    let mut losing = false;
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let sent = &up[..read?];
                if sent.is_empty() {
                    return Ok(());
                }
                if sent.starts_with(b"POST /restapis") && !lost.swap(true, Ordering::SeqCst) {
                    losing = true;
                }
                server.write_all(sent).await?;
            }
            read = server.read(&mut down) => {
                let answer = &down[..read?];
                if answer.is_empty() || losing {
                    return Ok(());
                }
                client.write_all(answer).await?;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_by_a_call_whose_answer_is_lost_is_made_once() {
    let Some(terraform) = installed() else { return };
    let cluster = Cluster::start_with(1, 1).await.unwrap();
    let management = cluster.ready.regions[0].management.clone();
    let to: SocketAddr = management.trim_start_matches("http://").parse().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let lost = Arc::new(AtomicBool::new(false));
    let losing = Arc::clone(&lost);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(carry(client, to, Arc::clone(&losing)));
        }
    });
    let provider = Provider::start(&[
        ("EDGEWAY_ENDPOINT", &endpoint),
        ("EDGEWAY_ACCESS_KEY_ID", &cluster.ready.access_key_id),
        (
            "EDGEWAY_SECRET_ACCESS_KEY",
            &cluster.ready.secret_access_key,
        ),
    ])
    .unwrap();
    let workspace = Workspace::new(&terraform, &provider, API).unwrap();
    workspace.apply().unwrap();
    assert!(lost.load(Ordering::SeqCst), "nothing was lost");
    assert!(workspace.plan().unwrap().is_empty());
    let list = cluster.management(0);
    let list = list.must(Method::GET, "/restapis?limit=500", None).await;
    let list = list.unwrap();
    let items = list["item"].as_array().unwrap();
    let made = items.iter().filter(|api| api["name"] == "made once");
    assert_eq!(made.count(), 1, "{list}");
}
