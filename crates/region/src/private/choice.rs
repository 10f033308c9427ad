//! Which connection a call goes over. Pure: everything that matters is an argument.

use super::UpstreamHealth;

/// A connection that leads to the upstream, as far as the choice is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// The upstream behind it.
    pub(super) health: UpstreamHealth,
    /// Its last probe was not answered.
    pub(super) suspect: bool,
    /// The request has failed at this connector already.
    pub(super) tried: bool,
    /// Calls in progress at the connector.
    pub(super) load: u32,
}

/// The place of the best among `standings`; ties take turns by `turn`. An upstream that is said to
/// be unhealthy is better than none: the check may be what is wrong.
pub(super) fn best(standings: &[Standing], turn: usize) -> Option<usize> {
    let count = standings.len();
    let from = turn.checked_rem(count)?;
    let places = (from..count).chain(0..from);
    places.min_by_key(|place| standings.get(*place).map(rank))
}

fn rank(standing: &Standing) -> (bool, bool, bool, u32) {
    let unhealthy = standing.health == UpstreamHealth::Unhealthy;
    (unhealthy, standing.tried, standing.suspect, standing.load)
}

#[cfg(test)]
mod tests {
    use super::{Standing, UpstreamHealth, best};

    const GOOD: Standing = Standing {
        health: UpstreamHealth::Healthy,
        suspect: false,
        tried: false,
        load: 5,
    };

    #[track_caller]
    fn check(standings: &[Standing], expected: usize) {
        for turn in 0..4 {
            assert_eq!(best(standings, turn), Some(expected), "turn {turn}");
        }
    }

    #[test]
    fn the_best_connection_is_taken() {
        let ill = Standing {
            health: UpstreamHealth::Unhealthy,
            load: 0,
            ..GOOD
        };
        let unchecked = Standing {
            health: UpstreamHealth::Unchecked,
            ..GOOD
        };
        let suspect = Standing {
            suspect: true,
            load: 0,
            ..GOOD
        };
        let tried = Standing {
            tried: true,
            load: 0,
            ..GOOD
        };
        let idle = Standing { load: 4, ..GOOD };
        check(&[GOOD, idle, GOOD], 1);
        check(&[ill, GOOD, suspect], 1);
        check(&[ill, suspect], 1);
        check(&[tried, suspect], 1);
        // The connector is at fault less often than a backend that says it is ill.
        check(&[ill, tried], 1);
        check(&[ill], 0);
        check(&[Standing { load: 6, ..GOOD }, unchecked], 1);
        assert_eq!(best(&[], 3), None);
    }

    #[test]
    fn equals_take_turns() {
        let taken: Vec<_> = (0..4).map(|turn| best(&[GOOD, GOOD], turn)).collect();
        assert_eq!(taken, [Some(0), Some(1), Some(0), Some(1)]);
    }
}
