//! What RFC 9111 says of one stored answer, written from its text: a model to compare the cache
//! with. It shares no code with the cache, and works on what headers mean, not on their bytes.
//!
//! Where the RFC leaves a choice, the model names what this cache chooses (`House`).

use std::collections::{BTreeMap, BTreeSet};

/// A directive of `Cache-Control`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Directive {
    NoStore,
    NoCache,
    NoCacheFields(&'static str),
    Private,
    PrivateFields(&'static str),
    Public,
    MustRevalidate,
    ProxyRevalidate,
    MaxAge(u64),
    SMaxAge(u64),
    BadMaxAge,
    StaleWhileRevalidate(u64),
    StaleIfError(u64),
    Unknown,
}

/// A date as an offset in seconds from the arrival, or one that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stamp {
    At(i64),
    Malformed,
}

/// A response as its origin means it.
#[derive(Clone, Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) control: Vec<Directive>,
    /// `CDN-Cache-Control`.
    pub(super) targeted: Option<Vec<Directive>>,
    pub(super) date: Option<Stamp>,
    pub(super) expires: Option<Stamp>,
    pub(super) age: Option<u64>,
    pub(super) vary: Vec<&'static str>,
    pub(super) vary_star: bool,
    pub(super) cookie: bool,
    pub(super) etag: Option<&'static str>,
}

/// A request as its client means it.
#[derive(Clone, Debug, Default)]
pub(super) struct Request {
    pub(super) method: &'static str,
    pub(super) authorization: bool,
    pub(super) fields: BTreeMap<&'static str, &'static str>,
    pub(super) no_store: bool,
    pub(super) no_cache: bool,
    /// Of `Pragma`.
    pub(super) pragma_no_cache: bool,
    pub(super) max_age: Option<u64>,
    pub(super) min_fresh: Option<u64>,
    pub(super) max_stale: bool,
    pub(super) none_match: Option<&'static str>,
}

/// When an answer came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    /// From the request to the response, in milliseconds.
    pub(super) delay_ms: u64,
    /// The part of a second at which it arrived, in milliseconds.
    pub(super) fraction_ms: u64,
}

/// What may be done with the stored answer for a second request.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// The cache has nothing to do with the request.
    Pass,
    /// Nothing is stored that matches.
    Miss,
    /// It may be used as it is.
    Use { status: u16, age_s: u64 },
    /// It has to be confirmed; what may be done if that fails.
    Confirm(Reserve),
    /// The request does not want it.
    Unwanted,
}

/// Uses of a stale answer (section 4.2.4; RFC 5861).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reserve {
    pub(super) disconnected: bool,
    pub(super) on_error: bool,
    pub(super) while_confirming: bool,
}

/// Beyond the RFC: what this cache does not store although it could, for safety.
mod house {
    /// Statuses of section 3 that it stores; the others depend on the single request.
    pub(super) const STATUSES: [u16; 13] = [
        200, 203, 204, 300, 301, 302, 307, 308, 404, 405, 410, 414, 501,
    ];
    pub(super) const VARY_MAX: usize = 8;
    /// A disconnected cache uses what is older no more.
    pub(super) const STALE_MS_MAX: u64 = 3_600_000;
}

impl Response {
    /// Section 5.2 with RFC 9213, section 2.2: a targeted field replaces the others.
    fn directives(&self) -> &[Directive] {
        match &self.targeted {
            Some(targeted) if !targeted.is_empty() => targeted,
            _ => &self.control,
        }
    }

    fn is_targeted(&self) -> bool {
        self.targeted.as_ref().is_some_and(|all| !all.is_empty())
    }

    fn has(&self, one: &Directive) -> bool {
        self.directives().contains(one)
    }

    /// Of several values of one directive, the smallest: section 4.2.1 allows the first, or to
    /// take the response for stale, and the smallest is never later than either.
    fn seconds(&self, pick: impl Fn(&Directive) -> Option<u64>) -> Option<u64> {
        self.directives().iter().filter_map(pick).min()
    }

    /// Section 4.2.1.
    pub(super) fn lifetime_s(&self) -> Option<u64> {
        let shared = self.seconds(|one| match one {
            Directive::SMaxAge(seconds) => Some(*seconds),
            _ => None,
        });
        let private = self.seconds(|one| match one {
            Directive::MaxAge(seconds) => Some(*seconds),
            // Invalid freshness is no freshness.
            Directive::BadMaxAge => Some(0),
            _ => None,
        });
        if shared.is_some() || private.is_some() {
            return shared.or(private);
        }
        match (self.is_targeted(), self.expires) {
            (true, _) | (_, None) => None,
            (false, Some(Stamp::Malformed)) => Some(0),
            (false, Some(Stamp::At(expires))) => {
                let date = match self.date {
                    Some(Stamp::At(date)) => date,
                    _ => 0,
                };
                Some(u64::try_from(expires - date).unwrap_or(0))
            }
        }
    }

    /// Section 4.2.3, in milliseconds.
    fn initial_age_ms(&self, timing: Timing) -> u64 {
        let apparent = match self.date {
            Some(Stamp::At(date)) => {
                let sent_ms = date * 1_000;
                let arrived_ms = i64::try_from(timing.fraction_ms).unwrap();
                u64::try_from(arrived_ms - sent_ms).unwrap_or(0)
            }
            _ => 0,
        };
        // A date has whole seconds: what its rounding and the delay explain is no age.
        let apparent = if apparent <= timing.delay_ms + 999 {
            0
        } else {
            apparent
        };
        let corrected = self.age.unwrap_or(0) * 1_000 + timing.delay_ms;
        apparent.max(corrected)
    }

    fn age_ms(&self, timing: Timing, later_ms: u64) -> u64 {
        self.initial_age_ms(timing) + later_ms
    }

    /// Section 3.5, and the directives it names.
    fn is_for_all(&self) -> bool {
        let named = |one: &Directive| {
            matches!(
                one,
                Directive::Public | Directive::MustRevalidate | Directive::SMaxAge(_)
            )
        };
        self.directives().iter().any(named)
    }

    /// Header names that must not be stored, or not be used without confirmation (sections
    /// 5.2.2.4 and 5.2.2.7).
    pub(super) fn withheld(&self) -> BTreeSet<&'static str> {
        let fields = self.directives().iter().filter_map(|one| match one {
            Directive::NoCacheFields(name) | Directive::PrivateFields(name) => Some(*name),
            _ => None,
        });
        fields.collect()
    }

    /// Section 3, and the house.
    pub(super) fn is_stored(&self, request: &Request, timing: Timing) -> bool {
        let may = request.method == "GET"
            && !request.no_store
            && !self.has(&Directive::NoStore)
            && !self.has(&Directive::Private)
            && (!request.authorization || self.is_for_all())
            && !self.vary_star;
        let cookie = self.cookie && !self.withheld().contains("set-cookie");
        let vary: BTreeSet<_> = self.vary.iter().collect();
        let house = house::STATUSES.contains(&self.status)
            && !self.has(&Directive::NoCache)
            && !cookie
            && vary.len() <= house::VARY_MAX;
        let fresh = self
            .lifetime_s()
            .is_some_and(|lifetime| lifetime * 1_000 > self.initial_age_ms(timing));
        may && house && fresh
    }

    /// Section 4.1.
    fn matches(&self, first: &Request, second: &Request) -> bool {
        let same = |name: &&str| first.fields.get(name) == second.fields.get(name);
        self.vary.iter().all(same)
    }

    /// Section 4, for a second request `later_ms` after the answer to the first was stored.
    pub(super) fn verdict(
        &self,
        first: &Request,
        second: &Request,
        timing: Timing,
        later_ms: u64,
    ) -> Verdict {
        if !["GET", "HEAD"].contains(&second.method) || second.no_store {
            return Verdict::Pass;
        }
        if !self.is_stored(first, timing) || !self.matches(first, second) {
            return Verdict::Miss;
        }
        // Section 3.5, read strictly: what was stored for strangers is not shown to who is known.
        if second.authorization && !self.is_for_all() {
            return Verdict::Unwanted;
        }
        let cache_control = second.no_cache
            || second.max_age.is_some()
            || second.min_fresh.is_some()
            || second.max_stale;
        if second.no_cache || (second.pragma_no_cache && !cache_control) {
            return Verdict::Unwanted;
        }
        let age_ms = self.age_ms(timing, later_ms);
        let lifetime_ms = self.lifetime_s().unwrap_or(0) * 1_000;
        if age_ms >= lifetime_ms {
            return Verdict::Confirm(self.reserve(second, age_ms - lifetime_ms));
        }
        let too_old = second.max_age.is_some_and(|most| age_ms / 1_000 > most);
        let left_s = (lifetime_ms - age_ms) / 1_000;
        if too_old || second.min_fresh.is_some_and(|least| left_s < least) {
            return Verdict::Unwanted;
        }
        let same = second.none_match.is_some() && second.none_match == self.etag;
        Verdict::Use {
            status: if same && self.status == 200 {
                304
            } else {
                self.status
            },
            age_s: age_ms / 1_000,
        }
    }

    /// Section 4.2.4 and RFC 5861, for an answer that has been stale for `over_ms`.
    fn reserve(&self, request: &Request, over_ms: u64) -> Reserve {
        let none = Reserve {
            disconnected: false,
            on_error: false,
            while_confirming: false,
        };
        // Who limits the age of the answer, or its freshness, gets no stale one.
        let exact = request.max_age.is_some() || request.min_fresh.is_some();
        if exact || self.has(&Directive::MustRevalidate) || self.has(&Directive::ProxyRevalidate) {
            return none;
        }
        let on_error = self.seconds(|one| match one {
            Directive::StaleIfError(seconds) => Some(*seconds * 1_000),
            _ => None,
        });
        let meanwhile = self.seconds(|one| match one {
            Directive::StaleWhileRevalidate(seconds) => Some(*seconds * 1_000),
            _ => None,
        });
        let shared = self
            .directives()
            .iter()
            .any(|one| matches!(one, Directive::SMaxAge(_)));
        Reserve {
            // `stale-if-error` says how long; otherwise `s-maxage` forbids (section 5.2.2.10).
            disconnected: match on_error {
                Some(most) => over_ms <= most,
                None => !shared && over_ms <= house::STALE_MS_MAX,
            },
            on_error: on_error.is_some_and(|most| over_ms < most),
            while_confirming: meanwhile.is_some_and(|most| over_ms < most),
        }
    }
}
