//! `terraform-provider-edgeway`: Terraform's plugin for Edgeway clusters and the APIs on them.
//!
//! Only wires: the plugin protocol lives beside it. It holds no state of its own between runs.

fn main() {}
