//! Accounts, sessions, the history of sign-ins.

use crate::support::*;
use domain::{Event, Timestamp, session, user};
use projections::{ProjectionId, sessions, sign_ins, users};
use store::Forget;

#[tokio::test]
async fn an_account_follows_its_facts() {
    let Some(mut world) = World::new() else { return };
    let anna = user_id(1);
    world.follow([
        signed_up(anna, "Anna", Some("anna@example.org")),
        password(anna, "$one"),
        profile(anna, "Anna K."),
        of_user(anna, user::Event::RoleSet(user::RoleSet { role: user::Role::Admin })),
        failed(anna, 1, 1, "curl"),
    ]);
    let db = world.projections.database(ProjectionId::Users);
    let account = users::by_id(&db, anna).await.unwrap().unwrap();
    let expected = users::Account {
        user_id: anna,
        name_key: "anna".to_owned(),
        user_name: "Anna".to_owned(),
        display_name: "Anna K.".to_owned(),
        email: Some("anna@example.org".to_owned()),
        email_confirmed: false,
        time_zone: "Europe/Berlin".to_owned(),
        locale: "de".to_owned(),
        role: user::Role::Admin,
        created_at: Timestamp(5),
        version: 4,
    };
    assert_eq!(account, expected);
    assert_eq!(users::by_name(&db, "anna").await.unwrap(), Some(expected));
    assert_eq!(users::by_name(&db, "Anna").await.unwrap(), None);
    let credentials = users::credentials(&db, "anna").await.unwrap().unwrap();
    assert_eq!((credentials.verifier.as_deref(), credentials.passwords), (Some("$one"), 1));
    assert!(!format!("{credentials:?}").contains("$one"));
    world.assert_verified();
}

#[tokio::test]
async fn a_superseded_verifier_is_forgotten_and_still_counts() {
    let Some(mut world) = World::new() else { return };
    let anna = user_id(1);
    world.follow([signed_up(anna, "Anna", None), password(anna, "$one")]);
    let superseded = Forget::Superseded { stream: anna.into(), name: domain::VERIFIERS[0], before_version: 3 };
    let ended = user::Event::SessionsEnded(user::SessionsEnded { keep: None });
    world.append_and_forget([password(anna, "$two"), of_user(anna, ended)], vec![superseded]);
    world.projections.catch_up().unwrap();
    world.assert_verified();
    world.projections.rebuild(ProjectionId::Users, &mut |_| {}).unwrap();
    let db = world.projections.database(ProjectionId::Users);
    let credentials = users::credentials_by_id(&db, anna).await.unwrap().unwrap();
    assert_eq!((credentials.verifier.as_deref(), credentials.passwords), (Some("$two"), 2));
    assert_eq!(users::by_id(&db, anna).await.unwrap().unwrap().version, 1, "nothing that is shown has changed");
}

#[tokio::test]
async fn a_forgotten_verifier_leaves_an_account_without_one() {
    let Some(mut world) = World::new() else { return };
    let anna = user_id(1);
    let superseded = Forget::Superseded { stream: anna.into(), name: domain::VERIFIERS[0], before_version: 9 };
    world.append_and_forget([signed_up(anna, "Anna", None), password(anna, "$one")], vec![superseded]);
    world.projections.catch_up().unwrap();
    let db = world.projections.database(ProjectionId::Users);
    let credentials = users::credentials(&db, "anna").await.unwrap().unwrap();
    assert_eq!((credentials.verifier, credentials.passwords), (None, 1));
}

#[tokio::test]
async fn people_are_listed_by_the_beginning_of_their_names() {
    let Some(mut world) = World::new() else { return };
    let names = ["Anna", "anton", "a_b", "a%", "Борис", "anna2"];
    let facts = names.iter().enumerate().map(|(index, name)| signed_up(user_id(index as u128), name, None));
    world.follow(facts.collect::<Vec<_>>());
    let db = world.projections.database(ProjectionId::Users);
    let list = async |prefix: &str, after: Option<&str>, limit| -> Vec<String> {
        let found = users::list(&db, prefix, after, limit).await.unwrap();
        found.into_iter().map(|account| account.name_key).collect()
    };
    assert_eq!(list("an", None, 9).await, ["anna", "anna2", "anton"]);
    assert_eq!(list("an", Some("anna"), 1).await, ["anna2"]);
    assert_eq!(list("a_", None, 9).await, ["a_b"], "no wildcard");
    assert_eq!(list("a%", None, 9).await, ["a%"], "no wildcard");
    assert_eq!(list("", None, 9).await.len(), 6);
    assert_eq!(list("бор", None, 9).await, ["борис"]);
}

#[tokio::test]
async fn who_is_erased_is_gone_also_before_the_projection_sees_him() {
    for follow_first in [true, false] {
        let Some(mut world) = World::new() else { return };
        let (anna, boris) = (user_id(1), user_id(2));
        world.append([
            signed_up(anna, "Anna", None),
            signed_up(boris, "Boris", None),
            password(anna, "$one"),
            signed_in(session_id(1), anna, 10),
            failed(anna, 1, 2, "curl"),
            signed_in(session_id(2), boris, 10),
        ]);
        if follow_first {
            world.projections.catch_up().unwrap();
        }
        world.erase(anna);
        world.projections.catch_up().unwrap();
        let users = world.projections.database(ProjectionId::Users);
        assert_eq!(users::by_id(&users, anna).await.unwrap(), None);
        assert!(users::by_id(&users, boris).await.unwrap().is_some());
        let sessions = world.projections.database(ProjectionId::Sessions);
        assert_eq!(sessions::of_user(&sessions, anna, Timestamp(0), None).await.unwrap(), vec![]);
        assert_eq!(sessions::of_user(&sessions, boris, Timestamp(0), None).await.unwrap().len(), 1);
        let sign_ins = world.projections.database(ProjectionId::SignIns);
        assert_eq!(sign_ins::of_user(&sign_ins, anna, None, 9).await.unwrap(), vec![]);
        assert_eq!(sign_ins::of_user(&sign_ins, boris, None, 9).await.unwrap().len(), 1);
        world.assert_verified();
    }
}

#[tokio::test]
async fn sessions_end_alone_or_all_but_one() {
    let Some(mut world) = World::new() else { return };
    let anna = user_id(1);
    world.follow((1..=4).map(|number| signed_in(session_id(number), anna, 10 + number as i64)).collect::<Vec<_>>());
    let db = world.projections.database(ProjectionId::Sessions);
    let session = sessions::by_token(&db, &token(session_id(1))).await.unwrap().unwrap();
    assert_eq!((session.session_id, session.user_id), (session_id(1), anna));
    assert_eq!((session.created_at, session.expires_at), (Timestamp(11), Timestamp(111)));
    assert_eq!((session.device.as_deref(), session.address.as_deref()), (Some("curl"), Some("192.0.2.1")));
    assert_eq!(sessions::by_id(&db, session_id(1)).await.unwrap(), Some(session));
    let numbers = async || -> Vec<_> {
        sessions::of_user(&db, anna, Timestamp(0), None)
            .await
            .unwrap()
            .into_iter()
            .map(|session| session.session_id)
            .collect()
    };
    assert_eq!(numbers().await, [4, 3, 2, 1].map(session_id));
    let ended = Event::Session(session_id(4), session::Event::Ended(session::Ended { user_id: anna }));
    world.follow([ended]);
    assert_eq!(numbers().await, [3, 2, 1].map(session_id));
    let all_but = |keep| of_user(anna, user::Event::SessionsEnded(user::SessionsEnded { keep }));
    world.follow([all_but(Some(session_id(2)))]);
    assert_eq!(numbers().await, [session_id(2)]);
    world.follow([all_but(None)]);
    assert_eq!(numbers().await, []);
    world.assert_verified();
}

#[tokio::test]
async fn failures_are_counted_by_the_minute_and_keep_their_place() {
    let Some(mut world) = World::new() else { return };
    let anna = user_id(1);
    world.follow([
        failed(anna, 1, 1, "first"),
        signed_in(session_id(1), anna, 10),
        failed(anna, 1, 3, "last"),
        failed(anna, 2, 1, "next"),
    ]);
    let db = world.projections.database(ProjectionId::SignIns);
    let all = sign_ins::of_user(&db, anna, None, 9).await.unwrap();
    let seen: Vec<_> = all.iter().map(|row| (row.position, row.succeeded, row.count, row.device.as_deref())).collect();
    assert_eq!(seen, [(4, false, 1, Some("next")), (2, true, 1, Some("curl")), (1, false, 3, Some("last"))]);
    assert_eq!(all[1].session_id, Some(session_id(1)));
    assert_eq!(sign_ins::of_user(&db, anna, Some(4), 1).await.unwrap(), vec![all[1].clone()]);
    world.assert_verified();
}
