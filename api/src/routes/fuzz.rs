//! Every body that is read, mutated: it is taken, or its fault is told in our own words and at its place.

use super::{auth, chats, codes, email, forgetting, me, members, messages, reset, search_tasks, tokens};
use crate::error::{Code, Error};
use crate::http::body::parse;
use ::fuzz::Verdict;
use serde::de::DeserializeOwned;
use serde_json::Value;

type Read = fn(&[u8]) -> Result<(), Error>;

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<(), Error> {
    parse::<T>(body).map(drop)
}

/// Each body: how it is read, and what it looks like.
const BODIES: [(Read, &str); 18] = [
    (read::<auth::Register>, r#"{"user_name":"Anna","password":"a long passphrase","email":"anna@example.org"}"#),
    (read::<auth::Login>, r#"{"user_name":"Anna","password":"a long passphrase","cookie":true}"#),
    (read::<codes::Ask>, r#"{"email":"anna@example.org"}"#),
    (read::<codes::Verify>, r#"{"email":"anna@example.org","code":"123456","cookie":true}"#),
    (read::<email::ChangeEmail>, r#"{"email":"anna@example.org"}"#),
    (read::<reset::Forgot>, r#"{"email":"anna@example.org"}"#),
    (read::<reset::Reset>, r#"{"token":"abc","new_password":"a longer one"}"#),
    (read::<chats::CreateChat>, r#"{"chat_name":"garden","private":false}"#),
    (read::<chats::ChangeChat>, r#"{"chat_name":"kitchen","archived":true}"#),
    (read::<forgetting::Erase>, r#"{"password":"a long passphrase"}"#),
    (read::<me::ChangeProfile>, r#"{"user_name":"A","display_name":"A","time_zone":"Europe/Berlin","locale":"pt-BR"}"#),
    (read::<me::ChangePassword>, r#"{"old_password":"a long passphrase","new_password":"a longer one"}"#),
    (read::<members::Enter>, r#"{"user_id":"0190c2f4-0000-7000-8000-000000000001"}"#),
    (read::<members::ChangeMember>, r#"{"role":"admin"}"#),
    (read::<messages::Post>, r#"{"message":"hi \u0434","reply_to":"0190c2f4-0000-7000-8000-000000000001"}"#),
    (read::<messages::Edit>, r#"{"message":"bye"}"#),
    (read::<search_tasks::AskLater>, r#"{"message":"from:Anna \u0434"}"#),
    (read::<tokens::CreateToken>, r#"{"name":"shop","scopes":["read","write"],"expires_in":3600}"#),
];

/// What only a parser would say.
const RAW: [&str; 6] = ["invalid type", "expected", "at line 0", "struct ", "EOF", "`"];

fn judge(input: &[u8], error: &Error) {
    assert_eq!(error.code, Code::BadParameters);
    assert!(error.errors.len() <= 1, "{error:?}");
    for fault in &error.errors {
        let own = !RAW.iter().any(|raw| fault.detail.contains(raw));
        assert!(own && !fault.detail.is_empty(), "{fault:?}");
        // Its last part may be what is missing; the rest is there (RFC 6901).
        let parent =
            fault.pointer.as_deref().expect("a body is at fault").rsplit_once('/').map_or("", |(parent, _)| parent);
        if let Ok(body) = serde_json::from_slice::<Value>(input) {
            assert!(body.pointer(parent).is_some(), "{fault:?}");
        }
    }
}

#[test]
fn a_body_is_taken_or_its_fault_is_told() {
    let seeds = BODIES.map(|(_, body)| body.as_bytes());
    let mut turns = (0..BODIES.len()).cycle();
    ::fuzz::bytes(&seeds, |input| {
        let turn = turns.next().expect("a cycle has no end");
        let mut taken = false;
        // A third of them with each input; a seed is read as what it is.
        for (read, _) in BODIES.iter().skip(turn % 3).step_by(3) {
            match read(input) {
                Ok(()) => {
                    assert!(serde_json::from_slice::<Value>(input).is_ok_and(|body| body.is_object()));
                    taken = true;
                }
                Err(error) => judge(input, &error),
            }
        }
        Verdict::from(taken)
    });
}
