//! The audit trail, what differs between revisions, and going back.

use std::sync::Arc;

use proptest::prelude::*;

use super::{API, Bench, api, certificate, domain, integration, route, stage};
use crate::{
    Api, ApiId, ApiMapping, ApiPatch, Change, Config, CreateHttpApi, Difference, Entry, Item,
    ItemKey, ItemKind, NotKept, Op, Origin, Pop, Rejection, Revision, codec, fixtures::key, limits,
};

impl Bench {
    fn config(&self) -> Arc<Config> {
        Arc::clone(self.machine.config())
    }

    fn revision(&self) -> Revision {
        self.machine.config().revision
    }

    fn rename(&mut self, name: &str) -> Revision {
        let patch = ApiPatch {
            name: Some(name.to_owned()),
            ..ApiPatch::default()
        };
        self.must(Op::UpdateApi(API.into(), Box::new(patch)))
            .revision
    }

    fn back(&mut self, to: Revision) -> Result<crate::Outcome, Rejection> {
        self.apply(Op::RollBackApi(API.into(), to))
    }
}

fn pop(number: usize) -> Op {
    Op::PutPop(Pop {
        name: format!("pop-{number}").into(),
        location: None,
    })
}

/// All but the number that a change of what is served gives.
fn content(api: &Api) -> Api {
    Api {
        served: Revision(0),
        ..api.clone()
    }
}

#[test]
fn every_accepted_change_is_in_the_audit_trail() {
    let mut bench = Bench::new().with_quick_api();
    let origin = Origin {
        operation: "UpdateApi".to_owned(),
        resource: format!("/apis/{API}"),
        peer: Some("192.0.2.1:5000".parse().unwrap()),
        request: "r-1".to_owned(),
        reason: Some("as asked".to_owned()).into(),
    };
    let change = Change {
        origin: origin.clone(),
        by: "AKIA1".to_owned(),
        ..bench.change(Op::UpdateApi(API.into(), Box::default()))
    };
    bench.machine.apply(change.clone()).unwrap();
    // Neither a change sent twice nor a refused one is an entry.
    bench.machine.apply(change.clone()).unwrap();
    bench.refused(Op::DeletePop("none".into()));
    bench.must(Op::CreateAccessKey(key("AKIA2")));
    let config = bench.config();
    let entries: Vec<&Entry> = config.history.entries().collect();
    let operations: Vec<&str> = entries
        .iter()
        .map(|entry| entry.origin.operation.as_str())
        .collect();
    // What a node does by itself is named after the change.
    let wanted = ["Bootstrap", "CreateHttpApi", "UpdateApi", "CreateAccessKey"];
    assert_eq!(operations, wanted);
    let wanted = Entry {
        revision: Revision(3),
        at_ms: change.at_ms,
        by: "AKIA1".to_owned(),
        origin,
        // The API is another object, though nothing to alter was given.
        touched: vec![ItemKey {
            kind: ItemKind::Api,
            id: API.to_owned(),
        }],
    };
    assert_eq!(*entries[2], wanted);
}

#[test]
fn differences_are_those_between_two_revisions() {
    let mut bench = Bench::new().with_quick_api();
    let made = bench.revision();
    let renamed = bench.rename("one");
    bench.must(pop(1));
    let both = bench.rename("two");
    bench.must(Op::DeletePop("pop-1".into()));
    bench.must(Op::DeleteApi(API.into()));
    let config = bench.config();
    let between = |from, to| config.differences(from, to).unwrap();
    let name = |item: &Option<Item>| match item {
        Some(Item::Api(api)) => Some(api.name.clone()),
        _ => None,
    };
    let [Difference { key, before, after }] = &between(made, renamed)[..] else {
        panic!("{:?}", between(made, renamed));
    };
    assert_eq!((key.kind, key.id.as_str()), (ItemKind::Api, API));
    assert_eq!(name(before).as_deref(), Some("pets"));
    assert_eq!(name(after).as_deref(), Some("one"));
    let kinds: Vec<ItemKind> = between(renamed, both)
        .iter()
        .map(|one| one.key.kind)
        .collect();
    assert_eq!(kinds, [ItemKind::Api, ItemKind::Pop]);
    // The POP has come and gone.
    let [gone] = &between(renamed, config.revision)[..] else {
        panic!("{:?}", between(renamed, config.revision));
    };
    assert_eq!(
        (name(&gone.before).as_deref(), &gone.after),
        (Some("one"), &None)
    );
    let [back] = &between(config.revision, renamed)[..] else {
        panic!("the other way round");
    };
    assert_eq!(
        (&back.before, name(&back.after).as_deref()),
        (&None, Some("one"))
    );
    assert!(between(both, both).is_empty());
    let asked = Revision(99);
    let gone = config.differences(made, asked).unwrap_err();
    let (oldest, newest) = (Revision(0), config.revision);
    assert_eq!(
        gone,
        NotKept {
            asked,
            oldest,
            newest
        }
    );
}

#[test]
fn secrets_have_no_history() {
    let mut bench = Bench::new();
    let from = bench.revision();
    let mut secret = key("AKIA2");
    "very-secret".clone_into(&mut secret.secret);
    bench.must(Op::CreateAccessKey(secret));
    let mut own = certificate("c1", &["example.test"]);
    own.key_der = b"very-secret".to_vec();
    bench.must(Op::PutCertificate(own));
    bench.must(Op::DeleteAccessKey("AKIA2".into()));
    bench.must(Op::DeleteCertificate("c1".into()));
    let config = bench.config();
    for to in from.0..=config.revision.0 {
        let found = config.differences(from, Revision(to)).unwrap();
        let bytes = codec::encode(codec::Kind::Other, &format!("{found:?}")).unwrap();
        let differences: Vec<_> = found
            .into_iter()
            .map(|one| (one.before, one.after))
            .collect();
        let stored = codec::encode(codec::Kind::Other, &differences).unwrap();
        for bytes in [bytes, stored] {
            assert!(!bytes.windows(11).any(|part| part == b"very-secret"));
        }
    }
    let stored = codec::encode(codec::Kind::Other, &config.history).unwrap();
    assert!(!stored.windows(11).any(|part| part == b"very-secret"));
}

#[test]
fn an_api_goes_back_to_what_it_was() {
    let mut bench = Bench::new().with_quick_api();
    bench.must(Op::CreateIntegration(API.into(), integration("i2")));
    bench.must(Op::CreateRoute(API.into(), route("r2", "GET /x")));
    let (then, at) = (bench.api().clone(), bench.revision());
    // More edits than automatic deployments are kept, so what served then is gone by now.
    for number in 0..limits::AUTO_DEPLOYMENTS_KEPT + 3 {
        let id = format!("n{number}");
        let path = format!("GET /{number}");
        bench.must(Op::CreateRoute(API.into(), route(&id, &path)));
    }
    let served = then.stages["$default"].deployment.clone().unwrap();
    assert!(!bench.api().deployments.contains_key(&served));
    let went = bench.back(at).unwrap();
    assert_eq!(content(bench.api()), content(&then));
    assert_eq!(
        bench.api().served,
        went.revision,
        "no cache answers as before"
    );
    // Going back is a change like any other: it can be gone back from.
    let before = Revision(went.revision.0 - 1);
    bench.back(before).unwrap();
    assert!(format!("{:?}", bench.api().kind).contains("n0"));
    // To what is there already: accepted, and nothing is served anew.
    let number = bench.api().served;
    bench.back(bench.revision()).unwrap();
    assert_eq!(bench.api().served, number);

    bench.must(Op::DeleteApi(API.into()));
    bench.back(at).unwrap();
    assert_eq!(content(bench.api()), content(&then));
}

#[test]
fn what_cannot_be_gone_back_to_is_refused() {
    let bench = Bench::new();
    let nothing = bench.revision();
    let mut bench = bench.with_quick_api_and_mapping();
    let rejection = bench.refused(Op::RollBackApi(API.into(), nothing));
    assert!(
        matches!(rejection, Rejection::NotFound { .. }),
        "{rejection}"
    );
    let rejection = bench.refused(Op::RollBackApi(API.into(), Revision(3)));
    assert!(
        rejection
            .to_string()
            .contains("stage late did not exist then"),
        "{rejection}"
    );
    let rejection = bench.refused(Op::RollBackApi(API.into(), Revision(99)));
    assert!(
        rejection.to_string().contains("not within what is kept"),
        "{rejection}"
    );
    let other = bench.refused(Op::RollBackApi("unknown".into(), Revision(3)));
    assert!(matches!(other, Rejection::NotFound { .. }), "{other}");
}

impl Bench {
    /// Stage `late` is made at revision 4 or after, and a domain leads to it.
    fn with_quick_api_and_mapping(self) -> Self {
        let mut bench = self.with_quick_api();
        bench.rename("before the stage");
        bench.must(Op::CreateStage(API.into(), stage("late", false)));
        bench.must(Op::PutCertificate(certificate("c1", &["a.example.test"])));
        bench.must(Op::CreateDomain(Box::new(domain("a.example.test"))));
        let mapping = ApiMapping {
            id: "m1".into(),
            api: API.into(),
            stage: "late".into(),
            key: String::new(),
        };
        bench.must(Op::CreateMapping("a.example.test".into(), mapping));
        bench
    }
}

#[test]
fn what_is_kept_is_bounded() {
    let mut bench = Bench::new();
    let more = limits::PAST_REVISIONS_KEPT + 70;
    for number in 0..more {
        bench.must(pop(number % 3));
    }
    let config = bench.config();
    let oldest = config.revision.0 - u64::try_from(limits::PAST_REVISIONS_KEPT).unwrap();
    assert_eq!(config.oldest_kept(), Revision(oldest));
    assert_eq!(
        config.history.entries().count(),
        more + 1,
        "the trail is longer"
    );
    assert!(config.history.past_bytes() > 0);
    let first = config.differences(Revision(oldest), config.revision);
    assert!(first.is_ok());
    let gone = config.differences(Revision(oldest - 1), config.revision);
    assert!(gone.is_err());
}

#[test]
fn large_apis_shorten_the_past_instead_of_growing_it() {
    let mut bench = Bench::new();
    let mut large = api();
    large.description = Some("x".repeat(1 << 20));
    let new = CreateHttpApi {
        api: large,
        quick: None,
    };
    bench.must(Op::CreateHttpApi(Box::new(new)));
    for number in 0..40 {
        bench.rename(&format!("n{number}"));
    }
    let config = bench.config();
    assert!(config.history.past_bytes() <= limits::PAST_BYTES_MAX);
    let kept = config.revision.0 - config.oldest_kept().0;
    assert_eq!(kept, 31, "a megabyte and a little each");
    let oldest = config
        .api_at(&API.into(), config.oldest_kept())
        .unwrap()
        .unwrap();
    assert_eq!(oldest.name, "n8");
}

#[derive(Clone, Debug)]
enum Step {
    Route(u8),
    Drop(u8),
    Deploy,
    Describe(u8),
    Delete,
    Create,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u8..6).prop_map(Step::Route),
        2 => (0_u8..6).prop_map(Step::Drop),
        1 => Just(Step::Deploy),
        1 => any::<u8>().prop_map(Step::Describe),
        1 => Just(Step::Delete),
        2 => Just(Step::Create),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Every revision can be shown as it was, however the API was altered, deleted and made again;
    /// and what is shown survives the codec.
    #[test]
    fn every_revision_is_known_as_it_was(steps in prop::collection::vec(step(), 1..40)) {
        let mut bench = Bench::new();
        let id = ApiId::from(API);
        let mut seen: Vec<(Revision, Option<Arc<Api>>)> = Vec::new();
        for step in steps {
            if matches!(step, Step::Create) && !bench.config().apis.contains_key(&id) {
                bench = bench.with_quick_api();
            }
            let op = match step {
                Step::Route(n) => {
                    Op::CreateRoute(id.clone(), route(&format!("r{n}x"), &format!("GET /{n}")))
                }
                Step::Drop(n) => Op::DeleteRoute(id.clone(), format!("r{n}x").into()),
                Step::Deploy | Step::Create => {
                    let id = format!("d{}", bench.next);
                    Op::CreateDeployment {
                        api: API.into(),
                        id: id.into(),
                        description: None,
                        stage: None,
                    }
                }
                Step::Describe(n) => {
                    let api = bench.config().apis.get(&id).cloned();
                    let first = api.and_then(|api| api.deployments.keys().next().cloned());
                    let Some(first) = first else { continue };
                    Op::UpdateDeployment(id.clone(), first, Some(n.to_string()))
                }
                Step::Delete => Op::DeleteApi(id.clone()),
            };
            let _refused_ones_change_nothing = bench.apply(op);
            let config = bench.config();
            seen.push((config.revision, config.apis.get(&id).cloned()));
        }
        let bytes = codec::encode(codec::Kind::Machine, &bench.machine).unwrap();
        let read: crate::Machine = codec::decode(codec::Kind::Machine, &bytes).unwrap();
        prop_assert_eq!(&read, &bench.machine);
        for (revision, api) in seen {
            prop_assert_eq!(read.config().api_at(&id, revision).unwrap(), api);
        }
    }
}
