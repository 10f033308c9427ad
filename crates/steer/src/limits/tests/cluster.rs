//! Region nodes in virtual time: clients, delays, partitions, leaders that change.

use std::collections::BTreeMap;

use model::rest::Window;

use crate::limits::{Answer, Claim, Exchange, Mode, Node, Standing, Step, Terms, Verdict};

use super::alone::meter;

/// A message on its way.
enum Message {
    Told(u64, Exchange),
    Answered(Exchange, Option<Answer>),
}

/// A cluster of region nodes whose clock is a number.
pub(super) struct Cluster {
    pub(super) now_ms: u64,
    pub(super) nodes: Vec<Node>,
    /// Milliseconds from one node to another.
    pub(super) delay_ms: u64,
    /// Nodes that nobody can talk to.
    pub(super) cut_off: Vec<usize>,
    pub(super) home: Option<usize>,
    awaiting: Vec<Option<Exchange>>,
    wire: BTreeMap<(u64, u64), (usize, Message)>,
    sent: u64,
    reign: u64,
    pub(super) exchanges: u64,
}

pub(super) fn rate(per_second: u64, burst: u32) -> Claim {
    Claim {
        key: super::super::Key::of(&["rate"]),
        terms: Terms::Rate {
            per_second: per_second * 1_000_000,
            burst,
        },
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
    pub(super) fn of(nodes: u64, mode: Mode, delay_ms: u64) -> Self {
        let mut cluster = Self {
            now_ms: 1_000,
            nodes: (1..=nodes).map(|id| Node::new(id, mode)).collect(),
            delay_ms,
            cut_off: Vec::new(),
            home: None,
            awaiting: (0..nodes).map(|_| None).collect(),
            wire: BTreeMap::new(),
            sent: 0,
            reign: 0,
            exchanges: 0,
        };
        let count = cluster.nodes.len();
        cluster
            .nodes
            .iter_mut()
            .for_each(|node| node.set_nodes(count));
        cluster.elect(0);
        cluster.run(1_000);
        cluster
    }

    /// Another node is the home, as far as nodes hear of it.
    pub(super) fn elect(&mut self, home: usize) {
        self.home = Some(home);
        self.reign += 1;
        let reign = self.reign;
        for (index, node) in self.nodes.iter_mut().enumerate() {
            let standing = if index == home {
                Standing::Home { reign }
            } else {
                let home = home as u64 + 1;
                Standing::Follows { home, reign }
            };
            if !self.cut_off.contains(&index) {
                node.set_standing(self.now_ms, standing);
            }
        }
    }

    /// A node starts again and knows nothing.
    pub(super) fn restart(&mut self, index: usize, mode: Mode) {
        let mut fresh = Node::new(index as u64 + 1, mode);
        fresh.set_nodes(self.nodes.len());
        self.nodes[index] = fresh;
        self.awaiting[index] = None;
    }

    fn send(&mut self, to: usize, message: Message) {
        self.sent += 1;
        let at = (self.now_ms + self.delay_ms, self.sent);
        self.wire.insert(at, (to, message));
    }

    fn reaches(&self, one: usize, other: usize) -> bool {
        !self.cut_off.contains(&one) && !self.cut_off.contains(&other)
    }

    /// One millisecond.
    pub(super) fn tick(&mut self) {
        self.now_ms += 1;
        while let Some(next) = self.wire.first_entry() {
            if next.key().0 > self.now_ms {
                break;
            }
            let (to, message) = next.remove();
            self.deliver(to, message);
        }
        if self.now_ms.is_multiple_of(10) {
            for index in 0..self.nodes.len() {
                self.exchange(index);
            }
        }
        if self.now_ms.is_multiple_of(1_000) {
            self.every_second();
        }
    }

    pub(super) fn run(&mut self, ms: u64) {
        (0..ms).for_each(|_| self.tick());
    }

    fn exchange(&mut self, index: usize) {
        if self.awaiting[index].is_some() {
            return;
        }
        let Some((home, told)) = self.nodes[index].exchange(self.now_ms) else {
            return;
        };
        self.exchanges += 1;
        let home = usize::try_from(home).unwrap() - 1;
        if self.reaches(index, home) {
            self.awaiting[index] = Some(told.clone());
            self.send(home, Message::Told(index as u64, told));
        } else {
            self.nodes[index].failed(&told);
        }
    }

    fn deliver(&mut self, to: usize, message: Message) {
        match message {
            Message::Told(from, told) => {
                let answer = self.nodes[to].hear(self.now_ms, from + 1, &told);
                let from = usize::try_from(from).unwrap();
                self.send(from, Message::Answered(told, answer));
            }
            Message::Answered(told, answer) => {
                if self.awaiting[to].take().is_none() {
                    return;
                }
                let lost = self.cut_off.contains(&to);
                match answer.filter(|_| !lost) {
                    Some(answer) => self.nodes[to].answered(self.now_ms, &told, &answer),
                    None => self.nodes[to].failed(&told),
                }
            }
        }
    }

    /// Counts are told, and everybody tidies up.
    fn every_second(&mut self) {
        for index in 0..self.nodes.len() {
            self.nodes[index].sweep(self.now_ms);
            let own = index as u64 + 1;
            let others: Vec<usize> = (0..self.nodes.len())
                .filter(|other| *other != index && self.reaches(index, *other))
                .collect();
            if others.is_empty() {
                continue;
            }
            let told = self.nodes[index].usage_mut().untold(own, usize::MAX);
            for other in others {
                self.nodes[other].merge(self.now_ms, &told);
            }
        }
    }

    /// One request at a node. In exact mode it travels to the home and back at once.
    pub(super) fn request(&mut self, at: usize, claims: &[Claim]) -> bool {
        let step = self.nodes[at].take(self.now_ms, claims, Some(&meter("k")));
        let verdict = match step {
            Step::Done(verdict) => verdict,
            Step::Ask { home, take } => {
                let home = usize::try_from(home).unwrap() - 1;
                let reached = self.reaches(at, home);
                let decided = reached
                    .then(|| self.nodes[home].decide(self.now_ms, &take))
                    .flatten();
                decided.unwrap_or(Verdict::Unknown)
            }
        };
        matches!(verdict, Verdict::Granted(_))
    }

    /// Clients at each of `at` send so many requests a second for a while; how many were admitted.
    pub(super) fn load(&mut self, at: &[usize], each: u64, ms: u64, claims: &[Claim]) -> u64 {
        let mut admitted = 0;
        let mut due = 0;
        for _ in 0..ms {
            self.tick();
            due += each;
            while due >= 1_000 {
                due -= 1_000;
                for node in at {
                    admitted += u64::from(self.request(*node, claims));
                }
            }
        }
        admitted
    }
}
