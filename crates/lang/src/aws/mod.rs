//! ARNs of integrations and what is known of AWS services: which call a URI means and how each
//! service is spoken to.
//!
//! Deliberately not here: endpoints and credentials, which are settings of a node.

mod instance;
mod render;
mod service;
#[cfg(test)]
mod tests;
mod uri;

pub use self::{
    instance::{DocumentError, InstanceDocument},
    render::{RenderError, Value, encode, render, render_query},
    service::{Protocol, Service, known_services},
    uri::{Call, IntegrationUri, UriError},
};
