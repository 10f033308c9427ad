//! All of a region node's knowledge of limits: it is the home, or follows one, or neither.
//!
//! The caller says who the home is (`docs/operations/limits.md`: the leader of the ledger), carries
//! exchanges, and tells other nodes' counts.

use model::rest::day_of;
use serde::{Deserialize, Serialize};

use super::{
    Answer, Claim, Count, Exchange, Home, Left, Meter, Take, Usage,
    share::Around,
    shares::{Shared, Shares},
};

/// Without an answer of the home for so long a node admits its part alone, milliseconds.
const CUT_OFF_MS: u64 = 1_000;
/// Between two exchanges with nothing to say, milliseconds.
const KEEP_ALIVE_MS: u64 = 250;

/// How limits are kept across nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Every node allows the whole limit.
    Local,
    /// Nodes spend what the home has granted ahead.
    #[default]
    Leased,
    /// The home decides on every request.
    Exact,
}

/// What a node is to limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is the home.
    Home {
        /// Tells it from other homes.
        reign: u64,
    },
    /// Another node is.
    Follows {
        /// Which.
        home: u64,
        /// Tells it from other homes.
        reign: u64,
    },
    /// Nobody is known to be.
    Alone,
}

/// How a request is decided on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Here and now.
    Done(Verdict),
    /// By the home.
    Ask {
        /// Which node that is.
        home: u64,
        /// What to ask it.
        take: Take,
    },
}

/// Whether a request is within its limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// It is; what is left of each.
    Granted(Vec<Left>),
    /// One limit is used up.
    Over {
        /// Which, by its place among the claims.
        claim: usize,
        /// When to come again.
        left: Left,
    },
    /// Nobody can say.
    Unknown,
}

/// Sizes, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Limits that this node keeps as their home.
    pub home: usize,
    /// Limits that it has a share of.
    pub shares: usize,
    /// Counters of usage.
    pub counters: usize,
    /// It is the home, or hears from it.
    pub connected: bool,
}

/// A region node's knowledge of limits.
#[derive(Debug)]
pub struct Node {
    own: u64,
    mode: Mode,
    nodes: u32,
    standing: Standing,
    home: Home,
    shares: Shares,
    usage: Usage,
    heard: u64,
    contact_ms: u64,
    exchanged_ms: u64,
}

impl Node {
    /// A node that knows nothing yet. In `Local` mode it is always its own home.
    #[must_use]
    pub fn new(own: u64, mode: Mode) -> Self {
        Self {
            own,
            mode,
            nodes: 1,
            standing: Standing::Alone,
            home: Home::new(own, 0),
            shares: Shares::default(),
            usage: Usage::default(),
            heard: 0,
            contact_ms: 0,
            exchanged_ms: 0,
        }
    }

    /// How limits are kept.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// What was counted.
    #[must_use]
    pub const fn usage(&self) -> &Usage {
        &self.usage
    }

    /// What was counted, to be added to.
    pub const fn usage_mut(&mut self) -> &mut Usage {
        &mut self.usage
    }

    /// Region nodes of the cluster, this one included.
    pub fn set_nodes(&mut self, nodes: usize) {
        self.nodes = u32::try_from(nodes).unwrap_or(u32::MAX).max(1);
    }

    /// Who the home is from now on.
    pub fn set_standing(&mut self, now_ms: u64, standing: Standing) {
        if standing == self.standing {
            return;
        }
        match standing {
            Standing::Home { reign } => {
                if self.home.reign() != reign {
                    self.home = Home::new(self.own, reign);
                }
                for (key, terms, level) in self.shares.known(now_ms) {
                    self.home.inherit(now_ms, key, terms, level);
                }
                self.shares = Shares::default();
            }
            Standing::Follows { reign, .. } => {
                if self.home.reign() != 0 {
                    let usage = &self.usage;
                    let counts = |meter: &Meter, window| usage.within(meter, window);
                    let around = Around {
                        now_ms,
                        nodes: self.nodes,
                        cut_off: false,
                        own: self.own,
                        counts: &counts,
                    };
                    for (key, terms, level) in self.home.bequest() {
                        let claim = Claim {
                            key,
                            terms,
                            counted: None,
                        };
                        self.shares.know(&around, claim, level);
                    }
                    self.home = Home::new(self.own, 0);
                }
                let known = match self.standing {
                    Standing::Follows { reign, .. } => Some(reign),
                    Standing::Home { .. } | Standing::Alone => None,
                };
                if known != Some(reign) {
                    self.shares.other_home();
                    self.heard = 0;
                }
            }
            // Whoever was the home is so again, perhaps.
            Standing::Alone => {}
        }
        self.standing = standing;
        self.exchanged_ms = 0;
    }

    /// Whether this node decides as the home.
    fn is_home(&self) -> bool {
        self.mode == Mode::Local || matches!(self.standing, Standing::Home { .. })
    }

    /// Whether the home has been silent for too long.
    #[must_use]
    pub fn is_cut_off(&self, now_ms: u64) -> bool {
        !self.is_home() && now_ms.saturating_sub(self.contact_ms) >= CUT_OFF_MS
    }

    /// Decides on a request: takes one of each limit, or of none. What is admitted is counted by
    /// `meter`.
    pub fn take(&mut self, now_ms: u64, claims: &[Claim], meter: Option<&Meter>) -> Step {
        if self.is_home() {
            return Step::Done(self.take_at_home(now_ms, claims, meter));
        }
        if claims.is_empty() {
            self.count(now_ms, meter);
            return Step::Done(Verdict::Granted(Vec::new()));
        }
        match (self.mode, self.standing) {
            (Mode::Exact, Standing::Follows { home, reign }) => Step::Ask {
                home,
                take: Take {
                    reign,
                    claims: claims.to_vec(),
                    meter: meter.cloned(),
                },
            },
            (Mode::Exact, Standing::Alone | Standing::Home { .. }) => Step::Done(Verdict::Unknown),
            (Mode::Leased | Mode::Local, _) => Step::Done(self.take_shares(now_ms, claims, meter)),
        }
    }

    fn take_at_home(&mut self, now_ms: u64, claims: &[Claim], meter: Option<&Meter>) -> Verdict {
        let usage = &self.usage;
        let counts = |meter: &Meter, window| usage.within(meter, window);
        match self.home.take(now_ms, claims, &counts) {
            Ok(left) => {
                self.count(now_ms, meter);
                Verdict::Granted(left)
            }
            Err((claim, left)) => Verdict::Over { claim, left },
        }
    }

    fn take_shares(&mut self, now_ms: u64, claims: &[Claim], meter: Option<&Meter>) -> Verdict {
        let usage = &self.usage;
        let counts = |meter: &Meter, window| usage.within(meter, window);
        let around = Around {
            now_ms,
            nodes: self.nodes,
            cut_off: now_ms.saturating_sub(self.contact_ms) >= CUT_OFF_MS,
            own: self.own,
            counts: &counts,
        };
        let mut left = Vec::with_capacity(claims.len());
        for (index, claim) in claims.iter().enumerate() {
            let refused = match self.shares.take(&around, claim) {
                Shared::Yes(one) => {
                    left.push(one);
                    continue;
                }
                Shared::No(one) => Verdict::Over {
                    claim: index,
                    left: one,
                },
                Shared::Full => Verdict::Unknown,
            };
            for taken in claims.iter().take(index) {
                self.shares.put_back(taken.key);
            }
            return refused;
        }
        self.count(now_ms, meter);
        Verdict::Granted(left)
    }

    fn count(&mut self, now_ms: u64, meter: Option<&Meter>) {
        if let Some(meter) = meter {
            self.usage.add(meter, day_of(now_ms), self.own);
        }
    }

    /// Whether there is something to ask the home about right now.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.mode == Mode::Leased && self.shares.is_dirty()
    }

    /// What to tell the home now, if anything, and which node it is.
    pub fn exchange(&mut self, now_ms: u64) -> Option<(u64, Exchange)> {
        let Standing::Follows { home, reign } = self.standing else {
            return None;
        };
        if self.mode == Mode::Local {
            return None;
        }
        let usage = &self.usage;
        let counts = |meter: &Meter, window| usage.within(meter, window);
        let around = Around {
            now_ms,
            nodes: self.nodes,
            cut_off: false,
            own: self.own,
            counts: &counts,
        };
        let asks = self.shares.asks(&around);
        if asks.is_empty() && now_ms.saturating_sub(self.exchanged_ms) < KEEP_ALIVE_MS {
            return None;
        }
        self.exchanged_ms = now_ms;
        let heard = self.heard;
        Some((home, Exchange { reign, heard, asks }))
    }

    /// The home has answered.
    pub fn answered(&mut self, now_ms: u64, told: &Exchange, answer: &Answer) {
        let current = matches!(
            self.standing, Standing::Follows { reign, .. } if reign == told.reign
        );
        if !current {
            return self.failed(told);
        }
        self.contact_ms = now_ms;
        self.heard = answer.heard;
        self.shares.answered(now_ms, &told.asks, &answer.grants);
        let usage = &self.usage;
        let counts = |meter: &Meter, window| usage.within(meter, window);
        let around = Around {
            now_ms,
            nodes: self.nodes,
            cut_off: false,
            own: self.own,
            counts: &counts,
        };
        for news in &answer.news {
            self.shares.hear(&around, news);
        }
    }

    /// The home has not answered.
    pub fn failed(&mut self, told: &Exchange) {
        self.shares.failed(&told.asks);
    }

    /// Answers another node, as the home; none when this node is not the one that is meant.
    pub fn hear(&mut self, now_ms: u64, from: u64, told: &Exchange) -> Option<Answer> {
        if self.standing != (Standing::Home { reign: told.reign }) {
            return None;
        }
        let usage = &self.usage;
        let counts = |meter: &Meter, window| usage.within(meter, window);
        Some(self.home.exchange(now_ms, from, told, &counts))
    }

    /// Decides on another node's request, as the home.
    pub fn decide(&mut self, now_ms: u64, take: &Take) -> Option<Verdict> {
        let meant = self.standing == (Standing::Home { reign: take.reign });
        meant.then(|| self.take_at_home(now_ms, &take.claims, take.meter.as_ref()))
    }

    /// Tidies up; to be called about once a second.
    pub fn sweep(&mut self, now_ms: u64) {
        let usage = &self.usage;
        let counts = |meter: &Meter, window| usage.within(meter, window);
        self.home.sweep(now_ms, &counts);
        let around = Around {
            now_ms,
            nodes: self.nodes,
            cut_off: now_ms.saturating_sub(self.contact_ms) >= CUT_OFF_MS,
            own: self.own,
            counts: &counts,
        };
        self.shares.sweep(&around);
    }

    /// Takes over what other nodes have counted.
    pub fn merge(&mut self, now_ms: u64, counts: &[Count]) {
        for count in counts {
            self.usage.merge(count, day_of(now_ms));
        }
    }

    /// Sizes, for metrics.
    #[must_use]
    pub fn gauges(&self, now_ms: u64) -> Gauges {
        Gauges {
            home: self.home.len(),
            shares: self.shares.len(),
            counters: self.usage.counters(),
            connected: !self.is_cut_off(now_ms),
        }
    }
}
