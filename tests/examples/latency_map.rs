//! Simulates the latency map beside coordinates alone and prints the table of
//! `docs/latency-map.md`: `cargo run -p tests --example latency_map -- [SEED] [SVG-FILE]`.
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use tests::latency::{Capped, Method, Options, Outcome, Seen, World, capped, plot, run, table};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let seed = arguments.next().map_or(Ok(1), |seed| seed.parse())?;
    let world = World::new(Options {
        seed,
        prefixes: 5_000,
        epochs: 240,
        connections: 10_000,
    });
    let methods = [Method::Coordinates, Method::Map];
    let runs = methods
        .into_iter()
        .flat_map(|method| [Seen::Subnet, Seen::Resolver].map(|seen| (method, seen)));
    let outcomes: Vec<Outcome> = runs
        .map(|(method, seen)| run(&world, method, seen))
        .collect();
    println!("seed {seed}\n\n{}", table(&outcomes));
    println!();
    for percent in [75, 50, 25] {
        let Capped {
            pop,
            traffic: [had, has],
            load,
            share,
            settled_after,
            regret_ms: [before, after],
            moved_ms,
        } = capped(&world, percent);
        println!(
            "| {percent} % of {pop} | {had} -> {has} | {load} | {share} | {settled_after} \
             | {before:.1} ms | {after:.1} ms | {moved_ms:.1} ms |"
        );
    }
    if let Some(file) = arguments.next() {
        std::fs::write(file, plot(&outcomes))?;
    }
    Ok(())
}
