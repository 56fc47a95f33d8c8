//! Verified by the DKIM of others.

use super::*;
use crate::mail::{Mail, Sender};
use servers::Server;
use std::io::Write;
use std::process::{Command, Stdio};
use uuid::Uuid;

/// A key for tests alone.
const RSA: &[u8] = include_bytes!("test-rsa.pem");
/// What its domain says of it.
const RSA_RECORD: &str = "v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAnAA4ybWqwrKcIpA+SHcerbzUC3v5i99XXwxrVgx0B9pH+SZpN7iC5gun+UIaZV+NKBU7McKk6LXmsvjt1XS/e9B6CavrEf8XRRLMgkgwrTeVKD5ltxGHIqQL5Jm3mjqWr19Xnrs/1IXgtZDFBmnneHpjgTlgOhw28JLw1e2TBEKFzJworwteqHYPaRXuhVKK7ShthqmAQIlx2tzUa5PWnhZGFZixqKjITtl32IIc2J99VjmTJ+wUACuZnZUBkj1aLNV2hpjoFsJ7nB03k9n0rOqOOoqWOCbZR9kP3plKwDablWIS15nz63M3ThE2kIuXH7aE0TvmOB6fCbkpYA8BRwIDAQAB";
/// RFC 8410's example, and its public half.
const ED25519: &[u8] = b"-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
";
const ED25519_RECORD: &str = "v=DKIM1; k=ed25519; p=Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";

/// Reads a mail, answers `True` when its signature holds for that record, which is all there is in the domain's DNS.
const VERIFY: &str = "
import sys, dkim
record, asked = sys.argv[1].encode(), []
def dns(name, timeout=5):
    asked.append(name.decode())
    return record if name == b'mail2026._domainkey.chat.example.org.' else None
print(dkim.verify(sys.stdin.buffer.read(), dnsfunc=dns, minkey=2048))
";

fn mail() -> Mail {
    Mail {
        delivery_id: Uuid::from_u128(7),
        from: Sender::parse("Летопись <letopis@chat.example.org>").unwrap(),
        to: "anna@example.org".to_owned(),
        subject: "Тема  с   пробелами, long enough that it has to be folded somewhere in its middle".to_owned(),
        text: "Blanks at the end   \n\ttabs\t and  runs  of   blanks\n\n.\n\n\n".to_owned(),
        html: Some("<p>Привет</p>\n".to_owned()),
        category: "marketing".to_owned(),
        unsubscribe_url: Some("https://chat.example.org/u/token".to_owned()),
        locale: "ru".to_owned(),
        at: Timestamp(1_764_000_000_000_000),
    }
}

fn signed(pem: &[u8], mail: &Mail) -> Vec<u8> {
    mail.compose(Some(&Dkim::of_pem(pem, "mail2026").unwrap())).unwrap().bytes
}

/// What the others say.
fn holds(mail: &[u8], record: &str) -> bool {
    let python = Server::Dkimpy.find().unwrap();
    let mut verifier =
        Command::new(python).args(["-c", VERIFY, record]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    verifier.stdin.take().unwrap().write_all(mail).unwrap();
    let said = verifier.wait_with_output().unwrap();
    assert!(said.status.success());
    String::from_utf8(said.stdout).unwrap().trim() == "True"
}

fn swapped(mail: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(mail.to_vec()).unwrap();
    assert!(text.contains(from), "{text}");
    text.replacen(from, to, 1).into_bytes()
}

#[test]
fn others_find_the_signature_right_and_every_change_wrong() {
    if !servers::installed(Server::Dkimpy) {
        return;
    }
    for (pem, record) in [(RSA, RSA_RECORD), (ED25519, ED25519_RECORD)] {
        let whole = signed(pem, &mail());
        assert!(holds(&whole, record), "{}", String::from_utf8_lossy(&whole));
        let alone = Mail { html: None, unsubscribe_url: None, text: String::new(), ..mail() };
        assert!(holds(&signed(pem, &alone), record));
        for (from, to) in [
            ("To: anna@", "To: hanna@"),
            ("Subject: ", "Subject: x"),
            ("From: ", "From: evil@example.org\r\nFrom: "),
            ("List-Unsubscribe: <https://chat", "List-Unsubscribe: <https://evil"),
            ("List-Unsubscribe-Post: List-Unsubscribe=One-Click", "List-Unsubscribe-Post: x"),
            ("Message-ID: <", "Message-ID: <x"),
            ("Date: Mon", "Date: Tue"),
            ("MIME-Version: 1.0", "MIME-Version: 1.1"),
            ("multipart/alternative;", "multipart/mixed;"),
            ("runs  of", "runs of no"),
        ] {
            assert!(!holds(&swapped(&whole, from, to), record), "{from} → {to}");
        }
    }
}

#[test]
fn a_key_of_another_domain_does_not_hold() {
    if !servers::installed(Server::Dkimpy) {
        return;
    }
    assert!(!holds(&signed(ED25519, &mail()), "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="));
}

#[test]
fn only_what_the_mail_has_is_listed() {
    let text = String::from_utf8(signed(ED25519, &Mail { unsubscribe_url: None, ..mail() })).unwrap();
    assert!(
        text.starts_with("DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=chat.example.org; s=mail2026;")
    );
    assert!(text.contains("h=from:from:to:subject:date:message-id:mime-version:content-type:"), "{text}");
    assert!(!text.contains("list-unsubscribe"), "{text}");
    assert!(text.lines().all(|line| line.len() < 998));
}

#[test]
fn keys_that_cannot_sign_are_told_without_the_key() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("key.pem");
    let open = |pem: &str| {
        std::fs::write(&file, pem).unwrap();
        Dkim::open(&DkimSettings { key_file: file.clone(), selector: "mail2026".to_owned() }).unwrap_err()
    };
    assert!(open("").contains("no private key in PEM"));
    let broken = open("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n");
    assert!(broken.contains("RSA of 2048 to 8192 bits") && !broken.contains("c2VjcmV0"), "{broken}");
    let missing = DkimSettings { key_file: place.path().join("none"), selector: "a".to_owned() };
    assert!(Dkim::open(&missing).unwrap_err().contains("cannot be read"));
    std::fs::write(&file, RSA).unwrap();
    let shown = format!("{:?}", Dkim::open(&DkimSettings { key_file: file, selector: "a".to_owned() }).unwrap());
    assert_eq!(shown, "Dkim(Rsa a)");
}

#[test]
fn selectors() {
    for good in ["mail2026", "a", "s1.mail", "x_y-z"] {
        assert!(DkimSettings::is_selector(good), "{good}");
    }
    for bad in ["", "a b", "a;b", "a..b", ".a", "-a", "ключ", "a\r\nb", &"a".repeat(64)] {
        assert!(!DkimSettings::is_selector(bad), "{bad:?}");
    }
}
