//! Passing queries on, as they came, and taking back what belongs to them.
//!
//! Each query has a socket, a port and an id of its own, so that nobody who does not see it can
//! answer it (RFC 5452). Answers are not looked into beyond that.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    net::{TcpStream, UdpSocket},
    sync::Semaphore,
    time::timeout,
};

use super::{read_message, write_message};
use crate::message::Request;

/// One resolver may take so long, before the next is asked.
const PATIENCE: Duration = Duration::from_secs(2);
/// Longest datagram that is taken back.
const ANSWER_BYTES_MAX: usize = 4_096;

pub(super) struct Forward {
    to: Vec<SocketAddr>,
    places: Semaphore,
}

impl Forward {
    pub(super) fn new(to: Vec<SocketAddr>, at_a_time: usize) -> Self {
        Self {
            to,
            places: Semaphore::new(at_a_time),
        }
    }

    /// Asks over UDP.
    ///
    /// # Errors
    /// Its metric label.
    pub(super) async fn by_datagram(&self, query: &[u8]) -> Result<Vec<u8>, &'static str> {
        let _place = self.places.try_acquire().map_err(|_| "busy")?;
        for to in &self.to {
            match timeout(PATIENCE, datagram(*to, query)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => tracing::debug!(%to, %error, "a resolver cannot be asked"),
                Err(_elapsed) => tracing::debug!(%to, "a resolver does not answer"),
            }
        }
        Err("failed")
    }

    /// Asks over TCP.
    ///
    /// # Errors
    /// Its metric label.
    pub(super) async fn by_stream(&self, query: &[u8]) -> Result<Vec<u8>, &'static str> {
        let _place = self.places.try_acquire().map_err(|_| "busy")?;
        for to in &self.to {
            match timeout(PATIENCE, stream(*to, query)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => tracing::debug!(%to, %error, "a resolver cannot be asked"),
                Err(_elapsed) => tracing::debug!(%to, "a resolver does not answer"),
            }
        }
        Err("failed")
    }
}

async fn datagram(to: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
    let any = match to {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(to).await?;
    let (sent, id) = with_id(query)?;
    socket.send(&sent).await?;
    let mut buffer = vec![0; ANSWER_BYTES_MAX];
    loop {
        let length = socket.recv(&mut buffer).await?;
        let answer = buffer.get(..length).unwrap_or_default();
        if let Some(answer) = belonging(answer, &sent, id) {
            return Ok(answer);
        }
    }
}

async fn stream(to: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(to).await?;
    let (sent, id) = with_id(query)?;
    write_message(&mut stream, &sent).await?;
    let answer = read_message(&mut stream).await?;
    belonging(&answer, &sent, id).ok_or_else(|| io::Error::other("answer to another query"))
}

/// The query with an id that nobody knows, and the one it had.
fn with_id(query: &[u8]) -> io::Result<(Vec<u8>, [u8; 2])> {
    let mut sent = query.to_vec();
    let place = sent.first_chunk_mut::<2>();
    let place = place.ok_or_else(|| io::Error::other("no id"))?;
    let id = *place;
    aws_lc_rs::rand::fill(place).map_err(|_| io::Error::other("no randomness"))?;
    Ok((sent, id))
}

/// The answer under the client's id, if it is one to what was sent.
fn belonging(answer: &[u8], sent: &[u8], id: [u8; 2]) -> Option<Vec<u8>> {
    let flags = answer.get(2)?;
    if answer.get(..2)? != sent.get(..2)? || flags & 0x80 == 0 {
        return None;
    }
    let asked = Request::read(sent).ok()?;
    let asked = asked.question?.wire;
    let echoed = answer.get(12..12 + asked.len())?;
    // A server that could not read the question repeats none.
    let none = answer.get(4..6)? == [0, 0];
    if !none && !echoed.eq_ignore_ascii_case(asked) {
        return None;
    }
    let mut answer = answer.to_vec();
    answer.first_chunk_mut::<2>()?.copy_from_slice(&id);
    Some(answer)
}
