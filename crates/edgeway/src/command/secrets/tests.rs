//! Secrets read back as they were printed, and nothing else is taken for them.

use std::time::SystemTime;

use serde_json::json;

use super::Secrets;

#[test]
fn what_is_made_elsewhere_reads_back() {
    let made = Secrets::make("c1", SystemTime::now()).unwrap();
    let file = |id: &str, secret: &str, key: &str| {
        let file = json!({
            "ca_certificate_pem": made.authority.cert_pem(), "ca_private_key_pem": key,
            "access_key_id": id, "secret_access_key": secret,
        });
        Secrets::parse(file.to_string().as_bytes())
    };
    let key = made.authority.key_pem();
    let read = file(&made.id, &made.secret, &key).unwrap();
    assert_eq!(read.authority.fingerprint(), made.authority.fingerprint());
    assert_eq!(read.key(1).secret, made.secret);

    let other = Secrets::make("c1", SystemTime::now()).unwrap();
    let foreign = other.authority.key_pem();
    for (id, secret, key) in [
        ("AKIA", made.secret.as_str(), key.as_str()),
        (&made.id, "short", &key),
        (&made.id, &made.secret, &foreign),
    ] {
        assert!(file(id, secret, key).is_err(), "{id} {secret}");
    }
}

#[test]
fn a_node_of_another_cluster_is_not_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let make = |secrets: Secrets| {
        super::super::create(&super::super::NewCluster {
            data_dir: folder.path(),
            cluster: "c1",
            base_domain: "gw.test",
            account_id: "000000000000",
            region: model::Region {
                name: "us-east-1".into(),
                location: None,
            },
            secrets: Some(secrets),
        })
    };
    let now = SystemTime::now();
    let (first, second) = (
        Secrets::make("c1", now).unwrap(),
        Secrets::make("c1", now).unwrap(),
    );
    assert!(!first.made_here(folder.path()).unwrap());
    let again = Secrets {
        authority: link::Authority::from_pem(
            first.authority.cert_pem(),
            &first.authority.key_pem(),
        )
        .unwrap(),
        id: first.id.clone(),
        secret: first.secret.clone(),
    };
    assert_eq!(make(first).unwrap().secret, again.secret);
    assert!(again.made_here(folder.path()).unwrap());
    assert!(second.made_here(folder.path()).is_err());
}
