//! Region nodes in virtual time: clients, delays, links that lose, leaders that change, clocks that
//! differ.

use std::collections::BTreeMap;

use model::rest::Window;

use crate::limits::{
    Answer, Claim, Count, Exchange, Mode, Node, Standing, Step, Take, Terms, Verdict,
};

use super::alone::meter;

/// An exchange is given up after so long.
const GIVE_UP_MS: u64 = 900;

/// A message on its way.
enum Message {
    Told(Exchange),
    Answered(u64, Option<Answer>),
    Asked(Take),
    Counted(Vec<Count>),
}

/// What all nodes together may admit: a bucket of nothing but what the theorem says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Oracle {
    per_ms: f64,
    most: f64,
    level: f64,
    at_ms: u64,
}

impl Oracle {
    /// In any time of t seconds at most burst + rate t.
    pub(super) fn new(rate: f64, burst: f64) -> Self {
        Self {
            per_ms: rate / 1_000.0,
            most: burst,
            level: burst,
            at_ms: 0,
        }
    }

    fn take(&mut self, now_ms: u64) {
        let passed = (now_ms - self.at_ms) as f64;
        self.level = passed.mul_add(self.per_ms, self.level).min(self.most) - 1.0;
        self.at_ms = now_ms;
        assert!(self.level >= -1e-6, "too many at {now_ms}: {self:?}");
    }
}

/// A cluster of region nodes whose clock is a number.
pub(super) struct Cluster {
    pub(super) now_ms: u64,
    pub(super) nodes: Vec<Node>,
    mode: Mode,
    /// Milliseconds from one node to another, and up to how many more.
    pub(super) delay_ms: u64,
    pub(super) jitter_ms: u64,
    /// Nodes that nobody can talk to.
    pub(super) cut_off: Vec<usize>,
    /// Messages from one node to another are lost.
    pub(super) lost: Vec<(usize, usize)>,
    /// Nodes' clocks: what they are ahead, and how fast they run, in thousandths.
    pub(super) clocks: Vec<(u64, u64)>,
    awaiting: Vec<Option<(u64, u64, Exchange)>>,
    wire: BTreeMap<(u64, u64), (usize, usize, Message)>,
    sent: u64,
    reign: u64,
    pub(super) exchanges: u64,
    /// By which node each was decided on.
    pub(super) admitted: Vec<u64>,
    pub(super) oracle: Option<Oracle>,
}

pub(super) fn rate(per_second: u64, burst: u32) -> Claim {
    millionths(per_second * 1_000_000, burst)
}

pub(super) fn millionths(per_second: u64, burst: u32) -> Claim {
    Claim {
        key: super::super::Key::of(&["rate"]),
        terms: Terms::Rate { per_second, burst },
        counted: None,
    }
}

pub(super) fn quota(limit: u32) -> Claim {
    let window = Window { start: 0, end: 7 };
    Claim {
        key: super::super::Key::of(&["quota"]).with_number(window.start),
        terms: Terms::Quota { limit },
        counted: Some((meter("k"), window)),
    }
}

impl Cluster {
    /// One in which the first node is the home, and acts.
    pub(super) fn of(nodes: usize, mode: Mode, delay_ms: u64) -> Self {
        let mut cluster = Self::cold(nodes, mode, delay_ms);
        cluster.elect(0);
        cluster.run(4_000);
        cluster
    }

    /// One in which nobody is the home yet.
    pub(super) fn cold(nodes: usize, mode: Mode, delay_ms: u64) -> Self {
        let mut cluster = Self {
            now_ms: 1_000,
            nodes: Vec::new(),
            mode,
            delay_ms,
            jitter_ms: 0,
            cut_off: Vec::new(),
            lost: Vec::new(),
            clocks: vec![(0, 1_000); nodes],
            awaiting: (0..nodes).map(|_| None).collect(),
            wire: BTreeMap::new(),
            sent: 0,
            reign: 0,
            exchanges: 0,
            admitted: vec![0; nodes],
            oracle: None,
        };
        cluster.nodes = (0..nodes as u64)
            .map(|id| Node::new(id + 1, mode))
            .collect();
        cluster
            .nodes
            .iter_mut()
            .for_each(|node| node.set_nodes(nodes));
        cluster
    }

    fn clock(&self, node: usize) -> u64 {
        let (ahead, speed) = self.clocks[node];
        ahead + self.now_ms * speed / 1_000
    }

    /// Another node is the home, as far as nodes hear of it.
    pub(super) fn elect(&mut self, home: usize) {
        let hear: Vec<usize> = (0..self.nodes.len())
            .filter(|index| !self.cut_off.contains(index))
            .collect();
        self.elect_among(home, &hear);
    }

    /// Another node is the home, as far as those hear of it.
    pub(super) fn elect_among(&mut self, home: usize, hear: &[usize]) {
        self.reign += 1;
        let reign = self.reign;
        for index in hear {
            let standing = if *index == home {
                Standing::Home { reign }
            } else {
                let home = home as u64 + 1;
                Standing::Follows { home, reign }
            };
            self.stand(*index, standing);
        }
    }

    pub(super) fn stand(&mut self, index: usize, standing: Standing) {
        let clock = self.clock(index);
        self.nodes[index].set_standing(clock, standing);
    }

    /// A node starts again and knows nothing.
    pub(super) fn restart(&mut self, index: usize) {
        let mut fresh = Node::new(index as u64 + 1, self.mode);
        fresh.set_nodes(self.nodes.len());
        fresh.has_lived();
        self.nodes[index] = fresh;
        self.awaiting[index] = None;
    }

    fn send(&mut self, from: usize, to: usize, message: Message) {
        let cut_off = self.cut_off.contains(&from) || self.cut_off.contains(&to);
        if cut_off || self.lost.contains(&(from, to)) {
            return;
        }
        self.sent += 1;
        // Some take longer than others, and come later than what was sent after them.
        let more = self.sent.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let delay_ms = self.delay_ms + more % (self.jitter_ms + 1);
        let at = (self.now_ms + delay_ms, self.sent);
        self.wire.insert(at, (from, to, message));
    }

    /// One millisecond.
    pub(super) fn tick(&mut self) {
        self.now_ms += 1;
        while let Some(next) = self.wire.first_entry() {
            if next.key().0 > self.now_ms {
                break;
            }
            let (from, to, message) = next.remove();
            self.deliver(from, to, message);
        }
        if self.now_ms.is_multiple_of(10) {
            (0..self.nodes.len()).for_each(|index| self.exchange(index));
        }
        if self.now_ms.is_multiple_of(1_000) {
            self.every_second();
        }
    }

    pub(super) fn run(&mut self, ms: u64) {
        (0..ms).for_each(|_| self.tick());
    }

    fn exchange(&mut self, index: usize) {
        if let Some((_, since, told)) = &self.awaiting[index] {
            if self.now_ms - since < GIVE_UP_MS {
                return;
            }
            self.nodes[index].failed(told);
            self.awaiting[index] = None;
        }
        let clock = self.clock(index);
        let Some((home, told)) = self.nodes[index].exchange(clock) else {
            return;
        };
        self.exchanges += 1;
        self.awaiting[index] = Some((told.seq, self.now_ms, told.clone()));
        let home = usize::try_from(home).unwrap() - 1;
        self.send(index, home, Message::Told(told));
    }

    fn deliver(&mut self, from: usize, to: usize, message: Message) {
        let clock = self.clock(to);
        match message {
            Message::Told(told) => {
                let answer = self.nodes[to].hear(clock, from as u64 + 1, &told);
                self.send(to, from, Message::Answered(told.seq, answer));
            }
            Message::Answered(seq, answer) => {
                let awaited = self.awaiting[to].take_if(|(awaited, ..)| *awaited == seq);
                let Some((_, _, told)) = awaited else { return };
                match answer {
                    Some(answer) => self.nodes[to].answered(clock, &told, &answer),
                    None => self.nodes[to].failed(&told),
                }
            }
            Message::Asked(take) => {
                let verdict = self.nodes[to].decide(clock, &take);
                if let Some(verdict) = verdict {
                    self.decided(to, &verdict);
                }
            }
            Message::Counted(counts) => self.nodes[to].merge(&counts),
        }
    }

    /// Counts are told, and everybody tidies up.
    fn every_second(&mut self) {
        for index in 0..self.nodes.len() {
            let clock = self.clock(index);
            self.nodes[index].sweep(clock);
            let own = index as u64 + 1;
            let told = self.nodes[index].usage_mut().untold(own, usize::MAX);
            for other in (0..self.nodes.len()).filter(|other| *other != index) {
                self.send(index, other, Message::Counted(told.clone()));
            }
        }
    }

    fn decided(&mut self, by: usize, verdict: &Verdict) {
        if matches!(verdict, Verdict::Granted(_)) {
            self.admitted[by] += 1;
            if let Some(oracle) = &mut self.oracle {
                oracle.take(self.now_ms);
            }
        }
    }

    /// One request at a node. If that asks the home, then it is admitted when that decides.
    pub(super) fn request(&mut self, at: usize, claims: &[Claim]) {
        let clock = self.clock(at);
        match self.nodes[at].take(clock, claims, Some(&meter("k")), None) {
            Step::Done(verdict) => self.decided(at, &verdict),
            Step::Ask { home, take } => {
                let home = usize::try_from(home).unwrap() - 1;
                self.send(at, home, Message::Asked(take));
            }
        }
    }

    /// Clients at each of `at` send so many requests a second for a while; how many were admitted.
    pub(super) fn load(&mut self, at: &[usize], each: u64, ms: u64, claims: &[Claim]) -> u64 {
        let before: u64 = self.admitted.iter().sum();
        let mut due = 0;
        for _ in 0..ms {
            self.tick();
            due += each;
            while due >= 1_000 {
                due -= 1_000;
                at.iter().for_each(|node| self.request(*node, claims));
            }
        }
        self.admitted.iter().sum::<u64>() - before
    }
}
