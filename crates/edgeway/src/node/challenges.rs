//! Answers ACME challenges at every listener for clients: a file over plain HTTP before anything
//! is routed, and a certificate in a TLS handshake.
//!
//! The answers come with the configuration, so any node that serves the name can be asked. Nothing
//! here knows the authority.

use std::{collections::BTreeMap, sync::Arc};

use arc_swap::ArcSwap;
use http::{HeaderValue, Method, header::CONTENT_TYPE};
use model::ChallengeAnswer;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serve::{
    Body, BoxFuture, CertEntry, CertStore, Conn, Handler, HandlerFactory, Request, Response, Scheme,
};

/// Where an authority looks (RFC 8555, section 8.3).
const PREFIX: &str = "/.well-known/acme-challenge/";

/// The contents of challenge files by token; shared by a node's workers.
#[derive(Clone, Default)]
pub(super) struct Files(Arc<ArcSwap<BTreeMap<String, String>>>);

impl Files {
    /// Puts `answers` in place of what was answered before.
    pub(super) fn install<'a>(
        &self,
        store: &CertStore,
        answers: impl Iterator<Item = &'a ChallengeAnswer>,
    ) {
        let mut files = BTreeMap::new();
        let mut certificates = Vec::new();
        for answer in answers {
            match answer {
                ChallengeAnswer::Http { token, content, .. } => {
                    files.insert(token.clone(), content.clone());
                }
                ChallengeAnswer::Tls {
                    name,
                    certificate_der,
                    key_der,
                } => certificates.push(CertEntry {
                    names: vec![name.clone()],
                    chain: vec![CertificateDer::from(certificate_der.clone())],
                    key: PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key_der.clone())),
                }),
                // DNS nodes answer these.
                ChallengeAnswer::Dns { .. } => {}
            }
        }
        self.0.store(Arc::new(files));
        for error in store.replace_challenges(certificates) {
            tracing::error!(%error, "a challenge cannot be answered");
        }
    }

    /// Handlers that answer challenges and hand everything else to those of `inner`.
    pub(super) fn before(&self, inner: Arc<dyn HandlerFactory>) -> Arc<dyn HandlerFactory> {
        let files = self.clone();
        Arc::new(move |worker: usize| -> Arc<dyn Handler> {
            Arc::new(Before {
                files: files.clone(),
                inner: inner.make(worker),
            })
        })
    }

    /// The answer to a request that is an authority's. What is no running challenge's goes on to
    /// the API: a backend may have challenges of its own.
    fn answer(&self, request: &Request, conn: &Conn) -> Option<Response> {
        let token = request.uri().path().strip_prefix(PREFIX)?;
        let reading = matches!(*request.method(), Method::GET | Method::HEAD);
        if conn.scheme() != Scheme::Http || !reading {
            return None;
        }
        let content = self.0.load().get(token)?.clone();
        let mut response = Response::new(Body::full(content));
        let kind = HeaderValue::from_static("application/octet-stream");
        response.headers_mut().insert(CONTENT_TYPE, kind);
        Some(response)
    }
}

struct Before {
    files: Files,
    inner: Arc<dyn Handler>,
}

impl Handler for Before {
    fn handle(&self, request: Request, conn: Arc<Conn>) -> BoxFuture<'_, Response> {
        match self.files.answer(&request, &conn) {
            Some(response) => Box::pin(std::future::ready(response)),
            None => self.inner.handle(request, conn),
        }
    }
}
