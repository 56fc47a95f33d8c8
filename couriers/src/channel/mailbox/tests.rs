use super::*;
use store::{Appender, Folder};

const RAW: &str = "From: =?utf-8?q?L=C3=A9topis?= <letopis@chat.example>\r\n\
    To: anna@example.org\r\n\
    Subject: =?utf-8?b?0J/QvtC00YLQstC10YDQtNC40YLQtQ==?= x\r\n\
    Message-ID: <1@chat.example>\r\n\
    List-Id: <account.chat.example>\r\n\
    List-Unsubscribe: <https://chat.example/u/abc>,\r\n <mailto:x@chat.example>\r\n\
    MIME-Version: 1.0\r\n\
    Content-Type: multipart/alternative; boundary=\"b\"\r\n\
    \r\n\
    --b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
    =D0=94=D0=B0: https://chat.example/c/abc=3D\r\n\
    --b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n\
    <p>Yes: <a href=\"https://chat.example/c/abc=\">confirm</a></p>\r\n\
    --b--\r\n";

#[test]
fn a_mail_is_shown_as_a_mail_program_would() {
    let content = content(RAW.as_bytes());
    assert_eq!(content.sender, "Létopis <letopis@chat.example>");
    assert_eq!(content.subject, "Подтвердите x");
    assert_eq!(content.text.as_deref().map(str::trim_end), Some("Да: https://chat.example/c/abc="));
    assert!(content.html.unwrap().contains("<a href=\"https://chat.example/c/abc=\">"));
    assert_eq!(content.links, ["https://chat.example/c/abc="]);
    let header = |name: &str| {
        let found = content.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).unwrap_or_else(|| panic!("no {name} in {:?}", content.headers))
    };
    assert_eq!(header("List-Unsubscribe"), "<https://chat.example/u/abc>, <mailto:x@chat.example>");
    assert_eq!(header("List-Id"), "<account.chat.example>");
    assert_eq!(header("Message-ID"), "<1@chat.example>");
    assert_eq!(header("Subject"), "Подтвердите x");
    assert_eq!(header("From"), "Létopis <letopis@chat.example>");
    assert_eq!(header("To"), "anna@example.org");
}

#[test]
fn a_mail_of_one_part_has_the_other_not() {
    let text = content(b"Subject: x\r\n\r\nonly text, https://a.example/x\r\n");
    assert_eq!((text.text.as_deref(), text.html), (Some("only text, https://a.example/x\r\n"), None));
    assert_eq!(text.links, ["https://a.example/x"]);
    let html = content(b"Subject: x\r\nContent-Type: text/html\r\n\r\n<a href='https://a.example/x'>x</a>\r\n");
    assert_eq!((html.text, html.links), (None, vec!["https://a.example/x".to_owned()]));
    assert!(html.html.unwrap().starts_with("<a href"));
    assert_eq!(content(b""), MailContent::default());
}

fn attempt(number: u32, raw: &[u8]) -> MailAttempt {
    MailAttempt {
        delivery_id: Uuid::from_u128(7),
        attempt: number,
        user_id: None,
        recipient: "anna@example.org".to_owned(),
        at: Timestamp(5),
        position: 3,
        raw: raw.to_vec(),
    }
}

#[tokio::test]
async fn an_attempt_leaves_one_mail_however_often_it_is_repeated() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::create(place.path()).unwrap();
    let appender = Appender::open(&folder, &folder.master_key()).unwrap();
    let tables = Tables::open(&folder, &appender.log(&folder).unwrap()).unwrap();
    for (number, mails) in [(1, 1), (1, 1), (2, 2)] {
        let end = send(&tables, attempt(number, RAW.as_bytes())).await;
        assert!(matches!(end, AttemptEnd::Accepted { .. }), "{end:?}");
        assert_eq!(tables.mailbox().reader().list(None, None, 10).await.unwrap().len(), mails);
    }
    let end = send(&tables, attempt(3, &vec![b'x'; MAIL_BYTES_MAX + 1])).await;
    assert!(matches!(end, AttemptEnd::Rejected { address_at_fault: false, .. }), "{end:?}");
}
