//! Golden files of REST APIs, asked of a region in this process; `cluster::golden` asks the same
//! through a POP.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::Response;
use model::{
    Api, ApiKind, Authority, Cluster, Config, Content, Deployment, EndpointType, IpAddressType,
    PrivateEndpoint, PrivateEndpointId, Region, Revision, Stage,
    rest::{
        ApiKey, MethodSetting, Millionths, Period, PlanStage, Quota, RestApi, StageSettings,
        Throttle, UsagePlan,
    },
};
use region::{AwsCredentials, AwsEndpoint, AwsSettings};
use serve::{Body, Conn, Drain, Handler};
use steer::limits::Standing;
use tests::golden::{Case, Echo, EndpointIds, Golden, Key, unproven};
use tokio::sync::watch;

const HOST: &str = "a1.execute-api.us-east-1.edgeway.test";
const ACCOUNT: &str = "123456789012";

fn config(golden: &Golden, echo: &Echo) -> Config {
    let document = golden.document().to_string();
    let content = admin::rest_content(document.as_bytes(), ACCOUNT, "us-east-1");
    let content = content.unwrap_or_else(|error| panic!("{}: {error}", golden.name));
    let deployment = Deployment::of("d".into(), Content::Rest(Arc::new(content)), 0);
    let stage = Stage {
        name: "prod".into(),
        description: None,
        deployment: Some(deployment.id.clone()),
        auto_deploy: false,
        variables: golden.variables(echo),
        tags: golden.tags.clone(),
        created_ms: 0,
        updated_ms: 0,
        managed: false,
        last_deployment_status: None,
        rest: Some(Box::new(stage_settings(golden))),
        v2: None,
    };
    let api = Api {
        id: "a1".into(),
        name: golden.name.clone(),
        description: None,
        version: None,
        home: "us-east-1".into(),
        endpoint: if golden.private {
            EndpointType::Private
        } else {
            EndpointType::Edge
        },
        created_ms: 0,
        served: Revision(1),
        disable_execute_api_endpoint: false,
        ip_address_type: IpAddressType::Ipv4,
        tags: [].into(),
        kind: ApiKind::Rest(rest_api(golden)),
        stages: [(stage.name.clone(), stage)].into(),
        deployments: [(deployment.id.clone(), Arc::new(deployment))].into(),
    };
    let cluster = Cluster {
        name: "test".to_owned(),
        base_domain: "edgeway.test".to_owned(),
        account_id: ACCOUNT.to_owned(),
        authority: Authority {
            certificate_der: Vec::new(),
            key_der: Vec::new(),
        },
        created_ms: 0,
        format: model::codec::Level::OLDEST,
    };
    let region = Region {
        name: "us-east-1".into(),
        location: None,
    };
    let (api_keys, usage_plans) = keys(golden);
    Config {
        private_endpoints: private_endpoints(),
        api_keys: api_keys.into_iter().collect(),
        usage_plans,
        revision: Revision(1),
        cluster: Some(Arc::new(cluster)),
        regions: [(region.name.clone(), Arc::new(region))].into(),
        apis: [(api.id.clone(), Arc::new(api))].into(),
        ..Config::default()
    }
}

fn rest_api(golden: &Golden) -> RestApi {
    let mut rest = RestApi::empty("root".into());
    if golden.private {
        rest.vpc_endpoints = vec![EndpointIds::default().own];
    }
    rest
}

fn private_endpoints() -> BTreeMap<PrivateEndpointId, Arc<PrivateEndpoint>> {
    let ids = EndpointIds::default();
    let network = Some(EndpointIds::NETWORK.to_owned());
    let both = [(ids.own, network), (ids.other, None)];
    let endpoint = |(id, vpc): (String, Option<String>)| {
        let endpoint = PrivateEndpoint {
            id: id.as_str().into(),
            region: "us-east-1".into(),
            addresses: Vec::new(),
            vpc,
            policy: None,
            created_ms: 0,
        };
        (endpoint.id.clone(), Arc::new(endpoint))
    };
    both.map(endpoint).into()
}

fn stage_settings(golden: &Golden) -> StageSettings {
    let settings = golden.settings.iter().map(|(place, settings)| {
        let mut setting = MethodSetting {
            caching: settings.caching,
            cache_control_authorized: false,
            ..MethodSetting::default()
        };
        if let Some((rate, burst)) = settings.limit {
            setting.rate_limit = Millionths::of(rate).unwrap();
            setting.burst_limit = burst;
        }
        (place.clone(), setting)
    });
    StageSettings {
        cache_cluster: golden.cache,
        cache_size: golden.cache.then(|| "0.5".to_owned()),
        method_settings: settings.collect(),
        ..StageSettings::default()
    }
}

type Keys = Vec<(model::ApiKeyId, Arc<ApiKey>)>;
type Plans = BTreeMap<model::UsagePlanId, Arc<UsagePlan>>;

fn keys(golden: &Golden) -> (Keys, Plans) {
    let (mut keys, mut plans) = (Keys::new(), Plans::new());
    for (at, (value, key)) in golden.keys.iter().enumerate() {
        let id = model::ApiKeyId::from(format!("key{at:07}").as_str());
        let made = ApiKey {
            id: id.clone(),
            value: value.clone(),
            name: None,
            customer_id: None,
            description: None,
            enabled: key.enabled,
            created_ms: 0,
            updated_ms: 0,
            stage_keys: Vec::new(),
            tags: BTreeMap::new(),
        };
        keys.push((id.clone(), Arc::new(made)));
        if key.planned {
            let plan = plan(&format!("plan{at:02}"), id, *key);
            plans.insert(plan.id.clone(), Arc::new(plan));
        }
    }
    (keys, plans)
}

fn plan(id: &str, key: model::ApiKeyId, settings: Key) -> UsagePlan {
    UsagePlan {
        id: id.into(),
        name: id.to_owned(),
        description: None,
        stages: vec![PlanStage {
            api: "a1".into(),
            stage: "prod".into(),
            throttle: BTreeMap::new(),
        }],
        throttle: settings.limit.map(|(rate, burst)| Throttle {
            burst: Some(burst),
            rate: Millionths::of(rate),
        }),
        quota: settings.quota.map(|limit| Quota {
            limit,
            offset: 0,
            period: Period::Month,
        }),
        product_code: None,
        tags: BTreeMap::new(),
        keys: [key].into(),
        extras: BTreeMap::new(),
    }
}

/// The [`Echo`] is every function and every service of AWS too.
fn aws(echo: &Echo) -> AwsSettings {
    AwsSettings {
        endpoint: AwsEndpoint::parse(&format!("http://{}", echo.addr)).ok(),
        default: Some(AwsCredentials {
            access_key_id: "AKIDNODE".to_owned(),
            secret_access_key: "secret".to_owned(),
            session_token: None,
        }),
        ..AwsSettings::default()
    }
}

async fn ask(handler: &dyn Handler, case: &Case) -> Response<Bytes> {
    let request = case.request(HOST, "prod").unwrap().map(Body::full);
    let address: SocketAddr = "192.0.2.7:5000".parse().unwrap();
    let conn = Conn::plain(address, address, Arc::from("regional"), Instant::now());
    let ids = EndpointIds::default();
    let conn = Conn {
        endpoint: case.listener.map(|endpoint| ids.of(endpoint).into()),
        ..conn
    };
    let (parts, body) = handler.handle(request, Arc::new(conn)).await.into_parts();
    let body = body.into_bytes(1 << 24).await.unwrap();
    Response::from_parts(parts, body)
}

#[tokio::test]
async fn golden_files_in_one_process() {
    let echo = Echo::start().await.unwrap();
    let mut failures = Vec::new();
    let mut cases = 0;
    for golden in Golden::all().unwrap() {
        let settings = region::RegionSettings::new("us-east-1", 1);
        settings.upstreams.aws.store(Arc::new(aws(&echo)));
        let (_config, configs) = watch::channel(Arc::new(config(&golden, &echo)));
        let registry = prometheus::Registry::new();
        let drain = Drain::new(Duration::from_secs(5));
        let region = region::Region::new(settings, configs, &registry, drain.clone()).unwrap();
        region.ready().await;
        // The only node there is, and not since just now.
        region.limits().with(|node, _| {
            node.set_nodes(1);
            node.set_standing(0, Standing::Home { reign: 1 });
        });
        let handler = region.factory().make(0);
        for case in &golden.cases {
            echo.expect(&case.backend);
            let answer = ask(&*handler, case).await;
            cases += 1;
            if let Err(error) = case.check(&answer, echo.seen()) {
                let (file, request) = (&golden.name, &case.request);
                failures.push(format!("{file}: {} ({request}): {error:#}", case.shows));
            }
        }
        drain.begin();
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(cases > 0);
}

#[test]
fn every_row_has_a_case() {
    let (findings, rows) = unproven(&Golden::all().unwrap()).unwrap();
    assert!(findings.is_empty(), "{}", findings.join("\n"));
    assert!(rows > 300, "{rows} rows");
}
