//! Tests of purges: what they cover, and that hits after them stay cheap.

use super::super::purge::{Purge, Purges};
use super::{entry, key};

#[test]
fn a_purge_is_looked_up_once_by_what_it_does_not_concern() {
    let purges = Purges::default();
    let (one, other) = (entry(key("/one"), "x"), entry(key("/other"), "x"));
    assert!(!purges.covers(&one));
    assert_eq!(one.checked.number(), 0);
    purges.add(&Purge::Url("https://a.test/other".into()));
    assert!(purges.covers(&other));
    assert!(!purges.covers(&one));
    assert_eq!((one.checked.number(), other.checked.number()), (1, 0));
    assert!(!purges.covers(&one));
    // Later ones count all the same.
    purges.add(&Purge::Prefix("https://a.test/o".into()));
    assert!(purges.covers(&one));
    assert!(purges.covers(&other));
    purges.add(&Purge::Tag("x".into()));
    assert!(purges.covers(&one));
}
