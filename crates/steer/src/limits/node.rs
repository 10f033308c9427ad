//! All of a region node's knowledge of limits: it is the home, or follows one, or neither.
//!
//! The caller says who the home is (`docs/operations/limits.md`: the leader of the ledger), carries
//! exchanges, and tells other nodes' counts.

mod exchange;

use super::{
    Claim, Count, Estate, Gauges, Meter, Mode, Standing, Step, Take, Usage, Verdict,
    bond::Bond,
    home::Home,
    message::Taken,
    reign::Reign,
    share::Around,
    shares::{Shared, Shares},
    stock::Counts,
};

/// A region node's knowledge of limits.
#[derive(Debug)]
pub struct Node {
    own: u64,
    mode: Mode,
    nodes: u32,
    /// Days since 1970, for counting.
    today: u32,
    standing: Standing,
    reign: Reign,
    home: Home,
    /// Limits that it keeps for itself, in the mode `local`.
    local: (Reign, Home),
    bond: Bond,
    shares: Shares,
    usage: Usage,
    exchanged_ms: u64,
    /// The home has answered at least once.
    greeted: bool,
    /// What it left when it was the home last, and whose estate its home would like to have.
    estate: Option<Estate>,
    wanted: Option<(u64, u64)>,
}

impl Node {
    /// A node that knows nothing yet, and how it keeps limits that do not say it themselves.
    #[must_use]
    pub fn new(own: u64, mode: Mode) -> Self {
        Self {
            own,
            mode,
            nodes: 1,
            today: 0,
            standing: Standing::Alone,
            reign: Reign::new((0, 0), 0, (0, None)),
            home: Home::default(),
            local: (Reign::alone(), Home::default()),
            bond: Bond::default(),
            shares: Shares::default(),
            usage: Usage::default(),
            exchanged_ms: 0,
            greeted: false,
            estate: None,
            wanted: None,
        }
    }

    /// It has been a node before, and may have admitted requests that it does not know of. Then
    /// rates do not start full.
    pub const fn has_lived(&mut self) {
        self.bond.has_lived();
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
        self.reign.set_nodes(self.nodes);
    }

    /// The day on which requests are counted, in days since 1970.
    pub const fn set_today(&mut self, day: u32) {
        self.today = day;
    }

    /// Who the home is from now on.
    pub fn set_standing(&mut self, now_ms: u64, standing: Standing) {
        self.advance(now_ms);
        if standing == self.standing {
            return;
        }
        let before = std::mem::replace(&mut self.standing, standing);
        match standing {
            Standing::Home { reign } => {
                let me = (reign, self.bond.born_ms());
                if (self.reign.number, self.reign.boot) == me {
                    self.reign.skip_to(now_ms);
                } else {
                    self.reign_as(now_ms, me);
                }
                self.advance(now_ms);
            }
            Standing::Follows { reign, .. } => {
                let known =
                    matches!(before, Standing::Follows { reign: known, .. } if known == reign);
                if !known {
                    self.shares.other_home();
                    (self.greeted, self.wanted) = (false, None);
                }
                if self.reign.number > 0 {
                    self.reign_as(now_ms, (0, 0));
                }
            }
            // Whoever was the home is so again, perhaps.
            Standing::Alone => {}
        }
        self.exchanged_ms = 0;
    }

    /// Begins another reign; 0 is none. What the last one left is kept.
    fn reign_as(&mut self, now_ms: u64, me: (u64, u64)) {
        let home = std::mem::take(&mut self.home);
        if self.reign.acted_ms().is_some() {
            let last = (self.reign.number, self.reign.boot);
            self.estate = Some(home.leave(last, &self.reign));
        }
        let own = (self.bond.free_from(me), self.bond.followed(me));
        self.reign = Reign::new(me, now_ms, own);
        self.reign.set_nodes(self.nodes);
    }

    /// Takes over what the last home left, which may have been this node itself.
    fn inherit(&mut self, estate: Option<&Estate>) {
        let estate = estate.or(self.estate.as_ref());
        let wanted = self.reign.heir_of;
        if let Some(estate) = estate.filter(|estate| wanted == Some(estate.home)) {
            self.home.inherit(estate.clone());
            self.reign.heir_of = None;
        }
    }

    /// Time passes: for the node itself, and for the home, if it is that.
    fn advance(&mut self, now_ms: u64) {
        self.bond.advance(now_ms);
        let home = matches!(self.standing, Standing::Home { .. });
        if home {
            self.reign.advance(now_ms);
        }
        if home && self.reign.heir_of.is_some() {
            self.inherit(None);
        }
        if let Some(acted_ms) = self.reign.acted_ms().filter(|_| home) {
            let me = (self.reign.number, self.reign.boot);
            self.bond.acted(acted_ms, me);
        }
    }

    /// Whether this node decides as the home; `advance` has been called.
    fn acts(&self) -> bool {
        let home = matches!(self.standing, Standing::Home { .. });
        home && self.reign.acts()
    }

    /// Whether no home has been heard of for so long that the node has its own part alone.
    #[must_use]
    pub fn is_cut_off(&self, now_ms: u64) -> bool {
        !self.acts() && self.bond.is_cut_off(now_ms)
    }

    /// Decides on a request: takes one of each limit, or of none. What is admitted is counted by
    /// `meter`. Another mode than the node's may be asked for.
    pub fn take(
        &mut self,
        now_ms: u64,
        claims: &[Claim],
        meter: Option<&Meter>,
        mode: Option<Mode>,
    ) -> Step {
        self.advance(now_ms);
        if claims.is_empty() {
            self.count(meter);
            return Step::Done(Verdict::Granted(Vec::new()));
        }
        match mode.unwrap_or(self.mode) {
            Mode::Local => Step::Done(self.take_alone(now_ms, claims, meter)),
            _ if self.acts() => Step::Done(self.take_at_home(now_ms, claims, meter)),
            Mode::Exact => self.ask_home(claims, meter, Verdict::Unknown),
            Mode::Leased => self.take_shares(now_ms, claims, meter),
        }
    }

    fn take_alone(&mut self, now_ms: u64, claims: &[Claim], meter: Option<&Meter>) -> Verdict {
        let usage = &self.usage;
        let counts = |meter: &Meter, window| usage.within(meter, window);
        let (reign, home) = &mut self.local;
        reign.advance(now_ms);
        let taken = home.take((now_ms, self.own), reign, claims, &counts);
        self.taken(taken, meter)
    }

    fn ask_home(&self, claims: &[Claim], meter: Option<&Meter>, otherwise: Verdict) -> Step {
        match self.standing {
            Standing::Follows { home, reign } => Step::Ask {
                home,
                take: Take {
                    reign,
                    claims: claims.to_vec(),
                    meter: meter.cloned(),
                },
            },
            Standing::Alone | Standing::Home { .. } => Step::Done(otherwise),
        }
    }

    fn take_at_home(&mut self, now_ms: u64, claims: &[Claim], meter: Option<&Meter>) -> Verdict {
        let usage = &self.usage;
        let counts = |meter: &Meter, window| usage.within(meter, window);
        let at = (now_ms, self.own);
        let taken = self.home.take(at, &self.reign, claims, &counts);
        self.taken(taken, meter)
    }

    fn taken(&mut self, taken: Taken, meter: Option<&Meter>) -> Verdict {
        match taken {
            Ok(left) => {
                self.count(meter);
                Verdict::Granted(left)
            }
            Err((claim, left)) => Verdict::Over { claim, left },
        }
    }

    fn take_shares(&mut self, now_ms: u64, claims: &[Claim], meter: Option<&Meter>) -> Step {
        let usage = &self.usage;
        let counts = |meter: &Meter, window| usage.within(meter, window);
        let around = around(&self.bond, (self.own, self.nodes), now_ms, &counts);
        let mut left = Vec::with_capacity(claims.len());
        for (index, claim) in claims.iter().enumerate() {
            let shared = self.shares.take(&around, claim);
            if let Shared::Yes(one) = shared {
                left.push(one);
                continue;
            }
            for taken in claims.iter().take(index) {
                self.shares.put_back(taken.key);
            }
            let over = |left| Verdict::Over { claim: index, left };
            return match shared {
                Shared::Ask(left) => self.ask_home(claims, meter, over(left)),
                Shared::No(left) | Shared::Yes(left) => Step::Done(over(left)),
                Shared::Full => Step::Done(Verdict::Unknown),
            };
        }
        self.count(meter);
        Step::Done(Verdict::Granted(left))
    }

    fn count(&mut self, meter: Option<&Meter>) {
        if let Some(meter) = meter {
            self.usage.add(meter, self.today, self.own);
        }
    }

    /// Whether there is something to ask the home about right now.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.shares.is_dirty()
    }

    /// Tidies up; to be called about once a second.
    pub fn sweep(&mut self, now_ms: u64) {
        self.advance(now_ms);
        let usage = &self.usage;
        let counts = |meter: &Meter, window| usage.within(meter, window);
        self.home.sweep(now_ms, &self.reign, &counts);
        let (reign, home) = &mut self.local;
        reign.advance(now_ms);
        home.sweep(now_ms, reign, &counts);
        let around = around(&self.bond, (self.own, self.nodes), now_ms, &counts);
        self.shares.sweep(&around);
    }

    /// Takes over what other nodes have counted.
    pub fn merge(&mut self, counts: &[Count]) {
        for count in counts {
            self.usage.merge(count, self.today);
        }
    }

    /// Sizes, for metrics.
    #[must_use]
    pub fn gauges(&self, now_ms: u64) -> Gauges {
        Gauges {
            home: self.home.len() + self.local.1.len(),
            shares: self.shares.len(),
            counters: self.usage.counters(),
            connected: !self.is_cut_off(now_ms),
        }
    }
}

/// What shares have to know of their node.
fn around<'a>(
    bond: &Bond,
    (own, nodes): (u64, u32),
    now_ms: u64,
    counts: Counts<'a>,
) -> Around<'a> {
    Around {
        now_ms,
        own_ms: bond.own_ms(),
        nodes,
        cut_off: bond.is_cut_off(now_ms),
        own,
        counts,
    }
}
