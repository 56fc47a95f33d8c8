//! How an attempt ends for every fault at every phase.

mod connections;

use super::*;
use crate::channel::Fault as AttemptFault;
use crate::mail::{Composed, Mail, Sender};
use domain::Timestamp;
use servers::{Fault, Identity, SinkOptions, SmtpSink, Step};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// Long enough for a busy machine, in every phase that is not meant to be late.
const PATIENT: Duration = Duration::from_secs(600);
/// What a phase gets that hangs for ever.
const AT_ONCE: Duration = Duration::from_millis(20);

fn mail_to(to: &str) -> Composed {
    let mail = Mail {
        delivery_id: Uuid::from_u128(1),
        from: Sender::parse("letopis@chat.example.org").unwrap(),
        to: to.to_owned(),
        subject: "Hello".to_owned(),
        text: "One line\n.\n..two\n".to_owned(),
        html: None,
        category: "account".to_owned(),
        unsubscribe_url: None,
        locale: "en".to_owned(),
        at: Timestamp(1_764_000_000_000_000),
    };
    mail.compose(None).unwrap()
}

fn mail() -> Composed {
    mail_to("anna@example.org")
}

fn smtp_within(url: &str, timeouts: Timeouts, authority: Option<&Identity>) -> Smtp {
    let url = SmtpUrl::parse_list(url).unwrap().remove(0);
    Smtp::new(url, &Roots::new(authority.map(Identity::authority)), timeouts).unwrap()
}

fn smtp(sink: &SmtpSink) -> Smtp {
    smtp_within(&sink.url(""), Timeouts::new(PATIENT), None)
}

async fn send(smtp: &Smtp) -> AttemptEnd {
    smtp.send(&mail(), &|| true).await
}

/// The kind of an end in a word, its phase and its code.
fn told(end: &AttemptEnd) -> (&'static str, &str, Option<u16>) {
    let of =
        |word, fault: &AttemptFault| -> (&'static str, &'static str, Option<u16>) { (word, fault.phase, fault.code) };
    match end {
        AttemptEnd::Accepted { .. } => ("accepted", "", None),
        AttemptEnd::Postponed(fault) => of("postponed", fault),
        AttemptEnd::Rejected { fault, address_at_fault: false } => of("rejected", fault),
        AttemptEnd::Rejected { fault, address_at_fault: true } => of("no such address", fault),
        AttemptEnd::Unknown(fault) => of("unknown", fault),
    }
}

/// Sends over a sink that misbehaves so, and checks whether it has the mail afterwards.
async fn ends(step: Step, fault: Fault, timeouts: Timeouts, expected: (&str, &str, Option<u16>), has_it: bool) {
    let identity = Arc::new(Identity::make().unwrap());
    let login = Some(("PLAIN LOGIN", "anna", "s3cr3t"));
    let options = SinkOptions { identity: Some(Arc::clone(&identity)), login, ..SinkOptions::default() };
    let sink = SmtpSink::start_with(options).await;
    sink.fail(step, fault);
    let url = sink.url("?tls=required").replace("localhost", "anna:s3cr3t@localhost");
    let smtp = smtp_within(&url, timeouts, Some(&identity));
    let end = send(&smtp).await;
    assert_eq!(told(&end), expected, "{step:?} {fault:?}: {end:?}");
    assert_eq!(sink.received().len(), usize::from(has_it), "{step:?} {fault:?}");
    if let AttemptEnd::Postponed(fault) | AttemptEnd::Unknown(fault) | AttemptEnd::Rejected { fault, .. } = end {
        assert!(!fault.detail.is_empty() && !fault.detail.contains("s3cr3t"), "{}", fault.detail);
    }
}

/// The steps before the mail, with what they are called.
const BEFORE: [(Step, &str); 4] =
    [(Step::Greeting, "greeting"), (Step::Ehlo, "ehlo"), (Step::StartTls, "tls"), (Step::Auth, "auth")];
const OF_THE_MAIL: [(Step, &str); 3] = [(Step::Mail, "mail"), (Step::Rcpt, "rcpt"), (Step::Data, "data")];

#[tokio::test]
async fn a_mail_is_taken_and_arrives_as_it_was_made() {
    let sink = SmtpSink::start().await;
    let end = send(&smtp(&sink)).await;
    let detail = "250 2.0.0 Ok: queued as SINK1".to_owned();
    assert_eq!(end, AttemptEnd::Accepted { provider_id: Some("SINK1".to_owned()), detail });
    let received = sink.received().remove(0);
    assert_eq!(received.bytes, mail().bytes);
    assert_eq!(
        (received.from.as_str(), received.to.as_str()),
        ("FROM:<letopis@chat.example.org>", "TO:<anna@example.org>")
    );
    assert!(!received.encrypted);
    assert_eq!(sink.commands()[0], "EHLO [127.0.0.1]");
}

#[tokio::test]
async fn a_reply_in_pieces_is_one() {
    for (step, _) in BEFORE.into_iter().chain(OF_THE_MAIL).chain([(Step::Dot, "")]) {
        ends(step, Fault::Piecemeal, Timeouts::new(PATIENT), ("accepted", "", None), true).await;
    }
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_dot_postpones() {
    for (step, phase) in BEFORE.into_iter().chain(OF_THE_MAIL).chain([(Step::Handshake, "tls")]) {
        ends(step, Fault::Drop, Timeouts::new(PATIENT), ("postponed", phase, None), false).await;
    }
}

#[tokio::test]
async fn a_temporary_refusal_before_the_dot_postpones() {
    for (step, phase) in BEFORE.into_iter().chain(OF_THE_MAIL) {
        for (reply, code) in [("421 4.3.2 closing\r\n", 421), ("450 4.2.0 greylisted\r\n", 450), ("451 later\r\n", 451)]
        {
            let expected = ("postponed", phase, Some(code));
            ends(step, Fault::Reply(reply), Timeouts::new(PATIENT), expected, false).await;
            ends(step, Fault::ReplyAndDrop(reply), Timeouts::new(PATIENT), expected, false).await;
        }
    }
}

#[tokio::test]
async fn a_permanent_refusal_before_the_mail_is_about_us_and_postpones() {
    for (step, phase) in BEFORE {
        ends(
            step,
            Fault::Reply("554 5.7.0 go away\r\n"),
            Timeouts::new(PATIENT),
            ("postponed", phase, Some(554)),
            false,
        )
        .await;
    }
    for code in ["530", "534", "535", "538"] {
        let reply: &'static str = format!("{code} 5.7.0 sign in first\r\n").leak();
        let expected = ("postponed", "mail", code.parse().ok());
        ends(Step::Mail, Fault::Reply(reply), Timeouts::new(PATIENT), expected, false).await;
    }
}

#[tokio::test]
async fn a_permanent_refusal_of_the_mail_rejects_it() {
    for (step, phase) in OF_THE_MAIL.into_iter().chain([(Step::Dot, "final-dot")]) {
        for (reply, code) in [("554 5.7.1 spam\r\n", 554), ("552 too large\r\n", 552), ("550 5.7.1 no\r\n", 550)] {
            let expected = ("rejected", phase, Some(code));
            ends(step, Fault::Reply(reply), Timeouts::new(PATIENT), expected, false).await;
        }
    }
}

#[tokio::test]
async fn an_address_that_does_not_exist_is_at_fault() {
    for (step, reply, expected) in [
        (Step::Rcpt, "550 no such user here\r\n", ("no such address", "rcpt", Some(550))),
        (Step::Rcpt, "551 not local\r\n", ("no such address", "rcpt", Some(551))),
        (Step::Rcpt, "553 no such name\r\n", ("no such address", "rcpt", Some(553))),
        (Step::Rcpt, "550-5.1.1 The account\r\n550 5.1.1 does not exist\r\n", ("no such address", "rcpt", Some(550))),
        (Step::Rcpt, "554 5.1.2 no such host\r\n", ("no such address", "rcpt", Some(554))),
        (Step::Rcpt, "550 5.2.1 disabled\r\n", ("no such address", "rcpt", Some(550))),
        (Step::Dot, "550 5.1.1 unknown after all\r\n", ("no such address", "final-dot", Some(550))),
        // Of the sender, of the policy, of the quota, of the size.
        (Step::Rcpt, "550 5.1.8 bad sender\r\n", ("rejected", "rcpt", Some(550))),
        (Step::Rcpt, "550 5.7.1 relaying denied\r\n", ("rejected", "rcpt", Some(550))),
        (Step::Rcpt, "552 5.2.2 full\r\n", ("rejected", "rcpt", Some(552))),
        (Step::Rcpt, "554 not here\r\n", ("rejected", "rcpt", Some(554))),
        (Step::Mail, "550 no such user here\r\n", ("rejected", "mail", Some(550))),
        (Step::Mail, "550 5.1.1 no such sender\r\n", ("rejected", "mail", Some(550))),
        (Step::Dot, "550 no\r\n", ("rejected", "final-dot", Some(550))),
    ] {
        ends(step, Fault::Reply(reply), Timeouts::new(PATIENT), expected, false).await;
    }
}

#[tokio::test]
async fn only_a_definite_no_after_the_dot_is_one() {
    let patient = Timeouts::new(PATIENT);
    for (reply, code) in [("421 4.3.2 closing\r\n", 421), ("450 4.2.0 later\r\n", 450), ("451 4.3.0 again\r\n", 451)] {
        ends(Step::Dot, Fault::Reply(reply), patient, ("postponed", "final-dot", Some(code)), false).await;
        ends(Step::Dot, Fault::ReplyAndDrop(reply), patient, ("postponed", "final-dot", Some(code)), false).await;
    }
    ends(Step::Dot, Fault::Drop, patient, ("unknown", "final-dot", None), true).await;
    let hasty = patient.with(Phase::FinalDot, AT_ONCE);
    ends(Step::Dot, Fault::Hang, hasty, ("unknown", "final-dot", None), true).await;
    // What is no answer says nothing: half of one, none of SMTP, one of another place.
    for reply in ["250", "250 2.0", "25", "hello\r\n", "999 9\r\n"] {
        let has_it = reply.starts_with('2');
        ends(Step::Dot, Fault::ReplyAndDrop(reply), patient, ("unknown", "final-dot", None), has_it).await;
    }
    ends(Step::Dot, Fault::ReplyAndDrop("354 go on\r\n"), patient, ("unknown", "final-dot", Some(354)), false).await;
}

#[tokio::test]
async fn a_server_that_hangs_costs_the_time_of_its_phase() {
    for (step, phase, name) in [
        (Step::Greeting, Phase::Greeting, "greeting"),
        (Step::Ehlo, Phase::Ehlo, "ehlo"),
        (Step::StartTls, Phase::Tls, "tls"),
        (Step::Handshake, Phase::Tls, "tls"),
        (Step::Auth, Phase::Auth, "auth"),
        (Step::Mail, Phase::Mail, "mail"),
        (Step::Rcpt, Phase::Rcpt, "rcpt"),
        (Step::Data, Phase::Data, "data"),
    ] {
        let timeouts = Timeouts::new(PATIENT).with(phase, AT_ONCE);
        ends(step, Fault::Hang, timeouts, ("postponed", name, None), false).await;
    }
    // With one connection waiting, there is no place for another one to wait.
    let full = tokio::net::TcpSocket::new_v4().unwrap();
    full.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let listener = full.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let _waiting = tokio::net::TcpStream::connect(address).await.unwrap();
    let hasty = Timeouts::new(PATIENT).with(Phase::Connect, AT_ONCE);
    let end = send(&smtp_within(&format!("smtp://{address}"), hasty, None)).await;
    assert_eq!(told(&end), ("postponed", "connect", None), "{end:?}");
}

#[tokio::test]
async fn what_is_no_answer_postpones() {
    for (step, phase) in BEFORE.into_iter().chain(OF_THE_MAIL) {
        for reply in ["hello\r\n", "\r\n", "25", "250-a\r\n550 b\r\n", "2é0 x\r\n"] {
            ends(step, Fault::ReplyAndDrop(reply), Timeouts::new(PATIENT), ("postponed", phase, None), false).await;
        }
    }
    // A yes of the wrong kind.
    ends(Step::Data, Fault::Reply("250 ok\r\n"), Timeouts::new(PATIENT), ("postponed", "data", Some(250)), false).await;
}

#[tokio::test]
async fn a_reply_without_end_is_given_up() {
    let endless: &'static str = "250-x\r\n".repeat(20_000).leak();
    ends(Step::Rcpt, Fault::ReplyAndDrop(endless), Timeouts::new(PATIENT), ("postponed", "rcpt", None), false).await;
}

#[tokio::test]
async fn nobody_there_postpones() {
    let sink = SmtpSink::start().await;
    let url = sink.url("");
    drop(sink);
    let port = url.rsplit(':').next().unwrap().parse::<u16>().unwrap();
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let end = send(&smtp_within(&url, Timeouts::new(PATIENT), None)).await;
    assert_eq!(told(&end), ("postponed", "connect", None));
}

#[tokio::test]
async fn a_mail_that_breaks_off_in_its_middle_was_not_accepted() {
    let sink = SmtpSink::start().await;
    sink.fail(Step::Body, Fault::Drop);
    let mut large = mail();
    large.bytes.extend_from_slice("a line of a large mail\r\n".repeat(2_000_000).as_bytes());
    let end = smtp(&sink).send(&large, &|| true).await;
    assert_eq!(told(&end), ("postponed", "body", None), "{end:?}");
    sink.fail(Step::Body, Fault::Hang);
    let hasty = Timeouts::new(PATIENT).with(Phase::Body, AT_ONCE);
    let end = smtp_within(&sink.url(""), hasty, None).send(&large, &|| true).await;
    assert_eq!(told(&end), ("postponed", "body", None), "{end:?}");
    assert!(sink.received().is_empty());
}

#[tokio::test]
async fn a_mail_whose_time_is_over_does_not_go_out() {
    let sink = SmtpSink::start().await;
    let smtp = smtp(&sink);
    let asked = std::sync::Mutex::new(Vec::new());
    let end = smtp
        .send(&mail(), &|| {
            asked.lock().unwrap().extend(sink.commands());
            false
        })
        .await;
    assert_eq!(told(&end), ("postponed", "lease", None));
    assert_eq!(asked.lock().unwrap().last().map(String::as_str), Some("DATA"), "asked as late as can be");
    assert!(sink.received().is_empty());
    // That connection is not used again: the server waits for a mail on it.
    assert!(matches!(send(&smtp).await, AttemptEnd::Accepted { .. }));
    assert_eq!((sink.connections(), sink.received()[0].bytes == mail().bytes), (2, true));
}

#[tokio::test]
async fn what_a_server_says_of_the_recipient_is_not_kept() {
    let sink = SmtpSink::start().await;
    sink.fail(
        Step::Rcpt,
        Fault::Reply(
            "550-5.1.1 <anna@example.org>: user ANNA unknown,\r\n550 5.1.1 see https://x/?q=anna@example.org\u{7}\r\n",
        ),
    );
    let AttemptEnd::Rejected { fault, .. } = send(&smtp(&sink)).await else { panic!("rejected") };
    assert_eq!(fault.detail, "550 5.1.1 <address> user <address> unknown, 5.1.1 see <address>");
    sink.fail(Step::Rcpt, Fault::Reply(format!("450 {}\r\n", "long ".repeat(200)).leak()));
    let AttemptEnd::Postponed(fault) = send(&smtp(&sink)).await else { panic!("postponed") };
    assert_eq!(fault.detail.chars().count(), crate::channel::DETAIL_CHARS_MAX);
}
