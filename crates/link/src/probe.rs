//! Probes: one datagram each way that tells the round trip, the load and the revision.
//!
//! Datagrams, because a probe that waits behind retransmissions would not measure the path. A
//! lost one is not repeated: the loss is the measurement.

use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};

const VERSION: u8 = 1;
const ASK: u8 = 1;
const ANSWER: u8 = 2;
const ASK_BYTES: usize = 10;
const ANSWER_BYTES: usize = 31;

/// How busy a node is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Requests being worked on.
    pub in_flight: u32,
    /// Requests it can work on at once.
    pub limit: u32,
    /// The median time of a request, in microseconds.
    pub service_p50_us: u32,
}

/// What a node says of itself in answer to a probe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProbeState {
    /// How busy it is.
    pub load: LoadReport,
    /// The configuration revision it serves.
    pub revision: u64,
    /// Whether it is shutting down.
    pub draining: bool,
}

/// What one answered probe found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeReport {
    /// From sending to the answer, in both nodes' user space.
    pub rtt: Duration,
    /// How busy the node is.
    pub load: LoadReport,
    /// The configuration revision it serves.
    pub revision: u64,
    /// Whether it is shutting down: prefer another.
    pub draining: bool,
}

/// What a background prober found in one interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeOutcome {
    /// An answer.
    Report(ProbeReport),
    /// No answer in time.
    Lost {
        /// How many in a row, this one included.
        in_a_row: u32,
    },
    /// There is no connection to ask over.
    Down,
}

/// Why a single probe gave no report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// There is no connection.
    #[error("probe has no connection to go over")]
    Down,
    /// No answer came in time.
    #[error("probe was not answered in time")]
    Lost,
}

/// Answers probes. Called for every probe, so it must be cheap and must not wait.
pub trait ProbeSource: Send + Sync + 'static {
    /// The node's state right now.
    fn probe(&self) -> ProbeState;
}

impl<F: Fn() -> ProbeState + Send + Sync + 'static> ProbeSource for F {
    fn probe(&self) -> ProbeState {
        self()
    }
}

/// A datagram between nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Datagram {
    Ask { number: u64 },
    Answer { number: u64, state: ProbeState },
}

impl Datagram {
    pub(crate) fn encode(self) -> Bytes {
        let mut out = BytesMut::with_capacity(ANSWER_BYTES);
        out.put_u8(VERSION);
        match self {
            Self::Ask { number } => {
                out.put_u8(ASK);
                out.put_u64(number);
            }
            Self::Answer { number, state } => {
                out.put_u8(ANSWER);
                out.put_u64(number);
                out.put_u32(state.load.in_flight);
                out.put_u32(state.load.limit);
                out.put_u32(state.load.service_p50_us);
                out.put_u64(state.revision);
                out.put_u8(u8::from(state.draining));
            }
        }
        out.freeze()
    }

    /// None for anything that is not exactly one of ours.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let ([VERSION, kind], rest) = bytes.split_first_chunk::<2>()? else {
            return None;
        };
        match (*kind, bytes.len()) {
            (ASK, ASK_BYTES) => Some(Self::Ask {
                number: number(&mut { rest })?,
            }),
            (ANSWER, ANSWER_BYTES) => {
                let rest = &mut { rest };
                let at = number(rest)?;
                let load = LoadReport {
                    in_flight: word(rest)?,
                    limit: word(rest)?,
                    service_p50_us: word(rest)?,
                };
                let revision = number(rest)?;
                let draining = *rest.first()? != 0;
                Some(Self::Answer {
                    number: at,
                    state: ProbeState {
                        load,
                        revision,
                        draining,
                    },
                })
            }
            _ => None,
        }
    }
}

fn number(from: &mut &[u8]) -> Option<u64> {
    let (head, rest) = from.split_first_chunk()?;
    *from = rest;
    Some(u64::from_be_bytes(*head))
}

fn word(from: &mut &[u8]) -> Option<u32> {
    let (head, rest) = from.split_first_chunk()?;
    *from = rest;
    Some(u32::from_be_bytes(*head))
}

#[cfg(test)]
mod tests;
