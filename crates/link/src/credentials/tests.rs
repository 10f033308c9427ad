//! Credentials on disk, their parts, and when they are due.

use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::ca::Authority;
use crate::identity::PeerRole;

const HOUR: Duration = Duration::from_secs(3600);

fn pieces() -> (Authority, NodeIdentity) {
    let ca = Authority::create("c1", 1000 * HOUR, SystemTime::now()).unwrap();
    (
        ca,
        NodeIdentity::new("c1", PeerRole::Region, "us-east-1", 1).unwrap(),
    )
}

#[test]
fn credentials_read_back_from_private_files() {
    let (ca, identity) = pieces();
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("tls");
    let first = ca.issue_node(&identity, HOUR, SystemTime::now()).unwrap();
    first.store(&dir).unwrap();
    let second = ca
        .issue_node(&identity, HOUR * 2, SystemTime::now())
        .unwrap();
    second.store(&dir).unwrap();
    let loaded = Credentials::load(&dir).unwrap();
    assert_eq!(loaded.identity(), &identity);
    assert_eq!(loaded.chain(), second.chain());
    assert_eq!(loaded.not_after(), second.not_after());
    let mut names = Vec::new();
    for entry in fs::read_dir(&dir).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(
            entry.metadata().unwrap().permissions().mode() & 0o777,
            SECRET_MODE
        );
        names.push(entry.file_name());
    }
    names.sort();
    assert_eq!(names, [CA_FILE, KEY_FILE, CHAIN_FILE]);
}

#[test]
fn parts_that_do_not_belong_together_are_refused() {
    let (ca, identity) = pieces();
    let (other_ca, _) = pieces();
    let a = ca.issue_node(&identity, HOUR, SystemTime::now()).unwrap();
    let b = ca.issue_node(&identity, HOUR, SystemTime::now()).unwrap();
    let swapped = Credentials::new(a.chain.clone(), b.key.clone_key(), a.ca.clone());
    assert!(matches!(swapped, Err(CredentialError::KeyMismatch)));
    let foreign = Credentials::new(
        a.chain.clone(),
        a.key.clone_key(),
        other_ca.cert_der().clone(),
    );
    assert!(matches!(foreign, Err(CredentialError::OtherAuthority)));
    let none = Credentials::new(vec![], a.key.clone_key(), a.ca.clone());
    assert!(matches!(none, Err(CredentialError::Chain)));
}

#[test]
fn a_missing_or_damaged_file_is_named() {
    let (ca, identity) = pieces();
    let dir = tempfile::tempdir().unwrap();
    let missing = Credentials::load(dir.path());
    assert!(matches!(
        missing,
        Err(CredentialError::File {
            file: CHAIN_FILE,
            ..
        })
    ));
    ca.issue_node(&identity, HOUR, SystemTime::now())
        .unwrap()
        .store(dir.path())
        .unwrap();
    fs::write(dir.path().join(KEY_FILE), "nothing").unwrap();
    let damaged = Credentials::load(dir.path());
    assert!(matches!(
        damaged,
        Err(CredentialError::Pem { file: KEY_FILE })
    ));
}

#[test]
fn renewal_is_due_after_two_thirds_of_the_life() {
    let (ca, identity) = pieces();
    let now = SystemTime::now();
    let credentials = ca.issue_node(&identity, HOUR * 30, now).unwrap();
    let life = credentials
        .not_after
        .duration_since(credentials.not_before)
        .unwrap();
    let due = credentials
        .renew_at()
        .duration_since(credentials.not_before)
        .unwrap();
    assert_eq!(due, life / 3 * 2);
    assert!(credentials.renew_at() > now + HOUR * 19);
    assert!(credentials.not_after() <= now + HOUR * 30);
}
