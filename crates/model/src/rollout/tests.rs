//! How rollouts go on, what nodes see meanwhile, and that an end leaves ground state and service
//! in agreement.

use std::sync::Arc;

use proptest::prelude::*;

use super::{
    Evidence, Rollout, RolloutEnd, RolloutMode, RolloutPolicy, RolloutStage, Tally, Verdict,
};
use crate::fixtures::{bootstrap, node};
use crate::{
    Api, ApiId, ApiKind, Change, ChangeId, Config, CreateHttpApi, EndpointType, HttpApi,
    IpAddressType, Machine, NodeId, NodeRole, Op, Pop, PopName, Rejection, Revision, Stage,
    StagePatch,
};

const API: &str = "a1b2c3d4e5";

struct Bench {
    machine: Machine,
    next: u128,
}

impl Bench {
    /// One region, two POPs with a node each, one API with a stage.
    fn new() -> Self {
        let mut bench = Self {
            machine: Machine::default(),
            next: 0,
        };
        bench.must(bootstrap());
        let api = Api {
            id: API.into(),
            name: "api".into(),
            description: None,
            version: None,
            home: "us-east-1".into(),
            endpoint: EndpointType::Edge,
            created_ms: 1,
            served: Revision(0),
            disable_execute_api_endpoint: false,
            ip_address_type: IpAddressType::Ipv4,
            tags: [].into(),
            kind: ApiKind::Http(HttpApi::default()),
            stages: [].into(),
            deployments: [].into(),
        };
        bench.must(Op::CreateHttpApi(Box::new(CreateHttpApi {
            api,
            quick: None,
        })));
        bench.must(Op::CreateStage(API.into(), stage("prod")));
        bench
    }

    fn with_pops(mut self) -> Self {
        for name in ["pop-1", "pop-2"] {
            self.must(Op::PutPop(Pop {
                name: name.into(),
                location: None,
            }));
        }
        let mut config = Config::clone(self.machine.config());
        for (number, name) in [(2, "pop-1"), (3, "pop-2")] {
            let pop = node(number, NodeRole::Pop(name.into()));
            config.nodes.insert(NodeId(number), Arc::new(pop));
        }
        self.machine = Machine::of(config);
        self
    }

    fn apply(&mut self, op: Op) -> Result<Revision, Rejection> {
        self.next += 1;
        let change = Change {
            id: ChangeId(self.next),
            at_ms: 1_000,
            by: "test".into(),
            origin: crate::Origin::default(),
            spare_deployment: format!("auto{}", self.next).into(),
            op,
        };
        self.machine.apply(change).map(|outcome| outcome.revision)
    }

    fn must(&mut self, op: Op) -> Revision {
        self.apply(op).unwrap()
    }

    fn config(&self) -> &Config {
        self.machine.config()
    }

    fn rollout(&self) -> &Rollout {
        &self.config().rollouts[API]
    }

    fn staged(&mut self, value: &str) -> Revision {
        self.must(Op::InMode(RolloutMode::Staged, Box::new(set(value))))
    }

    fn end(&mut self, end: RolloutEnd) -> Result<Revision, Rejection> {
        let id = self.rollout().id;
        let api = API.into();
        self.apply(Op::EndRollout { api, id, end })
    }
}

fn stage(name: &str) -> Stage {
    Stage {
        name: name.into(),
        description: None,
        deployment: None,
        auto_deploy: false,
        variables: [].into(),
        tags: [].into(),
        created_ms: 0,
        updated_ms: 0,
        managed: false,
        last_deployment_status: None,
        rest: None,
        v2: None,
    }
}

/// Alters what the stage serves.
fn set(value: &str) -> Op {
    let variables = [("v".to_owned(), value.to_owned())].into();
    let patch = StagePatch {
        variables: Some(variables),
        ..StagePatch::default()
    };
    Op::UpdateStage(API.into(), "prod".into(), patch)
}

fn value(config: &Config) -> Option<&str> {
    let api = &config.apis[API];
    api.stages["prod"].variables.get("v").map(String::as_str)
}

#[test]
fn a_staged_change_is_seen_by_its_pop_alone_until_it_is_released() {
    let mut bench = Bench::new().with_pops();
    bench.must(set("old"));
    assert!(bench.config().rollouts.is_empty(), "the default is now");
    let id = bench.staged("new");
    let config = bench.config();
    assert_eq!(
        value(config),
        Some("new"),
        "who writes reads what was written"
    );
    assert_eq!(value(&config.released()), Some("old"));
    assert_eq!(value(&config.seen_by_pop(&"pop-1".into())), Some("new"));
    assert_eq!(value(&config.seen_by_pop(&"pop-2".into())), Some("old"));
    assert_eq!(config.trial_pops(), [PopName::from("pop-1")]);
    let rollout = bench.rollout();
    assert!(rollout.covers(Some("pop-1"), "eu-west-1"));
    assert!(!rollout.covers(Some("pop-2"), "us-east-1") && !rollout.covers(None, "us-east-1"));

    bench.must(Op::AdvanceRollout(API.into(), id));
    let rollout = bench.rollout();
    assert!(rollout.covers(Some("pop-2"), "us-east-1") && rollout.covers(None, "us-east-1"));
    assert!(rollout.covers(Some("pop-1"), "eu-west-1") && !rollout.covers(None, "eu-west-1"));

    bench.end(RolloutEnd::Released).unwrap();
    assert_eq!(value(&bench.config().released()), Some("new"));
}

#[test]
fn a_roll_back_restores_the_api_under_a_new_number() {
    let mut bench = Bench::new().with_pops();
    bench.must(set("old"));
    bench.staged("new");
    bench.staged("newer");
    let back = bench.end(RolloutEnd::RolledBack("5xx".into())).unwrap();
    let config = bench.config();
    assert_eq!(value(config), Some("old"), "all of it is taken back");
    assert_eq!(
        config.apis[API].served, back,
        "no cache keeps the new one's answers"
    );
    assert_eq!(config.released().apis, config.apis);
    assert_eq!(config.rollout_records[0].end.as_str(), "rolled_back");
}

#[test]
fn a_decision_about_an_older_rollout_is_refused_and_now_overtakes() {
    let mut bench = Bench::new().with_pops();
    let first = bench.staged("one");
    bench.staged("two");
    let late = bench.apply(Op::AdvanceRollout(API.into(), first));
    assert!(matches!(late, Err(Rejection::Conflict { .. })), "{late:?}");
    bench.must(Op::InMode(RolloutMode::Now, Box::new(set("three"))));
    assert!(bench.config().rollouts.is_empty());
    assert_eq!(bench.config().rollout_records[0].end, RolloutEnd::Overtaken);
    bench.staged("four");
    bench.must(Op::DeleteApi(API.into()));
    assert_eq!(bench.config().rollout_records[1].end, RolloutEnd::Deleted);
}

#[test]
fn without_a_pop_a_rollout_begins_in_the_home_region() {
    let mut bench = Bench::new();
    bench.must(Op::SetRolloutPolicy(Box::new(RolloutPolicy {
        staged: true,
        ..RolloutPolicy::default()
    })));
    bench.must(set("new"));
    assert_eq!(bench.rollout().stage, RolloutStage::Region);
    assert!(bench.rollout().covers(None, "us-east-1"));
}

fn tally(requests: u64, errors: u64, ms: u64) -> Tally {
    let mut tally = Tally::default();
    for at in 0..requests {
        tally.count(at < errors, ms);
    }
    tally
}

#[test]
fn gates_compare_the_versions() {
    let mut bench = Bench::new().with_pops();
    bench.staged("new");
    let check = |new: Tally, old: Tally, soaked_ms: u64, expected: &str| {
        let evidence = Evidence {
            soaked_ms,
            new,
            old,
            refused: None,
        };
        let verdict = bench.rollout().judge(&RolloutPolicy::default(), &evidence);
        let text = format!("{verdict:?}");
        assert!(text.contains(expected), "{text}");
    };
    let none = Tally::default;
    check(none(), none(), 0, "Wait");
    check(none(), none(), 60_000, "Advance");
    check(tally(19, 19, 1), none(), 0, "Wait");
    check(tally(20, 20, 1), none(), 0, "5xx: 20 of 20");
    check(tally(100, 51, 1), tally(100, 50, 1), 60_000, "Advance");
    check(tally(100, 53, 1), tally(100, 50, 1), 60_000, "RollBack");
    check(tally(50, 0, 900), tally(50, 0, 10), 0, "p99: 1024 ms");
    check(tally(50, 0, 900), none(), 60_000, "Advance");
    let refused = Evidence {
        refused: Some("node 2".into()),
        ..Evidence::default()
    };
    let verdict = bench.rollout().judge(&RolloutPolicy::default(), &refused);
    assert_eq!(verdict, Verdict::RollBack("refused: node 2".into()));
}

proptest! {
    /// Whatever is done in whatever order: without a rollout everyone sees the ground state, with
    /// one the released state is the one from before it began, and taking back brings it back.
    #[test]
    fn released_only_changes_when_it_may(
        steps in prop::collection::vec((0_u8..6, 0_u8..4), 1..40),
    ) {
        let mut bench = Bench::new().with_pops();
        let mut released = value(bench.config()).map(str::to_owned);
        for (step, number) in steps {
            let text = number.to_string();
            let was = bench.config().rollouts.contains_key(&ApiId::from(API));
            let newest = value(bench.config()).map(str::to_owned);
            match step {
                0 => {
                    bench.must(Op::InMode(RolloutMode::Now, Box::new(set(&text))));
                    // A change that alters nothing ends nothing.
                    if newest.as_deref() != Some(&text) || !was {
                        released = Some(text);
                    }
                }
                1 | 2 => { bench.staged(&text); }
                3 if was => { bench.end(RolloutEnd::Released).unwrap(); released = newest; }
                4 if was => { bench.end(RolloutEnd::Aborted).unwrap(); }
                5 if was => {
                    let id = bench.rollout().id;
                    drop(bench.apply(Op::AdvanceRollout(API.into(), id)));
                }
                _ => {}
            }
            let config = bench.config();
            let seen = config.released();
            prop_assert_eq!(value(&seen), released.as_deref());
            if config.rollouts.is_empty() {
                prop_assert_eq!(value(config), released.as_deref());
            }
        }
    }
}
