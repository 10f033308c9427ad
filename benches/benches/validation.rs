//! Checking a body against a model: what every request to a method with a validator pays.
//!
//! Beside it the same by the library that the tests compare us with, which has no budget.

use std::{collections::BTreeMap, hint::black_box};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lang::{json::Document, json_schema::Schema};
use serde_json::{Value, json};

/// That of the gateway.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn order() -> Value {
    json!({
        "type": "object",
        "required": ["id", "customer", "lines"],
        "additionalProperties": false,
        "properties": {
            "id": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{6}$"},
            "placed": {"type": "string", "maxLength": 40},
            "customer": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "minLength": 1, "maxLength": 80},
                    "kind": {"enum": ["private", "business"]},
                },
            },
            "lines": {"type": "array", "minItems": 1, "maxItems": 100, "items": {
                "type": "object",
                "required": ["sku", "count"],
                "properties": {
                    "sku": {"type": "string"},
                    "count": {"type": "integer", "minimum": 1},
                    "price": {"type": "number", "minimum": 0, "exclusiveMinimum": true},
                },
            }},
        },
    })
}

fn body() -> Value {
    let line = json!({"sku": "A-1234567", "count": 2, "price": 19.95, "note": "as a gift"});
    json!({
        "id": "DE-004711",
        "placed": "2026-11-21T03:00:00Z",
        "customer": {"name": "An ordinary name", "kind": "private", "since": 2019},
        "lines": vec![line; 10],
    })
}

fn validation(criterion: &mut Criterion) {
    let (text, order) = (order().to_string(), order());
    let models = BTreeMap::from([("Order".to_owned(), text.as_str())]);
    let schema = Schema::compile("Order", &models).expect("the model is good");
    let other = jsonschema::draft4::options()
        .build(&order)
        .expect("the model is good");
    let right = body();
    let mut wrong = right.clone();
    wrong["lines"][7]["count"] = json!("two");
    let (bytes, wrong_bytes) = (right.to_string(), wrong.to_string());
    let read = |text| Document::read(text).expect("the body is JSON");
    let (right_body, wrong_body) = (read(bytes.as_str()), read(wrong_bytes.as_str()));
    assert!(schema.check(right_body.root()).is_ok() && other.is_valid(&right));
    assert!(schema.check(wrong_body.root()).is_err() && !other.is_valid(&wrong));

    let mut group = criterion.benchmark_group("validation");
    group.throughput(Throughput::Elements(1));
    group.bench_function("a right body", |bencher| {
        bencher.iter(|| schema.check(black_box(&right_body).root()));
    });
    group.bench_function("a right body, by jsonschema", |bencher| {
        bencher.iter(|| other.is_valid(black_box(&right)));
    });
    group.bench_function("a wrong body, with sentences", |bencher| {
        bencher.iter(|| schema.check(black_box(&wrong_body).root()));
    });
    group.bench_function("a wrong body, with sentences, by jsonschema", |bencher| {
        bencher.iter(|| {
            let errors = other.iter_errors(black_box(&wrong));
            errors.map(|error| error.to_string()).collect::<Vec<_>>()
        });
    });
    group.bench_function("a right body, read and checked", |bencher| {
        bencher.iter(|| schema.check(read(black_box(&bytes)).root()));
    });
    group.bench_function("a right body, read and checked, by jsonschema", |bencher| {
        let read = |text| serde_json::from_str::<Value>(text).unwrap_or_default();
        bencher.iter(|| other.is_valid(&read(black_box(&bytes))));
    });
    group.bench_function("compiling the model", |bencher| {
        bencher.iter(|| Schema::compile("Order", black_box(&models)));
    });
    group.finish();
}

criterion_group!(benches, validation);
criterion_main!(benches);
