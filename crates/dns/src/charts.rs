//! The latency map under the present health of POPs, for both families of answers.

use model::Place;
use plan::zone::ZonePlan;
use steer::{
    caps::SHARE_WHOLE,
    latency::{Chart, ChartSite, LatencyMap},
    place::Health,
};

use crate::place::{Places, Standings};

/// A chart per family of answers.
#[derive(Debug, Default)]
pub(crate) struct Charts {
    pub(crate) v4: Chart,
    pub(crate) v6: Chart,
}

impl Charts {
    /// Lays `map` over the plan's priors.
    pub(crate) fn of(map: &LatencyMap, plan: &ZonePlan, places: &Places) -> Self {
        let standings: Vec<(&(String, Place), Standings<'_>)> =
            plan.pops.iter().zip(places.pops()).collect();
        let chart = |state: fn(&Standings<'_>) -> Option<(Health, u16)>| {
            let sites = standings.iter().map(|((name, _), standing)| {
                let (health, share) = state(standing).unzip();
                ChartSite {
                    name,
                    site: standing.site,
                    health,
                    share: share.unwrap_or(SHARE_WHOLE),
                }
            });
            let sites: Vec<ChartSite<'_>> = sites.collect();
            Chart::of(map, plan.priors.iter().map(AsRef::as_ref), &sites)
        };
        Self {
            v4: chart(|standing| standing.v4),
            v6: chart(|standing| standing.v6),
        }
    }
}
