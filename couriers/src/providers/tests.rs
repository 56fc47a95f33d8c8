//! The first that is well gets the mail, and none gets one that another may have.

use super::*;
use crate::channel::smtp::SmtpUrl;
use crate::mail::Sender;
use domain::Timestamp;
use servers::{Fault as SinkFault, SmtpSink, Step};
use uuid::Uuid;

fn mail() -> Mail {
    Mail {
        delivery_id: Uuid::from_u128(1),
        from: Sender::parse("letopis@chat.example.org").unwrap(),
        to: "anna@example.org".to_owned(),
        subject: "Hello".to_owned(),
        text: "Hello".to_owned(),
        html: None,
        category: "account".to_owned(),
        unsubscribe_url: None,
        locale: "en".to_owned(),
        at: Timestamp(1_764_000_000_000_000),
    }
}

fn over(sinks: &[&SmtpSink], per_second_max: u32) -> Providers {
    let smtp = sinks.iter().flat_map(|sink| SmtpUrl::parse_list(&sink.url("")).unwrap()).collect();
    Providers::open(&MailSettings { smtp, per_second_max, ..MailSettings::default() }).unwrap()
}

/// As a dispatcher does: on to the next provider where that is allowed.
async fn deliver(providers: &Providers, now: Instant) -> (Vec<String>, Option<AttemptEnd>) {
    let (mut tried, mut names, mut last) = (Vec::new(), Vec::new(), None);
    while let Choice::Provider(index) = providers.choose(now, &tried) {
        let end = providers.send(index, &mail(), &|| true).await;
        tried.push(index);
        names.push(providers.name(index).to_owned());
        let on = may_fail_over(&end);
        last = Some(end);
        if !on {
            break;
        }
    }
    (names, last)
}

#[tokio::test]
async fn the_first_gets_it_and_the_next_only_what_nobody_can_have() {
    let (first, second) = (SmtpSink::start().await, SmtpSink::start().await);
    let providers = over(&[&first, &second], 1_000_000);
    let names = [first.port(), second.port()].map(|port| format!("localhost:{port}"));
    for (step, fault, gets_it) in [
        (Step::Greeting, SinkFault::Drop, true),
        (Step::Rcpt, SinkFault::Reply("450 4.2.0 later\r\n"), true),
        (Step::Dot, SinkFault::Reply("451 4.3.0 again\r\n"), true),
        (Step::Rcpt, SinkFault::Reply("550 5.1.1 nobody\r\n"), false),
        (Step::Dot, SinkFault::Drop, false),
        (Step::Dot, SinkFault::Reply("554 5.7.1 spam\r\n"), false),
    ] {
        first.behave();
        // No connection is left over from before, nor a slower rate.
        let providers = over(&[&first, &second], 1_000_000);
        let before = second.received().len();
        first.fail(step, fault);
        let (tried, end) = deliver(&providers, Instant::now()).await;
        assert_eq!(tried, names[..if gets_it { 2 } else { 1 }], "{step:?} {fault:?}");
        assert_eq!(matches!(end, Some(AttemptEnd::Accepted { .. })), gets_it, "{end:?}");
        assert_eq!(second.received().len() - before, usize::from(gets_it));
    }
    first.behave();
    assert_eq!(deliver(&providers, Instant::now()).await.0, names[..1]);
    assert_eq!(providers.find(&names[1]).map(|index| providers.name(index).to_owned()), Some(names[1].clone()));
    assert_eq!(providers.find("elsewhere:25"), None);
}

#[tokio::test]
async fn a_server_without_what_an_address_needs_is_passed_over() {
    let utf8 = servers::SinkOptions { extensions: vec!["SMTPUTF8", "8BITMIME"], ..servers::SinkOptions::default() };
    let (first, second) = (SmtpSink::start().await, SmtpSink::start_with(utf8).await);
    let providers = over(&[&first, &second], 1_000_000);
    let mail = Mail { to: "анна@example.org".to_owned(), ..mail() };
    let Choice::Provider(index) = providers.choose(Instant::now(), &[]) else { panic!("the first") };
    let end = providers.send(index, &mail, &|| true).await;
    assert!(matches!(&end, AttemptEnd::Rejected { fault, address_at_fault: false } if fault.phase == "capability"));
    assert!(may_fail_over(&end));
    let Choice::Provider(next) = providers.choose(Instant::now(), &[index]) else { panic!("the second") };
    assert!(matches!(providers.send(next, &mail, &|| true).await, AttemptEnd::Accepted { .. }));
    assert_eq!(providers.choose(Instant::now(), &[index, next]), Choice::Nobody);
}

#[tokio::test]
async fn a_provider_that_is_down_costs_no_attempts() {
    let (first, second) = (SmtpSink::start().await, SmtpSink::start().await);
    first.fail(Step::Greeting, SinkFault::Drop);
    let providers = over(&[&first, &second], 1_000_000);
    let now = Instant::now();
    for _ in 0..20 {
        let (_, end) = deliver(&providers, now).await;
        assert!(matches!(end, Some(AttemptEnd::Accepted { .. })));
    }
    assert_eq!((first.connections(), second.received().len()), (5, 20));
    let until = providers.states()[0].open_until.expect("it is left alone");
    // Alone, it is waited for.
    let Choice::Provider(index) = providers.choose(now, &[]) else { panic!("the second") };
    assert_eq!(providers.choose(now, &[index]), Choice::NotBefore(until));
    first.behave();
    let (tried, _) = deliver(&providers, until).await;
    assert_eq!(tried, [format!("localhost:{}", first.port())]);
    assert_eq!(providers.states()[0].open_until, None);
}

#[tokio::test]
async fn a_full_second_is_waited_for_and_not_spilled() {
    let (first, second) = (SmtpSink::start().await, SmtpSink::start().await);
    let providers = over(&[&first, &second], 2);
    let now = Instant::now();
    assert!(
        matches!(providers.choose(now, &[]), Choice::Provider(index) if providers.name(index) == providers.name(ProviderIndex(0)))
    );
    let Choice::NotBefore(instant) = providers.choose(now, &[]) else { panic!("the rate is used up") };
    assert!(instant > now && instant <= now + WAIT_MAX);
    assert!(matches!(providers.choose(instant, &[]), Choice::Provider(ProviderIndex(0))));
    assert_eq!(over(&[], 1).choose(now, &[]), Choice::Nobody);
    assert!(over(&[], 1).is_empty());
}

#[tokio::test]
async fn a_mail_that_cannot_be_made_is_nobodys_fault_but_the_address() {
    let sink = SmtpSink::start().await;
    let providers = over(&[&sink], 1_000_000);
    let send = async |mail: Mail| providers.send(ProviderIndex(0), &mail, &|| true).await;
    let AttemptEnd::Rejected { fault, address_at_fault: true } = send(Mail { to: "nobody".to_owned(), ..mail() }).await
    else {
        panic!("the address is none")
    };
    assert_eq!((fault.phase, fault.code), ("compose", None));
    let bad = Mail { unsubscribe_url: Some("https://x/\r\n".to_owned()), ..mail() };
    assert!(matches!(send(bad).await, AttemptEnd::Rejected { address_at_fault: false, .. }));
    assert_eq!(sink.connections(), 0);
    let found = providers.look().await.remove(0).1;
    assert_eq!((found.as_deref(), sink.connections()), (Ok("sink.example answers, not encrypted"), 1));
}
