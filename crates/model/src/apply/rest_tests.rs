//! Rules of REST APIs: conditional pieces, the tree, references, deployments, usage plans.

use std::collections::BTreeMap;

use crate::{
    Api, ApiKind, Change, ChangeId, Content, EndpointType, IpAddressType, Machine, Op, Rejection,
    Revision, Stage,
    fixtures::bootstrap,
    rest::{
        ApiKey, AuthorizationType, Deploy, DeployStage, Extra, IntegrationSettings,
        IntegrationType, MethodSettings, Passthrough, PlanStage, ResponseTransfer, RestApi,
        RestChange, RestKey, RestPart, Seen, SharedChange, SharedKey, SharedPart, UsagePlan, Verb,
    },
};

const API: &str = "a1";

struct Bench {
    machine: Machine,
    next: u128,
}

impl Bench {
    fn new() -> Self {
        let mut bench = Self {
            machine: Machine::default(),
            next: 0,
        };
        bench.must(bootstrap());
        bench.must(Op::CreateRestApi(Box::new(Api {
            id: API.into(),
            name: "test".to_owned(),
            description: None,
            version: None,
            home: "us-east-1".into(),
            endpoint: EndpointType::Edge,
            created_ms: 1,
            served: Revision(0),
            disable_execute_api_endpoint: false,
            ip_address_type: IpAddressType::Ipv4,
            tags: BTreeMap::new(),
            kind: ApiKind::Rest(RestApi::empty("root".into())),
            stages: BTreeMap::new(),
            deployments: BTreeMap::new(),
        })));
        bench
    }

    fn apply(&mut self, op: Op) -> Result<(), Rejection> {
        self.next += 1;
        let change = Change {
            id: ChangeId(self.next),
            at_ms: 10,
            by: "test".to_owned(),
            origin: crate::Origin::default(),
            spare_deployment: "spare".into(),
            op,
        };
        self.machine.apply(change).map(|_| ())
    }

    fn must(&mut self, op: Op) {
        self.apply(op).expect("the change is fine");
    }

    fn api(&self) -> &Api {
        &self.machine.config().apis[API]
    }

    fn put(&mut self, key: RestKey, seen: Seen, put: Option<RestPart>) -> Result<(), Rejection> {
        let change = RestChange { key, seen, put };
        self.apply(Op::Rest(API.into(), Box::new(change)))
    }

    fn resource(&mut self, id: &str, parent: &str, part: &str) -> Result<(), Rejection> {
        let part = RestPart::Resource(Some(parent.into()), part.to_owned());
        self.put(RestKey::Resource(id.into()), Seen::Nothing, Some(part))
    }

    /// A method on the root with a mock behind it.
    fn method(&mut self) {
        let key = RestKey::Method("root".into(), Verb::Get);
        self.put(key, Seen::Nothing, Some(RestPart::Method(open().into())))
            .unwrap();
        let key = RestKey::Integration("root".into(), Verb::Get);
        let part = RestPart::Integration(mock().into());
        self.put(key, Seen::Anything, Some(part)).unwrap();
    }

    fn deploy(&mut self, id: &str, stage: Option<&str>) -> Result<(), Rejection> {
        let stage = stage.map(|name| DeployStage {
            name: name.into(),
            description: None,
            variables: None,
            cache_cluster: None,
            cache_size: None,
            tracing: None,
            canary: None,
        });
        let deploy = Deploy {
            id: id.into(),
            description: None,
            stage,
        };
        self.apply(Op::DeployRest(API.into(), Box::new(deploy)))
    }

    fn shared(&mut self, key: SharedKey, put: Option<SharedPart>) -> Result<(), Rejection> {
        let seen = if put.is_some() {
            Seen::Nothing
        } else {
            Seen::Anything
        };
        let change = SharedChange { key, seen, put };
        self.apply(Op::Shared(Box::new(change)))
    }
}

fn open() -> MethodSettings {
    MethodSettings {
        authorization: AuthorizationType::None,
        authorizer: None,
        scopes: Vec::new(),
        api_key_required: false,
        operation_name: None,
        validator: None,
        request_parameters: BTreeMap::new(),
        request_models: BTreeMap::new(),
    }
}

fn mock() -> IntegrationSettings {
    IntegrationSettings {
        kind: IntegrationType::Mock,
        http_method: None,
        uri: None,
        connection_type: None,
        connection_id: None,
        target: None,
        credentials: None,
        request_parameters: BTreeMap::new(),
        request_templates: BTreeMap::new(),
        passthrough: Passthrough::WhenNoMatch,
        content_handling: None,
        timeout_ms: 29_000,
        cache_namespace: "root".to_owned(),
        cache_key_parameters: Vec::new(),
        insecure_skip_verification: None,
        response_transfer: ResponseTransfer::Buffered,
    }
}

fn refused(result: Result<(), Rejection>, text: &str) {
    let message = match result.expect_err("the change is refused") {
        Rejection::Conflict { reason, .. } | Rejection::Invalid { reason, .. } => reason,
        other => other.to_string(),
    };
    assert!(message.contains(text), "{message:?} lacks {text:?}");
}

#[test]
fn of_two_writers_who_saw_the_same_the_second_is_refused() {
    let mut bench = Bench::new();
    bench.method();
    let key = RestKey::Method("root".into(), Verb::Get);
    let seen = Seen::of(bench.api().part(&key).as_ref());
    for (name, fine) in [("one", true), ("two", false)] {
        let mut settings = open();
        settings.operation_name = Some(name.to_owned());
        let part = Some(RestPart::Method(settings.into()));
        let result = bench.put(key.clone(), seen, part);
        assert_eq!(result.is_ok(), fine);
        if !fine {
            refused(result, "concurrent modification");
        }
    }
    // A neighbouring piece is none of their business.
    let key = RestKey::Integration("root".into(), Verb::Get);
    let seen = Seen::of(bench.api().part(&key).as_ref());
    let part = Some(RestPart::Integration(mock().into()));
    bench.put(key, seen, part).unwrap();
    let key = RestKey::Method("root".into(), Verb::Get);
    let again = Some(RestPart::Method(open().into()));
    refused(
        bench.put(key, Seen::Nothing, again),
        "Method already exists",
    );
}

#[test]
fn the_tree_of_resources_stays_a_tree() {
    let mut bench = Bench::new();
    bench.resource("pets", "root", "pets").unwrap();
    bench.resource("id", "pets", "{id}").unwrap();
    refused(
        bench.resource("x", "root", "pets"),
        "same parent already has this name: pets",
    );
    refused(
        bench.resource("x", "pets", "{other}"),
        "A sibling ({id}) of this resource",
    );
    refused(
        bench.resource("x", "none", "x"),
        "Invalid Resource identifier",
    );
    bench.resource("rest", "root", "{proxy+}").unwrap();
    refused(
        bench.resource("x", "rest", "x"),
        "greedy path variable: {proxy+}",
    );
    let key = RestKey::Resource("pets".into());
    let below = RestPart::Resource(Some("id".into()), "pets".to_owned());
    refused(
        bench.put(key.clone(), Seen::Anything, Some(below)),
        "cyclical",
    );
    bench.put(key, Seen::Anything, None).unwrap();
    let root = RestKey::Resource("root".into());
    refused(bench.put(root, Seen::Anything, None), "Root resource");
    let ApiKind::Rest(rest) = &bench.api().kind else {
        panic!("not a REST API");
    };
    assert_eq!(
        rest.content.resources.len(),
        2,
        "children go with their parent"
    );
    assert_eq!(rest.content.path(&"rest".into()), "/{proxy+}");
}

#[test]
fn a_deployment_freezes_what_is_complete_and_stays_while_served() {
    let mut bench = Bench::new();
    refused(bench.deploy("d1", None), "doesn't contain any methods");
    let key = RestKey::Method("root".into(), Verb::Get);
    bench
        .put(
            key.clone(),
            Seen::Nothing,
            Some(RestPart::Method(open().into())),
        )
        .unwrap();
    refused(bench.deploy("d1", None), "No integration defined");
    bench.put(key, Seen::Anything, None).unwrap();
    bench.method();
    bench.deploy("d1", Some("prod")).unwrap();
    let served = bench.api().served;
    bench.resource("pets", "root", "pets").unwrap();
    assert_eq!(bench.api().served, served, "an edit is not served");
    let Content::Rest(frozen) = &bench.api().deployments["d1"].content else {
        panic!("not of a REST API");
    };
    assert_eq!(frozen.resources.len(), 1);
    let delete = Op::DeleteDeployment(API.into(), "d1".into());
    refused(bench.apply(delete.clone()), "Active stages pointing");
    bench.deploy("d2", Some("prod")).unwrap();
    assert!(bench.api().served > served);
    bench.must(delete);
    let stage = RestPart::Stage(Stage::of_rest("prod".into()).into());
    let key = RestKey::Stage("prod".into());
    refused(
        bench.put(key, Seen::Nothing, Some(stage)),
        "Stage already exists",
    );
}

#[test]
fn a_key_and_a_stage_have_one_plan() {
    let mut bench = Bench::new();
    bench.method();
    bench.deploy("d1", Some("prod")).unwrap();
    let key = ApiKey {
        id: "k1".into(),
        value: "v".repeat(20),
        name: None,
        customer_id: None,
        description: None,
        enabled: true,
        created_ms: 1,
        updated_ms: 1,
        stage_keys: Vec::new(),
        tags: BTreeMap::new(),
    };
    bench
        .shared(
            SharedKey::ApiKey("k1".into()),
            Some(SharedPart::ApiKey(key.clone().into())),
        )
        .unwrap();
    let twin = ApiKey {
        id: "k2".into(),
        ..key
    };
    let twin = Some(SharedPart::ApiKey(twin.into()));
    refused(
        bench.shared(SharedKey::ApiKey("k2".into()), twin),
        "API Key already exists",
    );
    for id in ["p1", "p2"] {
        let plan = UsagePlan {
            id: id.into(),
            name: id.to_owned(),
            description: None,
            stages: vec![PlanStage {
                api: API.into(),
                stage: "prod".into(),
                throttle: BTreeMap::new(),
            }],
            throttle: None,
            quota: None,
            product_code: None,
            tags: BTreeMap::new(),
            keys: [].into(),
            extras: BTreeMap::new(),
        };
        let part = Some(SharedPart::UsagePlan(plan.into()));
        bench.shared(SharedKey::UsagePlan(id.into()), part).unwrap();
    }
    let link = |plan: &str| SharedKey::UsagePlanKey(plan.into(), "k1".into());
    let part = Some(SharedPart::UsagePlanKey);
    extra_is_for_keys_of_the_plan(&mut bench, || (link("p1"), part.clone()));
    refused(
        bench.shared(link("p2"), part),
        "multiple Usage Plans with the same API stage",
    );
    refused(bench.apply(Op::DeleteApi(API.into())), "usage plan p1");
    let gone = bench.shared(SharedKey::UsagePlan("p1".into()), None);
    refused(gone, "API Stages are still associated");
    bench.shared(SharedKey::ApiKey("k1".into()), None).unwrap();
    assert!(bench.machine.config().usage_plans["p1"].keys.is_empty());
    assert!(bench.machine.config().usage_plans["p1"].extras.is_empty());
}

fn extra_is_for_keys_of_the_plan(
    bench: &mut Bench,
    link: impl Fn() -> (SharedKey, Option<SharedPart>),
) {
    let extra = || SharedKey::UsageExtra("p1".into(), "k1".into());
    let more = Some(SharedPart::UsageExtra(Extra {
        start_day: 20_000,
        requests: 5,
    }));
    refused(bench.shared(extra(), more.clone()), "Invalid API Key");
    let (key, part) = link();
    bench.shared(key, part).unwrap();
    bench.shared(extra(), more).unwrap();
    assert_eq!(bench.machine.config().usage_plans["p1"].extras.len(), 1);
}
