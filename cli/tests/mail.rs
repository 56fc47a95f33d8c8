//! `letopis mail`: beside a running server and without one.
#![allow(clippy::unwrap_used, reason = "these are tests, their helpers too")]

mod common;

use common::Place;
use domain::Timestamp;
use state::{NewMail, Tables};
use store::{Appender, Folder};
use uuid::Uuid;

const RAW: &str = "From: Letopis <letopis@chat.example>\r\nSubject: Welcome\r\n\r\nhttps://chat.example/c/abc\r\n";

/// Two mails, as a server that has ended left them.
fn left(place: &Place) {
    let folder = Folder::create(&place.data()).unwrap();
    let appender = Appender::open(&folder, &folder.master_key()).unwrap();
    let tables = Tables::open(&folder, &appender.log(&folder).unwrap()).unwrap();
    for (number, recipient) in [(1_u32, "anna@example.org"), (2, "boris@example.org")] {
        let mail = NewMail {
            mail_id: Uuid::from_u128(number.into()),
            delivery_id: Uuid::from_u128(0xd0 + u128::from(number)),
            attempt: 1,
            user_id: None,
            recipient,
            sender: "Letopis <letopis@chat.example>",
            subject: "Welcome",
            at: Timestamp(0),
            position: 7,
            raw: RAW.as_bytes(),
        };
        assert!(tables.mailbox().put(&mail).unwrap());
    }
}

#[test]
fn mails_are_listed_shown_and_removed_with_a_server_and_without_one() {
    for serves in [false, true] {
        let place = Place::new();
        left(&place);
        let server = serves.then(|| place.serve());
        let all = place.run(&["mail", "ls", "-o", "json"]).ok().json();
        let (first, second) = (&all[0], &all[1]);
        assert_eq!((&first["to"], &second["to"]), (&"boris@example.org".into(), &"anna@example.org".into()));
        assert_eq!((&first["subject"], &first["at"]), (&"Welcome".into(), &"1970-01-01T00:00:00.000000Z".into()));
        assert_eq!(first["delivery_id"], Uuid::from_u128(0xd2).to_string());
        let annas = place.run(&["mail", "ls", "--to", "Anna@Example.org", "-o", "json"]).ok().json();
        assert_eq!(annas.as_array().unwrap().len(), 1);
        assert_eq!(place.run(&["mail", "ls", "--limit", "1"]).ok().lines().len(), 1);
        let id = first["id"].as_str().unwrap();
        let mail = place.run(&["mail", "show", id, "-o", "json"]).ok().json();
        assert_eq!(
            (&mail["links"][0], &mail["headers"]["Subject"]),
            (&"https://chat.example/c/abc".into(), &"Welcome".into())
        );
        assert_eq!(place.run(&["mail", "show", id, "--raw"]).ok().out, RAW);
        for unknown in ["x", "01890000-0000-7000-8000-000000000001"] {
            assert_eq!(place.run(&["mail", "show", unknown]).code, 3);
        }
        assert_eq!(place.run(&["mail", "clear", "-o", "json"]).ok().json()["deleted"], 2);
        assert_eq!(place.run(&["mail", "ls", "-o", "json"]).ok().out.trim(), "[]");
        drop(server);
    }
    // Nothing was ever here.
    assert_eq!(Place::new().run(&["mail", "ls"]).code, 3);
}
