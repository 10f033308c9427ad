//! A node's exchanges with the home, from either side.

use super::{Node, around};
use crate::limits::{Answer, Exchange, Meter, Standing, Take, Verdict, reign::Sender};

/// Between two exchanges with nothing to say, milliseconds. Well below what a home counts a
/// follower for, less two ways there and back.
const KEEP_ALIVE_MS: u64 = 90;
/// Counts told to a home that is new to the node.
const COUNTS_MAX: usize = 10_000;

impl Node {
    /// What to tell the home now, if anything, and which node it is.
    pub fn exchange(&mut self, now_ms: u64) -> Option<(u64, Exchange)> {
        self.advance(now_ms);
        let Standing::Follows { home, reign } = self.standing else {
            return None;
        };
        let usage = &self.usage;
        let counts = |meter: &Meter, window| usage.within(meter, window);
        let around = around(&self.bond, (self.own, self.nodes), now_ms, &counts);
        let asks = self.shares.asks(&around);
        if asks.is_empty() && now_ms.saturating_sub(self.exchanged_ms) < KEEP_ALIVE_MS {
            return None;
        }
        self.exchanged_ms = now_ms;
        let (boot, seq) = self.bond.next_message();
        let untold = if self.greeted { 0 } else { COUNTS_MAX };
        let told = Exchange {
            reign,
            boot,
            seq,
            sent_ms: now_ms,
            echo: self.bond.echo(reign),
            counts: self.usage.peek_untold(self.own, untold),
            estate: (self.estate.clone()).filter(|estate| self.wanted == Some(estate.home)),
            asks,
        };
        Some((home, told))
    }

    /// The home has answered.
    pub fn answered(&mut self, now_ms: u64, told: &Exchange, answer: &Answer) {
        self.advance(now_ms);
        let current = matches!(
            self.standing, Standing::Follows { reign, .. } if reign == told.reign
        );
        if !current {
            return self.failed(told);
        }
        let stamp = (answer.stamp, answer.acts);
        self.bond.answered(now_ms, (told.reign, answer.boot), stamp);
        (self.greeted, self.wanted) = (true, answer.heir_of);
        self.shares
            .answered(now_ms, told.sent_ms, &told.asks, &answer.grants);
    }

    /// The home has not answered.
    pub fn failed(&mut self, told: &Exchange) {
        self.shares.failed(&told.asks);
    }

    /// Answers another node, as the home; none when this node is not the one that is meant.
    pub fn hear(&mut self, now_ms: u64, from: u64, told: &Exchange) -> Option<Answer> {
        self.advance(now_ms);
        if self.standing != (Standing::Home { reign: told.reign }) {
            return None;
        }
        let sender = Sender {
            node: from,
            boot: told.boot,
            seq: told.seq,
            echo: told.echo,
        };
        let in_time = self.reign.heard(now_ms, &sender);
        self.merge(&told.counts);
        self.advance(now_ms);
        if told.estate.is_some() && in_time {
            self.inherit(told.estate.as_ref());
        }
        let (acts, usage) = (self.acts(), &self.usage);
        let counts = |meter: &Meter, window| usage.within(meter, window);
        let asks = told.asks.iter().filter(|_| acts && in_time);
        let grants = asks.map(|ask| self.home.grant((now_ms, from), &self.reign, ask, &counts));
        Some(Answer {
            grants: grants.collect(),
            boot: self.reign.boot,
            stamp: now_ms,
            acts,
            heir_of: self.reign.heir_of,
        })
    }

    /// Decides on another node's request, as the home.
    pub fn decide(&mut self, now_ms: u64, take: &Take) -> Option<Verdict> {
        self.advance(now_ms);
        let meant = self.standing == (Standing::Home { reign: take.reign }) && self.acts();
        meant.then(|| self.take_at_home(now_ms, &take.claims, take.meter.as_ref()))
    }
}
