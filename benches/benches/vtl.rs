//! Mapping templates: parsing one, and rendering it as each request does.

use std::{collections::BTreeMap, hint::black_box};

use criterion::{Criterion, criterion_group, criterion_main};
use lang::{
    json::Document,
    json_path::Path,
    vtl::{Inputs, Limits, Overrides, Parameters, Template},
};

/// That of the gateway.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BODY: &str = include_str!("../templates/body.json");
const TEMPLATES: [(&str, &str); 3] = [
    ("fields", include_str!("../templates/fields.vtl")),
    ("list", include_str!("../templates/list.vtl")),
    ("logic", include_str!("../templates/logic.vtl")),
];

fn templates(criterion: &mut Criterion) {
    let parameters = Parameters::default();
    let context = serde_json::json!({"requestId": "r-1", "identity": {"sourceIp": "192.0.2.1"}});
    let stage_variables = BTreeMap::from([("colour".to_owned(), "green".to_owned())]);
    let inputs = Inputs {
        body: BODY,
        notes: None,
        parameters: &parameters,
        context: &context,
        stage_variables: &stage_variables,
        limits: Limits::default(),
    };
    for (name, text) in TEMPLATES {
        criterion.bench_function(&format!("vtl parse {name}"), |bencher| {
            bencher.iter(|| Template::parse(black_box(text)));
        });
        let template = Template::parse(text).expect("the templates of the benches are right");
        criterion.bench_function(&format!("vtl render {name}"), |bencher| {
            bencher.iter(|| template.render(black_box(&inputs), &mut Overrides::default()));
        });
    }
}

fn paths(criterion: &mut Criterion) {
    criterion.bench_function("json document", |bencher| {
        bencher.iter(|| Document::read(black_box(BODY)));
    });
    let document = Document::read(BODY).expect("the body of the benches is JSON");
    for (name, text) in [("definite", "$.order.lines[3].sku"), ("scan", "$..sku")] {
        let path = Path::parse(text).expect("the paths of the benches are right");
        criterion.bench_function(&format!("json path {name}"), |bencher| {
            bencher.iter(|| path.find(black_box(document.root())));
        });
    }
}

criterion_group!(benches, templates, paths);
criterion_main!(benches);
