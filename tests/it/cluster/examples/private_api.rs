//! `examples/private-api`: reached through the endpoint's listener from networks that the policy
//! names, and by nobody else; its backend is reached by a connector.

use std::net::SocketAddr;

use http::Method;
use serde_json::json;
use tests::until;

use super::{Door, PATIENCE, World, apply, assert_done, destroy, host_of, text};

pub(super) async fn reached_from_inside_alone(world: &mut World) {
    connector(world).await;
    let region = world.cluster.ready.regions[0].clone();
    let endpoint = &region.private[0];
    let mut terraform = world.configuration("private-api");
    let ids = json!([endpoint.endpoint_id]);
    terraform.set("vpc_endpoint_ids", &ids.to_string());
    terraform.set("client_cidrs", &json!(["127.0.0.0/8"]).to_string());
    apply(&terraform);
    let outputs = terraform.outputs().unwrap();
    let url = text(&outputs, "url");
    let entries = format!("{url}/entries");
    let by_endpoint = outputs["endpoint_urls"][0].as_str().unwrap().to_owned();
    let door = |addr: SocketAddr| Door {
        addr,
        authority: world.cluster.authority_pem().unwrap(),
    };
    let (inside, pop) = (door(endpoint.https), world.pop());

    for url in [&entries, &format!("{by_endpoint}/entries")] {
        let got = inside.get(url, &[]).await;
        assert_eq!(got.seen()["path"], "/entries", "{url}: {got:?}");
    }
    for outside in [&pop, &door(region.https)] {
        assert_eq!(outside.get(&entries, &[]).await.status, 403);
    }
    let name = host_of(&url);
    assert_ne!(world.dig(endpoint.dns, &name), "");
    world.resolves(&name, false).await;
    assert_done(&terraform);

    // A policy is in force when the run has ended.
    terraform.set("client_cidrs", &json!(["10.0.0.0/8"]).to_string());
    apply(&terraform);
    let got = inside.get(&entries, &[]).await;
    assert_eq!(got.status, 403, "{got:?}");
    assert!(got.text.contains("explicit deny"), "{got:?}");
    assert_done(&terraform);

    destroy(&terraform);
    assert_eq!(inside.get(&entries, &[]).await.status, 403);
    until("the name is gone", PATIENCE, || async {
        world.dig(endpoint.dns, &name).is_empty().then_some(())
    })
    .await;
}

/// Runs a connector that offers the sample backend by the names that the example has.
async fn connector(world: &mut World) {
    let management = world.cluster.management(0);
    let token = json!({ "role": "connector", "place": "office", "ttlSeconds": 600, "maxUses": 1 });
    let path = "/edgeway/v1/tokens";
    let token = management.must(Method::POST, path, Some(token)).await;
    let token = token.unwrap()["token"].as_str().unwrap().to_owned();
    let folder = world.terraform.folder().join("office");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("join.token"), token).unwrap();
    let settings = format!(
        "data_dir = \"{folder}\"\nworkers = 1\nlog = \"info\"\n\
         [link]\nbind = \"127.0.0.1:0\"\n[ops]\nbind = \"127.0.0.1:0\"\n\
         [join]\ntoken_file = \"{folder}/join.token\"\n\
         [connector]\n[[connector.upstreams]]\nname = \"ledger\"\naddress = \"{backend}\"\n",
        folder = folder.display(),
        backend = world.cluster.ready.sample_backend,
    );
    let file = folder.join("edgeway.toml");
    std::fs::write(&file, settings).unwrap();
    world.cluster.restart(&file).unwrap();
    until("the connector is connected", PATIENCE, || async {
        let path = "/edgeway/v1/connectors";
        let all = management.must(Method::GET, path, None).await.ok()?;
        let all = all["items"].as_array()?.clone();
        all.iter().any(|one| one["connected"] == true).then_some(())
    })
    .await;
}
