//! One kept-alive connection that speaks as much HTTP/1.1 as is needed here, signed or not.
//!
//! Blocking, without a library: what is measured is the other side.

use std::{
    fmt::Write as _,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail};
use lang::sigv4::{Message, Signer};
use serde_json::Value;

/// Longest answer that is read.
const BODY_MAX: usize = 64 << 20;
const PATIENCE: Duration = Duration::from_secs(60);

/// An access key.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) secret: String,
}

/// A connection to one address.
pub(super) struct Connection {
    host: String,
    stream: BufReader<TcpStream>,
}

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Connection {
    /// `address` is `IP:PORT`.
    pub(super) fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("connect {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            host: address.to_owned(),
            stream: BufReader::new(stream),
        })
    }

    /// A call that is not signed, for another host than the address.
    pub(super) fn get(&mut self, host: &str, path: &str) -> Result<Answer> {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n"), &[])
    }

    /// A signed call that has to succeed.
    pub(super) fn must(
        &mut self,
        key: &Key,
        method: &str,
        path: &str,
        body: &[u8],
    ) -> Result<Value> {
        let answer = self.call(key, method, path, body)?;
        if !(200..300).contains(&answer.status) {
            let said = String::from_utf8_lossy(&answer.body).into_owned();
            bail!("{method} {path}: {} {said}", answer.status);
        }
        if answer.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer.body).with_context(|| format!("{method} {path}"))
    }

    fn call(&mut self, key: &Key, method: &str, path: &str, body: &[u8]) -> Result<Answer> {
        let (plain, query) = path.split_once('?').unwrap_or((path, ""));
        let headers = [("host", self.host.as_bytes())];
        let message = Message {
            method,
            path: plain,
            query,
            headers: &headers,
            body,
        };
        let signer = Signer {
            access_key_id: &key.id,
            secret: &key.secret,
            region: "us-east-1",
            service: "apigateway",
        };
        let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let signed = signer.sign(&message, u64::try_from(since.as_millis())?);
        let mut head = String::new();
        write!(
            head,
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nauthorization: {}\r\nx-amz-date: {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            self.host,
            signed.authorization,
            signed.date,
            body.len()
        )?;
        self.send(&head, body)
    }

    fn send(&mut self, head: &str, body: &[u8]) -> Result<Answer> {
        let request = [head.as_bytes(), body].concat();
        self.stream.get_mut().write_all(&request)?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status = status.with_context(|| format!("no status in {line:?}"))?;
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse()?;
            }
        }
        if length > BODY_MAX {
            bail!("an answer of {length} bytes");
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Answer { status, body })
    }
}
