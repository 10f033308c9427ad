//! Terraform: the real program, the provider of this build, offline.

mod quickstart;
