//! Read back by a parser of others.

use super::*;
use mail_parser::{Address as ParsedAddress, Message as Read, MessageParser, MimeHeaders};

fn mail() -> Mail {
    Mail {
        delivery_id: Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001),
        from: Sender::parse("Letopis <letopis@chat.example.org>").unwrap(),
        to: "anna@example.org".to_owned(),
        subject: "Добро пожаловать, Анна — 你好 👋".to_owned(),
        text: "Hello\n.\n..dots\nfrom here".to_owned(),
        html: Some("<p>Привет, <b>Анна</b></p>".to_owned()),
        category: "account".to_owned(),
        unsubscribe_url: None,
        locale: "ru".to_owned(),
        at: Timestamp(1_764_000_000_000_000),
    }
}

fn read(bytes: &[u8]) -> Read<'_> {
    MessageParser::default().parse(bytes).expect("a mail")
}

fn header<'a>(mail: &'a Read<'_>, name: &str) -> &'a str {
    mail.header_raw(name.to_owned()).unwrap_or_else(|| panic!("no {name}")).trim()
}

#[test]
fn a_mail_says_what_it_was_made_of() {
    let composed = mail().compose(None).unwrap();
    assert_eq!((composed.from.as_ref(), composed.to.as_ref()), ("letopis@chat.example.org", "anna@example.org"));
    let read = read(&composed.bytes);
    assert_eq!(read.subject(), Some(mail().subject.as_str()));
    assert_eq!(read.body_text(0).unwrap().replace("\r\n", "\n").trim_end(), mail().text);
    assert_eq!(read.body_html(0).unwrap().trim_end(), mail().html.unwrap());
    assert_eq!(read.message_id(), Some("01920000-0000-7000-8000-000000000001@chat.example.org"));
    assert_eq!(read.date().unwrap().to_timestamp(), 1_764_000_000);
    let from = read.from().and_then(ParsedAddress::first).unwrap();
    assert_eq!((from.name(), from.address()), (Some("Letopis"), Some("letopis@chat.example.org")));
    assert_eq!(read.to().and_then(ParsedAddress::first).unwrap().address(), Some("anna@example.org"));
    let kind = read.content_type().unwrap();
    assert_eq!((kind.ctype(), kind.subtype()), ("multipart", Some("alternative")));
    assert_eq!(header(&read, "Auto-Submitted"), "auto-generated");
    assert_eq!(header(&read, "Content-Language"), "ru");
    assert_eq!(header(&read, "List-Id"), "<account.chat.example.org>");
    assert_eq!(header(&read, "Feedback-ID"), "account:letopis");
    assert_eq!(header(&read, "X-Delivery-Id"), "01920000-0000-7000-8000-000000000001");
    assert_eq!(header(&read, "MIME-Version"), "1.0");
}

#[test]
fn every_attempt_sends_the_same_bytes() {
    assert_eq!(mail().compose(None).unwrap().bytes, mail().compose(None).unwrap().bytes);
}

#[test]
fn a_mail_without_html_is_text_alone() {
    let composed = Mail { html: None, ..mail() }.compose(None).unwrap();
    let read = read(&composed.bytes);
    assert_eq!(read.content_type().unwrap().ctype(), "text");
    assert_eq!(read.html_body_count(), 1, "the text stands for it");
    assert_eq!(read.body_text(0).unwrap().replace("\r\n", "\n").trim_end(), mail().text);
}

#[test]
fn unsubscribing_is_offered_only_where_it_is_possible() {
    let composed = mail().compose(None).unwrap();
    let without = read(&composed.bytes);
    assert!(without.header_raw("List-Unsubscribe").is_none() && without.header_raw("List-Unsubscribe-Post").is_none());
    let url = format!("https://chat.example.org/u/{}", "a".repeat(200));
    let composed = Mail { unsubscribe_url: Some(url.clone()), ..mail() }.compose(None).unwrap();
    let with = read(&composed.bytes);
    assert_eq!(header(&with, "List-Unsubscribe"), format!("<{url}>"));
    assert_eq!(header(&with, "List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
    for bad in
        ["https://x/u/a\r\nBcc: b@example.org", "https://x/u/ a", "https://x/u/é", "https://x/>", &"u".repeat(901)]
    {
        let made = Mail { unsubscribe_url: Some(bad.to_owned()), ..mail() }.compose(None);
        assert_eq!(made.unwrap_err(), Unmailable::UnsubscribeUrl, "{bad:?}");
    }
}

#[test]
fn nothing_in_a_mail_adds_a_header() {
    let evil = "\r\nBcc: evil@example.org\r\n\r\nbody";
    // Every control character, and the two separators that some programs break lines at.
    let breaks = (0..=0x9f).filter_map(char::from_u32).filter(|c| c.is_control()).chain(['\u{2028}', '\u{2029}']);
    for breaker in breaks {
        let text = format!("one{breaker}Bcc: evil@example.org{breaker}{breaker}two{evil}");
        let from = Sender(Mailbox::new(Some(one_line(&text)), "letopis@chat.example.org".parse().unwrap()));
        let composed = Mail { subject: text.clone(), from, category: text.clone(), locale: text.clone(), ..mail() };
        let composed = composed.compose(None).unwrap();
        let read = read(&composed.bytes);
        assert!(read.bcc().is_none(), "{breaker:?}");
        let plain = "one Bcc: evil@example.org two Bcc: evil@example.org body";
        assert_eq!(read.subject(), Some(plain), "{breaker:?}");
        assert_eq!(read.from().and_then(ParsedAddress::first).unwrap().name(), Some(plain), "{breaker:?}");
        let names = read.headers().iter().map(|header| header.name()).collect::<Vec<_>>();
        assert_eq!(names.len(), 12, "{names:?}");
    }
}

#[test]
fn no_encoded_word_of_others_is_passed_on() {
    for text in ["=?utf-8?b?DQpCY2M6IGV2aWxAZXhhbXBsZS5vcmc=?=", "x =?utf-8?q?=0D=0ABcc:_e?= y"] {
        let from = Sender(Mailbox::new(Some(one_line(text)), "letopis@chat.example.org".parse().unwrap()));
        let composed = Mail { subject: text.to_owned(), from, ..mail() }.compose(None).unwrap();
        let read = read(&composed.bytes);
        assert_eq!(read.subject().map(|subject| subject.replace("= ?", "=?")), Some(text.to_owned()));
        assert!(!read.from().and_then(ParsedAddress::first).unwrap().name().unwrap().contains('\n'));
    }
}

#[test]
fn subjects_of_any_length_and_script_stay_within_lines() {
    for subject in ["x".repeat(2_000), "слово ".repeat(300), "👩‍👩‍👧‍👦".repeat(200), String::new(), "  a   b ".to_owned()]
    {
        let composed = Mail { subject: subject.clone(), ..mail() }.compose(None).unwrap();
        let longest = composed.bytes.split(|byte| *byte == b'\n').map(<[u8]>::len).max().unwrap();
        assert!(longest < 998, "{longest}");
        let read = read(&composed.bytes);
        let expected = one_line(&subject);
        assert_eq!(read.subject().unwrap_or_default(), expected);
        assert!(expected.chars().count() <= HEADER_CHARS_MAX + 1);
    }
}

#[test]
fn long_lines_and_loose_line_ends_of_a_text_survive() {
    let text = format!("{}\r\nbare\nand\rcarriage\r\n\tтекст", "long ".repeat(400));
    let composed = Mail { text: text.clone(), html: None, ..mail() }.compose(None).unwrap();
    assert!(composed.bytes.is_ascii());
    assert!(composed.bytes.split(|byte| *byte == b'\n').all(|line| line.len() < 998));
    let read = read(&composed.bytes);
    assert!(read.body_text(0).unwrap().contains(&"long ".repeat(400)));
    assert!(read.body_text(0).unwrap().contains("\tтекст"));
}

#[test]
fn addresses_are_taken_or_refused() {
    let envelope = |to: &str| Mail { to: to.to_owned(), ..mail() }.compose(None).map(|made| made.to.to_string());
    assert_eq!(envelope("anna@пример.рф"), Ok("anna@xn--e1afmkfd.xn--p1ai".to_owned()));
    assert_eq!(envelope("анна@example.org"), Ok("анна@example.org".to_owned()));
    assert_eq!(envelope("a+b@example.org"), Ok("a+b@example.org".to_owned()));
    for bad in [
        "",
        "anna",
        "@example.org",
        "anna@",
        "anna@exa mple.org",
        "anna@example.org>\r\nRCPT TO:<b@example.org",
        "an\u{0}na@example.org",
        "\"a b\"@example.org",
        "<anna@example.org>",
        "anna@example.org, b@example.org",
        "a\u{85}@example.org",
    ] {
        assert_eq!(envelope(bad), Err(Unmailable::Recipient), "{bad:?}");
    }
}

#[test]
fn senders_are_read() {
    let sender = Sender::parse("Чат \"Летопись\" <letopis@example.org>");
    assert!(sender.is_err() || sender.unwrap().address() == "letopis@example.org");
    let named = Sender::parse("Летопись <letopis@пример.рф>").unwrap();
    assert_eq!((named.name(), named.address()), (Some("Летопись"), "letopis@xn--e1afmkfd.xn--p1ai"));
    let composed = Mail { from: named, ..mail() }.compose(None).unwrap();
    let read = read(&composed.bytes);
    assert_eq!(read.from().and_then(ParsedAddress::first).unwrap().name(), Some("Летопись"));
    assert_eq!(Sender::parse("letopis@127.0.0.1").unwrap().domain(), "127.0.0.1");
    for bad in ["", "letopis", "Letopis <>", "a@b, c@d", "a@b\r\nBcc: c@d"] {
        assert!(Sender::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn fuzz_whatever_a_subject_holds_is_its_subject() {
    fuzz::text(&["Hello", "Привет, =?utf-8?q?a?=\r\nBcc: b@example.org", "a\tb\u{85}c \"d\" <e@f>"], |text| {
        let composed =
            Mail { subject: text.to_owned(), html: None, text: String::new(), ..mail() }.compose(None).unwrap();
        let read = read(&composed.bytes);
        assert_eq!(read.headers().len(), 13, "none is added");
        assert_eq!(read.subject().unwrap_or_default(), one_line(text));
        // Nothing is refused here: what leaves no subject stands for it.
        fuzz::Verdict::from(!one_line(text).is_empty())
    });
}
