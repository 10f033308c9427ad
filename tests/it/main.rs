//! The one integration test binary: each topic is a module, so that everything links once.

mod cluster;
mod tidy;
