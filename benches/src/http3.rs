//! HTTP/3 for the load generator: h2load as Debian builds it speaks no QUIC, and neither does
//! curl.
//!
//! It does what h2load does, over the same number of connections and streams: every stream asks
//! again as soon as it has its answer, until the time is up. Certificates are not checked (h2load
//! checks none either). Each round is a process of its own, so that it can be pinned to a core.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::{Buf, Bytes};
use h3::client::SendRequest;
use h3_quinn::OpenStreams;
use quinn::crypto::rustls::QuicClientConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::{DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use crate::program::pinned;
use crate::scenario::BODY_BYTES;

/// The hidden first word of the command line with which this program starts itself.
pub(crate) const COMMAND: &str = "http3-load";

/// What a stream may take beyond the end of a round.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// What to ask, and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round<'a> {
    pub(crate) address: &'a str,
    pub(crate) url: &'a str,
    pub(crate) connections: u32,
    pub(crate) streams: u32,
    pub(crate) seconds: u32,
}

/// Runs one round in a process of its own on `core`: the latencies in microseconds, unsorted.
pub(crate) fn run(round: Round<'_>, core: u32) -> Result<Vec<u32>> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let output = pinned(&program, core)
        .args([COMMAND, round.address, round.url])
        .args([round.connections, round.streams, round.seconds].map(|number| number.to_string()))
        .stdin(Stdio::null())
        .output()
        .context("cannot start the HTTP/3 load")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let answer: Value = serde_json::from_slice(&output.stdout).context("the HTTP/3 load")?;
    serde_json::from_value(answer["latencies_us"].clone()).context("the HTTP/3 load")
}

/// The other side of [`run`]: the words after [`COMMAND`], and what is to be printed.
pub(crate) fn serve_command(words: &[String]) -> Result<String> {
    let [address, url, numbers @ ..] = words else {
        bail!("{COMMAND} needs an address and a URL");
    };
    let mut numbers = numbers.iter().map(|word| word.parse::<u32>());
    let mut number = || {
        numbers
            .next()
            .context("a number is missing")?
            .context("not a number")
    };
    let round = Round {
        address,
        url,
        connections: number()?,
        streams: number()?,
        seconds: number()?,
    };
    let latencies_us = runtime()?.block_on(load(round))?;
    Ok(json!({ "latencies_us": latencies_us }).to_string())
}

/// Asks once; the head as curl shows it, and the body.
pub(crate) fn ask(address: &str, url: &str) -> Result<String> {
    runtime()?.block_on(async {
        let mut client = Client::connect(address, url).await?;
        let asked = tokio::time::timeout(ANSWER_MAX, client.ask(url));
        let (response, body) = asked.await.context("no answer in time")??;
        let mut text = format!("HTTP/3 {}\r\n", response.status().as_u16());
        for (name, value) in response.headers() {
            text += &format!("{name}: {}\r\n", String::from_utf8_lossy(value.as_bytes()));
        }
        Ok(text + "\r\n" + &String::from_utf8_lossy(&body))
    })
}

fn runtime() -> Result<Runtime> {
    let mut builder = Builder::new_current_thread();
    builder
        .enable_all()
        .build()
        .context("cannot make a runtime")
}

async fn load(round: Round<'_>) -> Result<Vec<u32>> {
    let mut streams = JoinSet::new();
    let mut clients = Vec::new();
    for _ in 0..round.connections {
        clients.push(Client::connect(round.address, round.url).await?);
    }
    let end = Instant::now() + Duration::from_secs(round.seconds.into());
    for client in &clients {
        for _ in 0..round.streams {
            streams.spawn(client.another().ask_until(end, round.url.to_owned()));
        }
    }
    let mut all = Vec::new();
    while let Some(ended) = streams.join_next().await {
        all.append(&mut ended.context("a stream panicked")??);
    }
    if all.is_empty() {
        bail!("no request was answered");
    }
    Ok(all)
}

/// One connection, or a share of it.
struct Client {
    send: SendRequest<OpenStreams, Bytes>,
    /// Lives as long as the connection.
    _endpoint: quinn::Endpoint,
}

impl Client {
    async fn connect(address: &str, url: &str) -> Result<Self> {
        let address: SocketAddr = address.parse().context("not an address")?;
        let uri: http::Uri = url.parse().context("not a URL")?;
        let name = uri.host().context("a URL without a host")?;
        let local = SocketAddr::from(([127, 0, 0, 1], 0));
        let endpoint = quinn::Endpoint::client(local).context("cannot bind a UDP port")?;
        let connecting = endpoint.connect_with(config()?, address, name)?;
        let connection = tokio::time::timeout(ANSWER_MAX, connecting)
            .await
            .context("no QUIC handshake in time")?
            .context("the QUIC handshake failed")?;
        let (mut driver, send) = h3::client::new(h3_quinn::Connection::new(connection)).await?;
        tokio::spawn(async move { std::future::poll_fn(|cx| driver.poll_close(cx)).await });
        Ok(Self {
            send,
            _endpoint: endpoint,
        })
    }

    fn another(&self) -> Self {
        Self {
            send: self.send.clone(),
            _endpoint: self._endpoint.clone(),
        }
    }

    /// Asks again and again; the time of each answer in microseconds. An answer that is not a
    /// whole success ends it with an error.
    async fn ask_until(mut self, end: Instant, url: String) -> Result<Vec<u32>> {
        let mut latencies = Vec::new();
        while Instant::now() < end {
            let started = Instant::now();
            let asked = tokio::time::timeout(ANSWER_MAX, self.ask(&url));
            let (response, body) = asked.await.context("no answer in time")??;
            if response.status() != http::StatusCode::OK || body.len() != BODY_BYTES {
                bail!("{} with {} bytes", response.status(), body.len());
            }
            let took = started.elapsed().as_micros();
            latencies.push(u32::try_from(took).unwrap_or(u32::MAX));
        }
        Ok(latencies)
    }

    async fn ask(&mut self, url: &str) -> Result<(http::Response<()>, Vec<u8>)> {
        let request = http::Request::get(url).body(())?;
        let mut stream = self.send.send_request(request).await?;
        stream.finish().await?;
        let response = stream.recv_response().await?;
        let mut body = Vec::with_capacity(BODY_BYTES);
        while let Some(mut data) = stream.recv_data().await? {
            while data.has_remaining() {
                let piece = data.chunk();
                let length = piece.len();
                body.extend_from_slice(piece);
                data.advance(length);
            }
        }
        Ok((response, body))
    }
}

fn config() -> Result<quinn::ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Unchecked(provider)))
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h3".to_vec()];
    let tls = QuicClientConfig::try_from(tls)?;
    Ok(quinn::ClientConfig::new(Arc::new(tls)))
}

/// Takes every certificate: what is measured runs on this machine, started by us.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
