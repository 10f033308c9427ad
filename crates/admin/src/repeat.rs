//! Calls that are sent again because their answer was lost.
//!
//! A caller that names its call may send it again, and what it makes is made once: all that is
//! chosen at random follows from the name instead, the change's id included, and the ledger applies
//! a change once. The answer is that of the first time, for as long as the ledger remembers it.
//! What others make (join tokens) and what waits is not covered.

use std::{cell::Cell, ops::RangeInclusive};

use aws_lc_rs::digest::{Context, SHA256};
use http::request::Parts;
use model::Config;

use crate::refusal::Refusal;

/// The header with the call's name.
const HEADER: &str = "x-edgeway-idempotency-key";
/// Characters of a name. It has to be hard to guess, since secrets follow from it.
const CHARS: RangeInclusive<usize> = 16..=128;

/// What a named call's choices follow from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Repeat([u8; 32]);

/// Where numbers come from on this thread: of which call, of which part of it, how many so far.
type Source = Option<(Repeat, u64, u64)>;

thread_local! {
    // Ids are chosen deep inside what makes an operation. It is set by this module alone, and only
    // within one call that does not wait.
    static SOURCE: Cell<Source> = const { Cell::new(None) };
}

impl Repeat {
    /// Of a call with a name. The same name with anything else different is another call.
    pub(crate) fn of(
        parts: &Parts,
        body: &[u8],
        by: &str,
        config: &Config,
    ) -> Result<Option<Self>, Refusal> {
        let Some(name) = parts.headers.get(HEADER) else {
            return Ok(None);
        };
        let name = name.as_bytes();
        if !CHARS.contains(&name.len()) || !name.iter().all(u8::is_ascii_graphic) {
            let (min, max) = (CHARS.start(), CHARS.end());
            let text = format!("{HEADER} must have {min} to {max} visible characters");
            return Err(Refusal::bad(text));
        }
        // Nobody outside can tell what follows, not even from the name.
        let secret = config.cluster.as_deref();
        let secret = secret.map_or(&[][..], |cluster| &cluster.authority.key_der);
        let target = parts
            .uri
            .path_and_query()
            .map_or("", |target| target.as_str());
        let mut context = Context::new(&SHA256);
        for part in [
            secret,
            by.as_bytes(),
            parts.method.as_str().as_bytes(),
            target.as_bytes(),
            name,
            body,
        ] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        Ok(bytes(context).map(Self))
    }

    fn number(self, part: u64, count: u64) -> u64 {
        let mut context = Context::new(&SHA256);
        context.update(&self.0);
        context.update(&part.to_be_bytes());
        context.update(&count.to_be_bytes());
        let hash = bytes(context).unwrap_or_default();
        hash.iter()
            .take(8)
            .fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

fn bytes(context: Context) -> Option<[u8; 32]> {
    context.finish().as_ref().try_into().ok()
}

/// Does `work`, in which numbers follow from the call's name if it has one; those of different
/// parts of a call have nothing to do with each other.
pub(crate) fn within<T>(repeat: Option<Repeat>, part: u64, work: impl FnOnce() -> T) -> T {
    /// Puts the former source back, also when `work` unwinds.
    struct Former(Source);
    impl Drop for Former {
        fn drop(&mut self) {
            SOURCE.set(self.0);
        }
    }
    let source = repeat.map(|repeat| (repeat, part, 0));
    let _former = Former(SOURCE.replace(source));
    work()
}

/// A number that nobody can guess.
pub(crate) fn number() -> u64 {
    match SOURCE.get() {
        None => rand::random(),
        Some((repeat, part, count)) => {
            SOURCE.set(Some((repeat, part, count + 1)));
            repeat.number(part, count)
        }
    }
}
