//! Settings files as nodes read them, and user data as cloud-init does.

use serde_json::{Value as Json, json};

use super::{cloud_init, settings};
use crate::{cty::from_json, framework::DataSource as _};

fn config(json: Json) -> crate::cty::Value {
    from_json(&json, &super::super::node_config::NodeConfig.schema().ty())
}

#[test]
fn a_regions_file_has_the_keys_that_were_given_and_no_others() {
    let text = settings(&config(json!({
        "role": "region", "data_dir": "/d \"q\"", "link": "127.0.0.1:4433", "ops": "127.0.0.1:9100",
        "http": ["127.0.0.1:80"], "management": "127.0.0.1:7001", "raft": "local",
        "latitude": 53, "longitude": -6.25, "drain_s": 5,
    })));
    let wanted = "data_dir = \"/d \\\"q\\\"\"\ndrain_s = 5\n\n[link]\nbind = \"127.0.0.1:4433\"\n\
                  \n[ops]\nbind = \"127.0.0.1:9100\"\n\n[region]\nhttp = [\"127.0.0.1:80\"]\n\
                  management = \"127.0.0.1:7001\"\nraft = \"local\"\n\
                  location = { latitude = 53.0, longitude = -6.25 }\n";
    assert_eq!(text, wanted);
}

#[test]
fn a_dns_nodes_file_has_its_own_addresses() {
    let text = settings(&config(json!({
        "role": "dns", "link": "127.0.0.1:4433", "dns": ["127.0.0.1:53"], "public": ["192.0.2.1"],
        "http": ["127.0.0.1:80"],
    })));
    assert!(
        text.ends_with("[dns]\nbind = [\"127.0.0.1:53\"]\npublic = [\"192.0.2.1\"]\n"),
        "{text}"
    );
    assert!(
        text.starts_with("data_dir = \"/var/lib/edgeway\"\n"),
        "{text}"
    );
}

#[test]
fn user_data_sets_the_cluster_up_on_the_first_node_alone() {
    let role = json!({ "role": "pop", "link": "0.0.0.0:4433" });
    let read = |text: String| -> Json {
        let body = text.strip_prefix("#cloud-config\n").unwrap().to_owned();
        serde_json::from_str(&body).unwrap()
    };
    let other = read(cloud_init(&config(role), "x = 1\n"));
    assert_eq!(other["write_files"][0]["content"], "x = 1\n");
    assert_eq!(
        other["runcmd"],
        json!([["systemctl", "enable", "--now", "edgeway"]])
    );
    let first = read(cloud_init(
        &config(json!({
            "role": "region", "link": "0.0.0.0:4433", "link_advertise": "192.0.2.1:4433",
            "bootstrap": {
                "secrets_file": "/run/s.json", "base_domain": "gw.example", "region": "eu-west-1",
            },
        })),
        "",
    ));
    let words = first["runcmd"][0].to_string();
    assert!(words.contains("\"--secrets\",\"/run/s.json\""), "{words}");
    assert!(words.contains("\"--link\",\"192.0.2.1:4433\""), "{words}");
    assert!(!words.contains("account"), "{words}");
}
