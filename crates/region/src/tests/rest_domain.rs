//! REST APIs behind custom domains: what `$context` says of the way that led there.

use std::{collections::BTreeMap, sync::Arc};

use model::{
    ApiMapping, DomainName, EndpointType, IpAddressType, SecurityPolicy,
    rest::{IntegrationType, Verb},
};

use super::{
    backend::Backend,
    harness::{eventually, get},
    rest::{method, rig},
};

fn domain(keys: &[&str]) -> DomainName {
    let mappings = keys.iter().map(|key| ApiMapping {
        id: format!("m-{key}").as_str().into(),
        api: "a1".into(),
        stage: "prod".into(),
        key: (*key).to_owned(),
    });
    DomainName {
        name: "shop.test".into(),
        target: "d-0123456789".to_owned(),
        certificate: "c".into(),
        endpoint: EndpointType::Regional,
        ip_address_type: IpAddressType::Ipv4,
        security_policy: SecurityPolicy::Tls12,
        created_ms: 0,
        tags: BTreeMap::new(),
        mappings: mappings
            .map(|mapping| (mapping.id.clone(), mapping))
            .collect(),
        routing: Default::default(),
        private: None,
    }
}

#[tokio::test]
async fn the_mapping_that_led_here_is_known() {
    let backend = Backend::echo().await;
    let mut proxy = method(IntegrationType::HttpProxy, Some(backend.url()));
    let settings = &mut proxy.integration.as_mut().unwrap().settings;
    for (name, source) in [
        ("base", "context.customDomain.basePathMatched"),
        ("domain", "context.domainName"),
        ("prefix", "context.domainPrefix"),
    ] {
        let target = format!("integration.request.header.x-{name}");
        settings
            .request_parameters
            .insert(target, source.to_owned());
    }
    let rig = rig(vec![("part", Verb::Get, proxy)], &[]).await;
    let mut config = (**rig.config.borrow()).clone();
    let domain = domain(&["", "orders"]);
    let id = domain.name.as_str().into();
    config.domains.insert(id, Arc::new(domain));
    config.revision = model::Revision(3);
    rig.config.send_replace(Arc::new(config));
    eventually(|| rig.region.revision() == 3).await;
    for (path, base) in [("/orders/part", "orders"), ("/part", "(none)")] {
        let mut asked = get(path);
        let host = "shop.test:8443".parse().unwrap();
        asked.headers_mut().insert("host", host);
        let answer = rig.ask(asked).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.echoed("x-base"), Some(base));
        assert_eq!(answer.echoed("x-domain"), Some("shop.test"));
        assert_eq!(answer.echoed("x-prefix"), Some("shop"));
    }
    let answer = rig.get("/prod/part").await;
    assert_eq!((answer.status, answer.echoed("x-base")), (200, None));
}
