//! How an attempt over HTTP ended.

use super::{AttemptEnd, DETAIL_CHARS_MAX, Fault};
use outbound::{Answer, Error, StatusCode};

/// What an answer, or its absence, means for an attempt. `accepted` is what a provider calls what it took; `words` what
/// it says of a refusal, without personal data.
pub(super) fn end(
    answered: Result<Answer, Error>,
    accepted: impl FnOnce(&Answer) -> Option<String>,
    words: impl FnOnce(&Answer) -> String,
) -> AttemptEnd {
    let answer = match answered {
        Ok(answer) => answer,
        Err(error) => {
            let fault = Fault { phase: error.phase(), code: None, detail: detail(&error.to_string()) };
            return if error.may_have_arrived() { AttemptEnd::Unknown(fault) } else { AttemptEnd::Postponed(fault) };
        }
    };
    let status = answer.status;
    if status.is_success() {
        let detail = format!("answered {}", status.as_u16());
        return AttemptEnd::Accepted { provider_id: accepted(&answer), detail };
    }
    let words = words(&answer);
    let said = if words.is_empty() { String::new() } else { format!(": {words}") };
    let detail = detail(&format!("answered {}{said}", status.as_u16()));
    let fault = Fault { phase: "answer", code: Some(status.as_u16()), detail };
    if asks_for_later(status) {
        AttemptEnd::Postponed(fault)
    } else {
        AttemptEnd::Rejected { fault, address_at_fault: false }
    }
}

/// Whether the same request may be taken later.
fn asks_for_later(status: StatusCode) -> bool {
    const TOO_EARLY: u16 = 425;
    status.is_server_error()
        || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
        || status.as_u16() == TOO_EARLY
}

fn detail(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(DETAIL_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use outbound::HeaderMap;

    fn answered(status: u16) -> AttemptEnd {
        let status = StatusCode::from_u16(status).unwrap();
        let answer = Answer { status, headers: HeaderMap::new(), body: Vec::new(), is_cut: false };
        end(Ok(answer), |_| Some("id".to_owned()), |_| "x\ny".repeat(DETAIL_CHARS_MAX))
    }

    #[test]
    fn an_answer_says_whether_it_was_taken() {
        for status in [200, 201, 202, 204] {
            let AttemptEnd::Accepted { provider_id, detail } = answered(status) else { panic!("{status}") };
            assert_eq!((provider_id.as_deref(), detail), (Some("id"), format!("answered {status}")));
        }
        for status in [408, 425, 429, 500, 502, 503, 599] {
            let AttemptEnd::Postponed(fault) = answered(status) else { panic!("{status}") };
            assert_eq!((fault.phase, fault.code), ("answer", Some(status)));
        }
        for status in [301, 302, 307, 304, 400, 401, 403, 404, 410, 413, 422] {
            let AttemptEnd::Rejected { fault, address_at_fault: false } = answered(status) else { panic!("{status}") };
            assert_eq!(fault.detail.chars().count(), DETAIL_CHARS_MAX);
            assert!(fault.detail.starts_with(&format!("answered {status}: x y")), "{}", fault.detail);
        }
    }

    #[test]
    fn a_failure_says_whether_it_may_have_been_taken() {
        let host = || "a.example".to_owned();
        for (error, is_open) in [
            (Error::Private { host: host() }, false),
            (Error::Unresolved { host: host(), source: None }, false),
            (Error::Unconnected { host: host(), source: std::io::ErrorKind::ConnectionRefused.into() }, false),
            (Error::TimedOut { host: host(), sent: false }, false),
            (Error::TimedOut { host: host(), sent: true }, true),
            (Error::Broken { host: host(), sent: true, source: "reset".into() }, true),
        ] {
            let phase = error.phase();
            match end(Err(error), |_| None, |_| String::new()) {
                AttemptEnd::Unknown(fault) => assert!(is_open && fault.phase == phase, "{fault:?}"),
                AttemptEnd::Postponed(fault) => assert!(!is_open && fault.phase == phase, "{fault:?}"),
                other @ (AttemptEnd::Accepted { .. } | AttemptEnd::Rejected { .. }) => panic!("{other:?}"),
            }
        }
    }
}
