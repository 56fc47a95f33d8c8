//! What connections are for: encrypted, signed in, used again.

use super::*;

#[tokio::test]
async fn connections_are_encrypted_as_the_address_says() {
    let identity = Arc::new(Identity::make().unwrap());
    for (implicit, rest) in [(false, "?tls=required"), (true, "?tls=implicit")] {
        let options = SinkOptions { identity: Some(Arc::clone(&identity)), implicit, ..SinkOptions::default() };
        let sink = SmtpSink::start_with(options).await;
        let trusting = smtp_within(&sink.url(rest), Timeouts::new(PATIENT), Some(&identity));
        assert!(matches!(send(&trusting).await, AttemptEnd::Accepted { .. }));
        assert!(sink.received()[0].encrypted);
        assert_eq!(trusting.look().await.unwrap(), "sink.example answers, encrypted");
        // Nobody here knows that authority, and it vouches for no 127.0.0.1.
        let other = Identity::make().unwrap();
        let end = send(&smtp_within(&sink.url(rest), Timeouts::new(PATIENT), Some(&other))).await;
        assert_eq!(told(&end), ("postponed", "tls", None), "{end:?}");
        let url = sink.url(rest).replace("localhost", "127.0.0.1");
        let end = send(&smtp_within(&url, Timeouts::new(PATIENT), Some(&identity))).await;
        assert_eq!(told(&end), ("postponed", "tls", None), "{end:?}");
        assert_eq!(sink.received().len(), 1);
    }
}

#[tokio::test]
async fn a_server_without_encryption_gets_nothing_where_it_is_required() {
    let sink = SmtpSink::start().await;
    let end = send(&smtp_within(&sink.url("?tls=required"), Timeouts::new(PATIENT), None)).await;
    assert_eq!(told(&end), ("postponed", "tls", None));
    assert_eq!(sink.commands(), ["EHLO [127.0.0.1]"]);
    // Words that come before the encryption are not taken for those after it.
    let identity = Arc::new(Identity::make().unwrap());
    let sink =
        SmtpSink::start_with(SinkOptions { identity: Some(Arc::clone(&identity)), ..SinkOptions::default() }).await;
    sink.fail(Step::StartTls, Fault::Reply("220 go ahead\r\n250 injected\r\n"));
    let end = send(&smtp_within(&sink.url("?tls=required"), Timeouts::new(PATIENT), Some(&identity))).await;
    assert_eq!(told(&end), ("postponed", "tls", None));
    assert!(sink.received().is_empty());
}

#[tokio::test]
async fn authorities_that_cannot_be_read_are_told_at_the_start() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("ca.pem");
    let open = || {
        let url = SmtpUrl::parse_list("smtp://mail.example.org").unwrap().remove(0);
        Smtp::new(url, &Roots::new(Some(file.clone())), Timeouts::new(PATIENT)).err().unwrap()
    };
    assert!(open().contains("cannot be read"));
    std::fs::write(&file, "nothing of the kind").unwrap();
    assert!(open().contains("no certificate"), "{}", open());
}

#[tokio::test]
async fn signing_in_goes_by_what_the_server_takes() {
    for mechanisms in ["PLAIN", "LOGIN", "CRAM-MD5 LOGIN", "LOGIN PLAIN"] {
        let options = SinkOptions { login: Some((mechanisms, "anna", "s3,cr3t")), ..SinkOptions::default() };
        let sink = SmtpSink::start_with(options).await;
        let url = |password: &str| sink.url("").replace("localhost", &format!("anna:{password}@localhost"));
        let right = smtp_within(&url("s3%2Ccr3t"), Timeouts::new(PATIENT), None);
        assert!(matches!(send(&right).await, AttemptEnd::Accepted { .. }), "{mechanisms}");
        let end = send(&smtp_within(&url("wrong"), Timeouts::new(PATIENT), None)).await;
        assert_eq!(told(&end), ("postponed", "auth", Some(535)), "{mechanisms}");
    }
    let sink =
        SmtpSink::start_with(SinkOptions { login: Some(("CRAM-MD5", "anna", "x")), ..SinkOptions::default() }).await;
    let url = sink.url("").replace("localhost", "anna:x@localhost");
    let end = send(&smtp_within(&url, Timeouts::new(PATIENT), None)).await;
    assert_eq!(told(&end), ("postponed", "auth", None));
}

#[tokio::test]
async fn an_address_beyond_ascii_needs_a_server_that_takes_it() {
    let sink = SmtpSink::start().await;
    let plain = smtp(&sink);
    let end = plain.send(&mail_to("анна@example.org"), &|| true).await;
    assert_eq!(told(&end), ("rejected", "capability", None));
    // Nothing was asked of it, and the connection is as good as before.
    assert!(matches!(send(&plain).await, AttemptEnd::Accepted { .. }));
    assert_eq!(sink.connections(), 1);
    let only_utf8 = SmtpSink::start_with(SinkOptions { extensions: vec!["SMTPUTF8"], ..SinkOptions::default() }).await;
    let end = smtp(&only_utf8).send(&mail_to("анна@example.org"), &|| true).await;
    assert_eq!(told(&end), ("rejected", "capability", None));
    let both = SinkOptions { extensions: vec!["smtputf8", "8bitmime"], ..SinkOptions::default() };
    let both = SmtpSink::start_with(both).await;
    assert!(matches!(smtp(&both).send(&mail_to("анна@example.org"), &|| true).await, AttemptEnd::Accepted { .. }));
    let received = both.received().remove(0);
    assert_eq!(received.to, "TO:<анна@example.org>");
    assert!(received.from.ends_with(" SMTPUTF8 BODY=8BITMIME"), "{}", received.from);
}

#[tokio::test]
async fn a_connection_carries_one_mail_after_another() {
    let sink = SmtpSink::start().await;
    let smtp = smtp(&sink);
    for _ in 0..100 {
        assert!(matches!(send(&smtp).await, AttemptEnd::Accepted { .. }));
    }
    assert_eq!(sink.connections(), 1);
    assert!(matches!(send(&smtp).await, AttemptEnd::Accepted { .. }));
    assert_eq!(sink.connections(), 2, "after so many mails a new one is made");
    assert_eq!(sink.received().len(), 101);
}

#[tokio::test]
async fn a_refused_mail_is_forgotten_before_the_next() {
    let sink = SmtpSink::start().await;
    let smtp = smtp(&sink);
    for step in [Step::Mail, Step::Rcpt, Step::Data, Step::Dot] {
        sink.fail_times(step, Fault::Reply("450 4.2.0 later\r\n"), 1);
        assert!(matches!(send(&smtp).await, AttemptEnd::Postponed(_)));
        assert!(matches!(send(&smtp).await, AttemptEnd::Accepted { .. }), "{step:?}");
    }
    assert_eq!((sink.connections(), sink.received().len()), (1, 4));
    assert_eq!(sink.commands().iter().filter(|command| *command == "RSET").count(), 4);
}

#[tokio::test]
async fn an_idle_connection_that_is_gone_costs_no_attempt() {
    let sink = SmtpSink::start().await;
    let smtp = smtp(&sink);
    let mut taken = 0;
    for (step, fault) in [
        (Step::Reset, None),
        (Step::Mail, Some(Fault::Drop)),
        (Step::Mail, Some(Fault::ReplyAndDrop("421 4.4.2 timeout\r\n"))),
    ] {
        assert!(matches!(send(&smtp).await, AttemptEnd::Accepted { .. }));
        match fault {
            None => sink.hang_up(),
            Some(fault) => sink.fail_times(step, fault, 1),
        }
        let end = send(&smtp).await;
        assert!(matches!(end, AttemptEnd::Accepted { .. }), "{end:?}");
        taken += 2;
        assert_eq!(sink.received().len(), taken);
    }
    assert_eq!(sink.connections(), 4);
    // One that was refused a mail is asked first; where it does not answer, it is given up.
    sink.fail_times(Step::Rcpt, Fault::Reply("450 4.2.0 later\r\n"), 1);
    assert!(matches!(send(&smtp).await, AttemptEnd::Postponed(_)));
    sink.fail_times(Step::Reset, Fault::Drop, 1);
    assert!(matches!(send(&smtp).await, AttemptEnd::Accepted { .. }));
    // A new one that fails is a failure.
    sink.hang_up();
    sink.fail(Step::Mail, Fault::Drop);
    assert_eq!(told(&send(&smtp).await), ("postponed", "mail", None));
}

#[tokio::test]
async fn many_mails_share_a_bounded_number_of_connections() {
    let sink = SmtpSink::start().await;
    let smtp = Arc::new(smtp(&sink));
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let smtp = Arc::clone(&smtp);
        all.spawn(async move { send(&smtp).await });
    }
    let ends = all.join_all().await;
    assert!(ends.iter().all(|end| matches!(end, AttemptEnd::Accepted { .. })));
    assert!(sink.connections() <= CONNECTIONS_MAX, "{}", sink.connections());
    assert_eq!(sink.received().len(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mail_server_of_others_takes_it() {
    if !servers::installed(servers::Server::PostfixSink) {
        return;
    }
    let patient = Timeouts::new(PATIENT);
    for (options, expected) in [
        (&[][..], ("accepted", "", None)),
        (&["-q", "MAIL"], ("postponed", "mail", None)),
        (&["-q", "RCPT"], ("postponed", "rcpt", None)),
        (&["-q", "DATA"], ("postponed", "data", None)),
        (&["-q", "."], ("unknown", "final-dot", None)),
        (&["-Q", "RCPT"], ("postponed", "rcpt", Some(421))),
        (&["-Q", "."], ("postponed", "final-dot", Some(421))),
        (&["-r", "."], ("postponed", "final-dot", Some(450))),
        (&["-f", "RCPT"], ("rejected", "rcpt", Some(500))),
        (&["-f", "."], ("rejected", "final-dot", Some(500))),
    ] {
        let sink = servers::PostfixSink::start(options).unwrap();
        let end = send(&smtp_within(&sink.url(), patient, None)).await;
        assert_eq!(told(&end), expected, "{options:?}: {end:?}");
    }
}
