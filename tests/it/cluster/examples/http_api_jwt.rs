//! `examples/http-api-jwt`: whose tokens are taken for what.

use serde_json::json;
use tests::until;

use super::{PATIENCE, World, apply, assert_done, destroy, text};

pub(super) async fn tokens_and_scopes(world: &World) {
    let mut terraform = world.configuration("http-api-jwt");
    terraform.set("issuer", world.tokens.url());
    terraform.set("audience", &json!(["orders"]).to_string());
    terraform.set("backend", &world.backend);
    apply(&terraform);
    let (pop, url) = (world.pop(), text(&terraform.outputs().unwrap(), "url"));
    let order = format!("{url}/orders/7");
    let token = |audience: &str, scopes: &str, life_s: i64| {
        let token = world.tokens.token(audience, scopes, life_s).unwrap();
        format!("Bearer {token}")
    };
    let reader = token("orders", "orders.read", 600);

    // The issuer's keys are fetched with the first token, which a busy machine may take long for.
    let headers = [("authorization", reader.as_str())];
    let got = until("a token is taken", PATIENCE, || async {
        let got = pop.get(&order, &headers).await;
        (got.status == 200).then_some(got)
    })
    .await;
    assert_eq!(got.seen()["path"], "/orders/7", "{got:?}");
    assert_eq!(pop.get(&order, &[]).await.status, 401);
    let strangers = token("billing", "orders.read", 600);
    for (method, token, wanted) in [
        ("GET", &token("orders", "orders.write", 600), 403),
        ("POST", &reader, 403),
        (
            "POST",
            &token("orders", "orders.read orders.write", 600),
            200,
        ),
        ("GET", &token("orders", "orders.read", -600), 401),
        ("GET", &strangers, 401),
        ("GET", &format!("{reader}x"), 401),
        ("PUT", &reader, 404),
    ] {
        let got = pop
            .ask(method, &order, &[("authorization", token)], "")
            .await;
        assert_eq!(got.status, wanted, "{method} {token}: {got:?}");
    }
    let preflight = [
        ("origin", "https://shop.example.com"),
        ("access-control-request-method", "POST"),
    ];
    let got = pop.ask("OPTIONS", &order, &preflight, "").await;
    assert_eq!(
        got.headers["access-control-allow-origin"], preflight[0].1,
        "{got:?}"
    );
    assert_done(&terraform);

    // Tokens for others are taken from the end of the run on.
    terraform.set("audience", &json!(["orders", "billing"]).to_string());
    apply(&terraform);
    let got = pop.get(&order, &[("authorization", &strangers)]).await;
    assert_eq!(got.status, 200, "{got:?}");
    assert_done(&terraform);

    destroy(&terraform);
    assert_eq!(pop.get(&order, &headers).await.status, 403);
}
