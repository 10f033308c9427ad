//! Numbers, times and networks, as they stand in conditions and in requests.

use std::{cmp::Ordering, net::IpAddr};

use ipnet::IpNet;

use crate::sigv4::days_from_civil;

/// A decimal number.
pub(super) fn number(text: &str) -> Option<f64> {
    let plain = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
    let finite = |number: &f64| number.is_finite();
    if !text.chars().all(plain) {
        return None;
    }
    text.parse().ok().filter(finite)
}

/// Milliseconds since 1970 of `2026-11-21`, `2026-11-21T10:00:00.5Z`, one with an offset such as
/// `+01:00`, or seconds since 1970.
pub(super) fn date_ms(text: &str) -> Option<i64> {
    if !text.contains('-') || text.starts_with('-') {
        let seconds: i64 = text.parse().ok()?;
        return seconds.checked_mul(1000);
    }
    let (day, clock) = match text.split_once('T') {
        Some((day, clock)) => (day, Some(clock)),
        None => (text, None),
    };
    let mut parts = day.split('-').map(digits);
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let real = (1970..=9999).contains(&year) && (1..=12).contains(&month);
    if parts.next().is_some() || !real || !(1..=31).contains(&day) {
        return None;
    }
    let days = i64::try_from(days_from_civil(year, month, day)).ok()?;
    let of_day = match clock {
        Some(clock) => clock_ms(clock)?,
        None => 0,
    };
    Some(days * 86_400_000 + of_day)
}

fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// `HH:MM`, `HH:MM:SS` or `HH:MM:SS.fff`, then `Z`, an offset or nothing (which is UTC).
fn clock_ms(text: &str) -> Option<i64> {
    let zone = text.find(['Z', '+', '-']);
    let (clock, zone) = text.split_at_checked(zone.unwrap_or(text.len()))?;
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut parts = whole.split(':');
    let hour = digits(parts.next()?)?;
    let minute = digits(parts.next()?)?;
    let second = match parts.next() {
        Some(second) => digits(second)?,
        None => 0,
    };
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let fraction_ms = match fraction {
        "" => 0,
        _ => digits(
            &format!("{fraction:0<3}")
                .chars()
                .take(3)
                .collect::<String>(),
        )?,
    };
    let ms = (hour * 3600 + minute * 60 + second) * 1000 + fraction_ms;
    Some(i64::try_from(ms).ok()? - offset_ms(zone)?)
}

fn offset_ms(zone: &str) -> Option<i64> {
    let sign = match zone.chars().next() {
        None => return Some(0),
        Some('Z') => return (zone == "Z").then_some(0),
        Some('+') => 1,
        Some(_) => -1,
    };
    let plain: String = zone.chars().skip(1).filter(|c| *c != ':').collect();
    let number = digits(&plain).filter(|_| plain.len() == 4)?;
    let ms = (number / 100 * 60 + number % 100) * 60_000;
    Some(sign * i64::try_from(ms).ok()?)
}

/// A network; a single address is one.
pub(super) fn network(text: &str) -> Option<IpNet> {
    text.parse()
        .ok()
        .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// An address; one of IPv4 that is written as IPv6 counts as IPv4.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

/// Six ways to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compare {
    Equals,
    LessThan,
    LessThanEquals,
    GreaterThan,
    GreaterThanEquals,
}

impl Compare {
    pub(super) fn holds(self, order: Option<Ordering>) -> bool {
        let Some(order) = order else {
            return false;
        };
        match self {
            Self::Equals => order.is_eq(),
            Self::LessThan => order.is_lt(),
            Self::LessThanEquals => order.is_le(),
            Self::GreaterThan => order.is_gt(),
            Self::GreaterThanEquals => order.is_ge(),
        }
    }
}
