//! Join tokens: text and back, and hostile text.

use proptest::prelude::*;

use super::*;

fn token() -> JoinToken {
    let addrs = vec![
        "192.0.2.1:4433".parse().unwrap(),
        "[2001:db8::1]:4433".parse().unwrap(),
    ];
    JoinToken::fresh([7; 32], addrs).unwrap()
}

#[test]
fn a_token_reads_back() {
    let token = token();
    let text = token.to_string();
    assert!(text.starts_with("ewj1."));
    assert_eq!(text.parse::<JoinToken>().unwrap(), token);
    assert_eq!(format!(" {text}\n").parse::<JoinToken>().unwrap(), token);
    assert_ne!(token.secret_hash(), token.secret);
    assert!(!format!("{token:?}").contains(&format!("{:?}", token.secret)));
}

#[test]
fn damage_is_noticed() {
    let text = token().to_string();
    assert_eq!("ewj2.abc".parse::<JoinToken>(), Err(TokenError::Prefix));
    assert_eq!("ewj1.a b".parse::<JoinToken>(), Err(TokenError::Damaged));
    assert_eq!(
        format!("{text}AAAA").parse::<JoinToken>(),
        Err(TokenError::Damaged)
    );
    assert_eq!(
        text.get(..text.len() - 4).unwrap().parse::<JoinToken>(),
        Err(TokenError::Damaged)
    );
    assert_eq!(
        "ewj1.".repeat(2000).parse::<JoinToken>(),
        Err(TokenError::TooLong)
    );
    assert_eq!(JoinToken::fresh([0; 32], vec![]), Err(TokenError::Addrs));
}

proptest! {
    #[test]
    fn any_text_is_a_token_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = format!("ewj1.{}", URL_SAFE_NO_PAD.encode(&bytes));
        if let Ok(token) = text.parse::<JoinToken>() {
            prop_assert!(token.addrs.len() <= TOKEN_ADDRS_MAX);
        }
    }
}
