//! `examples/rest-api`: validation, keys, throttles and quotas of plans.

use serde_json::json;
use tests::until;

use super::{Door, PATIENCE, World, apply, assert_done, destroy, text};

const TOM: &str = r#"{"name":"Tom"}"#;

pub(super) async fn keys_plans_and_validation(world: &World) {
    let mut terraform = world.configuration("rest-api");
    terraform.set("backend", &world.backend);
    apply(&terraform);
    let outputs = terraform.outputs().unwrap();
    let (pop, url) = (world.pop(), text(&outputs, "url"));
    let pets = format!("{url}/pets");
    let shop = outputs["keys"]["shop"].as_str().unwrap();

    // What the README says, with the document's validation.
    assert_eq!(pop.get(&format!("{url}/health"), &[]).await.status, 200);
    assert_eq!(pop.get(&pets, &[]).await.status, 400, "kind is missing");
    let got = pop.get(&format!("{pets}?kind=cat"), &[]).await;
    assert_eq!(
        (got.status, got.seen()["path"].as_str()),
        (200, Some("/pets")),
        "{got:?}"
    );
    assert_eq!(got.seen()["query"], "kind=cat");
    for (headers, body, wanted) in [
        (&[][..], TOM, 403),
        (&[("x-api-key", "somebody-elses-key-0")], TOM, 403),
        (&[("x-api-key", shop)], "{}", 400),
        (&[("x-api-key", shop)], TOM, 200),
    ] {
        let got = pop.ask("POST", &pets, headers, body).await;
        assert_eq!(got.status, wanted, "{headers:?} {body}: {got:?}");
    }
    assert_done(&terraform);

    // Another backend, and further holders of keys; all of it is there when the run has ended.
    terraform.set("backend", &format!("{}/v2", world.backend));
    let keys = json!({
        "shop": { "rate": 10, "limit": 100_000 },
        "slow": { "rate": 1, "burst": 1 },
        "small": { "limit": 2 },
    });
    terraform.set("keys", &keys.to_string());
    apply(&terraform);
    let got = pop.get(&format!("{pets}?kind=cat"), &[]).await;
    assert_eq!(got.seen()["path"], "/v2/pets", "{got:?}");
    let outputs = terraform.outputs().unwrap();
    assert_eq!(outputs["keys"]["shop"], shop, "the key is what it was");
    let key = |name: &str| outputs["keys"][name].as_str().unwrap().to_owned();
    refused_in_time(&pop, &pets, &key("slow"), "Too Many Requests").await;
    refused_in_time(&pop, &pets, &key("small"), "Limit Exceeded").await;
    let got = pop.ask("POST", &pets, &[("x-api-key", shop)], TOM).await;
    assert_eq!(got.status, 200, "others are not concerned: {got:?}");
    assert_done(&terraform);

    destroy(&terraform);
    assert_eq!(pop.get(&pets, &[]).await.status, 403);
}

/// The first request with a key is answered, and some time another one is not.
async fn refused_in_time(pop: &Door, url: &str, key: &str, message: &str) {
    let key = [("x-api-key", key)];
    let first = pop.ask("POST", url, &key, TOM).await;
    assert_eq!(first.status, 200, "{first:?}");
    until(message, PATIENCE, || async {
        // Several at once, so that it does not depend on how fast they go.
        let all = std::array::from_fn::<_, 5, _>(|_| pop.ask("POST", url, &key, TOM));
        let all = futures_util::future::join_all(all).await;
        let refused = all.iter().find(|got| got.status == 429)?;
        assert_eq!(refused.seen()["message"], message, "{refused:?}");
        Some(())
    })
    .await;
}
