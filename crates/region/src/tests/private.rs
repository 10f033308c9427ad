//! Requests by private endpoints: policies of the endpoint, the domain and the API, tables of who
//! is let in, and what integrations learn.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use http::{HeaderValue, Request};
use model::{
    ApiMapping, Config, Content, DomainName, EndpointType, PrivateDomain, PrivateEndpoint,
    rest::{IntegrationType, Verb},
};
use serve::{Body, Conn};

use super::{
    backend::Backend,
    harness::{Answer, HOST, Rig, eventually, get},
    rest::{method, rig},
};

const OWN: &str = "vpce-0123456789abcdef0";
const OTHER: &str = "vpce-0000000000000000f";
const FAR: &str = "vpce-00000000000000fa0";

const ANY: &str = "\"Resource\": \"*\"";

/// A statement about everybody.
fn statement(effect: &str, condition: &str) -> String {
    format!(
        r#"{{"Effect": "{effect}", "Principal": "*", "Action": "execute-api:Invoke",
            "Resource": "*", "Condition": {{{condition}}}}}"#
    )
}

fn policy(statements: &[String]) -> Option<String> {
    let statements = statements.join(",");
    Some(format!(
        r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#
    ))
}

fn everybody() -> Option<String> {
    policy(&[statement("Allow", "")])
}

/// Policies of everything on the way.
struct Ways {
    api: Option<String>,
    endpoint: Option<String>,
    domain: Option<String>,
}

struct Private {
    rig: Rig,
    _backend: Backend,
}

impl Private {
    /// A region with a private API at `GET /prod/part`, which `own.test` leads to as well.
    async fn start() -> Self {
        let backend = Backend::echo().await;
        let mut proxy = method(IntegrationType::HttpProxy, Some(backend.url()));
        let settings = &mut proxy.integration.as_mut().unwrap().settings;
        for name in ["vpceId", "vpcId", "sourceIp"] {
            let target = format!("integration.request.header.x-{}", name.to_lowercase());
            let source = format!("context.identity.{name}");
            settings.request_parameters.insert(target, source);
        }
        let rig = rig(vec![("part", Verb::Get, proxy)], &[]).await;
        Self {
            rig,
            _backend: backend,
        }
    }

    async fn set(&self, ways: Ways) {
        let mut config = (**self.rig.config.borrow()).clone();
        let api = Arc::make_mut(config.apis.values_mut().next().unwrap());
        api.endpoint = EndpointType::Private;
        for deployment in api.deployments.values_mut() {
            let content = &mut Arc::make_mut(deployment).content;
            if let Content::Rest(content) = content {
                Arc::make_mut(content).policy.clone_from(&ways.api);
            }
        }
        for (id, region) in [(OWN, "us-east-1"), (OTHER, "us-east-1"), (FAR, "eu-west-1")] {
            let endpoint = PrivateEndpoint {
                id: id.into(),
                region: region.into(),
                addresses: Vec::new(),
                vpc: (id == OWN).then(|| "vpc-1".to_owned()),
                policy: ways.endpoint.clone(),
                created_ms: 0,
            };
            config
                .private_endpoints
                .insert(id.into(), Arc::new(endpoint));
        }
        domain(&mut config, ways.domain);
        config.revision.0 += 1;
        let revision = config.revision.0;
        self.rig.config.send_replace(Arc::new(config));
        eventually(|| self.rig.region.revision() == revision).await;
    }

    async fn ask(&self, endpoint: &str, request: Request<Body>) -> Answer {
        let [peer, local] = ["10.1.2.3:5000", "10.1.0.5:80"].map(|addr| addr.parse().unwrap());
        let conn = Conn::plain(peer, local, "private".into(), Instant::now());
        let conn = Conn {
            endpoint: Some(endpoint.into()),
            ..conn
        };
        let response = self.rig.handler.handle(request, Arc::new(conn)).await;
        Answer::of(response).await
    }

    async fn get(&self, endpoint: &str, host: &str) -> Answer {
        let mut request = get("/prod/part");
        let host = HeaderValue::from_str(host).unwrap();
        request.headers_mut().insert("host", host);
        self.ask(endpoint, request).await
    }
}

fn domain(config: &mut Config, policy: Option<String>) {
    let mapping = ApiMapping {
        id: "m".into(),
        api: "a1".into(),
        stage: "prod".into(),
        key: "prod".to_owned(),
    };
    let domain = DomainName {
        name: "own.test".into(),
        target: String::new(),
        certificate: "c".into(),
        endpoint: EndpointType::Private,
        ip_address_type: model::IpAddressType::Dualstack,
        security_policy: model::SecurityPolicy::Tls12,
        created_ms: 0,
        tags: BTreeMap::new(),
        mappings: [(mapping.id.clone(), mapping)].into(),
        routing: Default::default(),
        private: Some(Box::new(PrivateDomain {
            id: "abcdefghij".to_owned(),
            policy,
            management_policy: None,
            associations: [(OWN.to_owned(), BTreeMap::new())].into(),
        })),
    };
    config.domains.insert(domain.name.clone(), Arc::new(domain));
}

const DENIED: &str = "{\"Message\":\"User: anonymous is not authorized to perform: \
    execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:********0000:a1/prod/GET/part";

#[tokio::test]
async fn the_apis_policy_decides_by_endpoint_network_and_address() {
    let private = Private::start().await;
    let vpce = r#""StringEquals": {"aws:SourceVpce": "vpce-0123456789abcdef0"}"#;
    let not_vpce = r#""StringNotEquals": {"aws:SourceVpce": "vpce-0123456789abcdef0"}"#;
    let vpc = r#""StringEquals": {"aws:SourceVpc": "vpc-1"}"#;
    let not_vpc = r#""StringNotEquals": {"aws:SourceVpc": "vpc-1"}"#;
    let near = r#""IpAddress": {"aws:VpcSourceIp": "10.1.0.0/16"}"#;
    let far = r#""IpAddress": {"aws:VpcSourceIp": "10.2.0.0/16"}"#;
    let public = r#""IpAddress": {"aws:SourceIp": "0.0.0.0/0"}"#;
    let allow = |condition: &str| statement("Allow", condition);
    let deny = |condition: &str| statement("Deny", condition);
    let (explicit, implicit) = (" with an explicit deny\"}", "\"}");
    // Who is let in by OWN, and by OTHER; else with which end of the answer not.
    let table = [
        (None, Err(implicit), Err(implicit)),
        (policy(&[allow("")]), Ok(()), Ok(())),
        (policy(&[allow(vpce)]), Ok(()), Err(implicit)),
        (policy(&[allow(vpc)]), Ok(()), Err(implicit)),
        (policy(&[allow(near)]), Ok(()), Ok(())),
        (policy(&[allow(far)]), Err(implicit), Err(implicit)),
        // An address says nothing of its network, so there is none by this name.
        (policy(&[allow(public)]), Err(implicit), Err(implicit)),
        (policy(&[allow(""), deny(not_vpce)]), Ok(()), Err(explicit)),
        (policy(&[allow(""), deny(vpce)]), Err(explicit), Ok(())),
        // The other endpoint has no network, which differs from every one.
        (policy(&[allow(""), deny(not_vpc)]), Ok(()), Err(explicit)),
        (policy(&[deny("")]), Err(explicit), Err(explicit)),
    ];
    for (api, by_own, by_other) in table {
        let said = format!("{api:?}");
        private
            .set(Ways {
                api,
                endpoint: None,
                domain: None,
            })
            .await;
        for (endpoint, expected) in [(OWN, by_own), (OTHER, by_other)] {
            let answer = private.get(endpoint, HOST).await;
            let said = format!("{said} by {endpoint}: {answer:?}");
            match expected {
                Ok(()) => assert_eq!(answer.status, 200, "{said}"),
                Err(end) => {
                    assert_eq!(answer.status, 403, "{said}");
                    assert_eq!(answer.text, format!("{DENIED}{end}"), "{said}");
                    let kind = answer.header("x-amzn-errortype");
                    assert_eq!(kind, "AccessDeniedException", "{said}");
                }
            }
        }
    }
}

#[tokio::test]
async fn integrations_learn_by_which_endpoint_a_request_came() {
    let private = Private::start().await;
    private
        .set(Ways {
            api: everybody(),
            endpoint: None,
            domain: None,
        })
        .await;
    let answer = private.get(OWN, HOST).await;
    assert_eq!(answer.echoed("x-vpceid"), Some(OWN));
    assert_eq!(answer.echoed("x-vpcid"), Some("vpc-1"));
    assert_eq!(answer.echoed("x-sourceip"), Some("10.1.2.3"));
    let answer = private.get(OTHER, HOST).await;
    assert_eq!(answer.echoed("x-vpceid"), Some(OTHER));
    assert_eq!(answer.echoed("x-vpcid"), None);
}

const FORBIDDEN: &str = r#"{"message":"Forbidden"}"#;

#[tokio::test]
async fn everything_that_is_not_private_is_forbidden_and_unknown() {
    let private = Private::start().await;
    private
        .set(Ways {
            api: everybody(),
            endpoint: None,
            domain: everybody(),
        })
        .await;
    let check = async |endpoint: &str, host: &str, reason: &str| {
        let before = private.rig.metric("edgeway_region_faults_total", reason);
        let answer = private.get(endpoint, host).await;
        assert_eq!(
            (answer.status, &*answer.text),
            (403, FORBIDDEN),
            "{endpoint} {host}"
        );
        let after = private.rig.metric("edgeway_region_faults_total", reason);
        assert_eq!(after, before + 1, "{endpoint} {host}: {reason}");
    };
    check(OWN, "a2.execute-api.us-east-1.edgeway.test", "unknown_host").await;
    check(OWN, "example.com", "unknown_host").await;
    check("vpce-00000000000000bad", HOST, "unknown_endpoint").await;
    check(FAR, HOST, "unknown_endpoint").await;
    check(OTHER, "own.test", "unknown_host").await;
    // By the region's own listener it is unknown too, whatever a client says about itself.
    let mut forged = get("/prod/part");
    for (name, value) in [("x-apigw-api-id", "a1"), ("x-amzn-vpce-id", OWN)] {
        forged
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    let answer = private.rig.ask(forged).await;
    assert_eq!((answer.status, &*answer.text), (403, FORBIDDEN));
    // A public API is forbidden by an endpoint.
    let mut config = (**private.rig.config.borrow()).clone();
    let api = Arc::make_mut(config.apis.values_mut().next().unwrap());
    api.endpoint = EndpointType::Regional;
    config.revision.0 += 1;
    let revision = config.revision.0;
    private.rig.config.send_replace(Arc::new(config));
    eventually(|| private.rig.region.revision() == revision).await;
    check(OWN, HOST, "unknown_host").await;
    assert_eq!(private.rig.get("/prod/part").await.status, 200);
}

#[tokio::test]
async fn the_name_of_the_endpoint_needs_the_api_in_a_header() {
    let private = Private::start().await;
    private
        .set(Ways {
            api: everybody(),
            endpoint: None,
            domain: None,
        })
        .await;
    let host = format!("{OWN}-abcdefgh.execute-api.us-east-1.vpce.edgeway.test");
    let answer = private.get(OWN, &host).await;
    assert_eq!((answer.status, &*answer.text), (403, FORBIDDEN));
    for (api, status) in [("a1", 200), ("a2", 403)] {
        let mut request = get("/prod/part");
        let headers = request.headers_mut();
        headers.insert("host", HeaderValue::from_str(&host).unwrap());
        headers.insert("x-apigw-api-id", HeaderValue::from_static(api));
        assert_eq!(private.ask(OWN, request).await.status, status, "{api}");
    }
}

#[tokio::test]
async fn endpoints_and_domains_have_a_say_too() {
    let private = Private::start().await;
    let vpce = r#""StringEquals": {"aws:SourceVpce": "vpce-0123456789abcdef0"}"#;
    let own = || policy(&[statement("Allow", vpce)]);
    let nobody = || policy(&[statement("Deny", "")]);
    let short = || own().map(|text| text.replace(ANY, "\"Resource\": \"execute-api:/*\""));
    let other = r#""StringEquals": {"aws:SourceVpc": "vpc-2"}"#;
    let elsewhere = || policy(&[statement("Allow", other)]);
    // Policies of the endpoint and the domain; statuses by the API's own name and the domain's.
    let table = [
        (None, None, 200, 403),
        (None, everybody(), 200, 200),
        (None, own(), 200, 200),
        (None, short(), 200, 200),
        (None, nobody(), 200, 403),
        (own(), everybody(), 200, 200),
        (nobody(), everybody(), 403, 403),
        (elsewhere(), everybody(), 403, 403),
        (None, elsewhere(), 200, 403),
    ];
    for (endpoint, domain, by_api, by_domain) in table {
        let said = format!("{endpoint:?} {domain:?}");
        private
            .set(Ways {
                api: everybody(),
                endpoint,
                domain,
            })
            .await;
        assert_eq!(private.get(OWN, HOST).await.status, by_api, "{said}");
        assert_eq!(
            private.get(OWN, "own.test").await.status,
            by_domain,
            "{said}"
        );
    }
    // The API's own policy decides last, however a request came.
    private
        .set(Ways {
            api: nobody(),
            endpoint: None,
            domain: everybody(),
        })
        .await;
    let answer = private.get(OWN, "own.test").await;
    assert_eq!(answer.text, format!("{DENIED} with an explicit deny\"}}"));
    // What the domain refuses is about the domain.
    private
        .set(Ways {
            api: everybody(),
            endpoint: None,
            domain: None,
        })
        .await;
    let answer = private.get(OWN, "own.test").await;
    let resource = "us-east-1:********0000:/domainnames/own.test+abcdefghij\"}";
    assert!(answer.text.ends_with(resource), "{}", answer.text);
}

#[tokio::test]
async fn what_no_policy_can_be_asked_about_is_too_long() {
    let private = Private::start().await;
    private
        .set(Ways {
            api: everybody(),
            endpoint: None,
            domain: None,
        })
        .await;
    let ways = |length: usize| get(&format!("/prod/part?x={}", "y".repeat(length)));
    assert_eq!(
        private.ask(OWN, ways(3_000)).await.status,
        200,
        "a query is no part"
    );
    let mut config = (**private.rig.config.borrow()).clone();
    let api = Arc::make_mut(config.apis.values_mut().next().unwrap());
    for deployment in api.deployments.values_mut() {
        let content = &mut Arc::make_mut(deployment).content;
        if let Content::Rest(content) = content {
            let content = Arc::make_mut(content);
            let part = content.resources.get_mut("part").unwrap();
            Arc::make_mut(part).part = "{all+}".to_owned();
        }
    }
    config.revision.0 += 1;
    let revision = config.revision.0;
    private.rig.config.send_replace(Arc::new(config));
    eventually(|| private.rig.region.revision() == revision).await;
    let path = |length: usize| get(&format!("/prod/{}", "y".repeat(length)));
    assert_eq!(private.ask(OWN, path(1_500)).await.status, 200);
    assert_eq!(private.ask(OWN, path(1_600)).await.status, 414);
}
