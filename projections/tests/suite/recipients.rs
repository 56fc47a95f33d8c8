//! Recipients, the chats that they are in, and addresses that get nothing.

use crate::support::*;
use domain::notify::preferences::{self, Preferred, Unsubscribed};
use domain::notify::quiet::Window;
use domain::notify::{CategoryKey, Channel, Preferences};
use domain::suppression::{self, Address, Reason, Suppressed, Unsuppressed};
use domain::text::{Email, Note};
use domain::{ChatId, Event, Personal, SuppressionId, Timestamp, UserId, chat, user};
use projections::recipients::{self, Audience, Recipient};
use projections::{ProjectionId, chats};
use store::Forget;
use store::sql::Database;

fn db(world: &World) -> Database {
    world.projections.database(ProjectionId::Recipients)
}

fn preferred(who: UserId, preferences: Preferences) -> Event {
    let preferences = Personal::Known(preferences);
    Event::Preferences(who.into(), preferences::Event::Set(Preferred { preferences }))
}

fn wanted() -> Preferences {
    Preferences {
        quiet_hours: vec![Window::parse(["mon"], "22:00", "07:00").unwrap()],
        categories: [(CategoryKey::CHATS, [(Channel::Inbox, false)].into())].into(),
    }
}

fn unsubscribed(who: UserId) -> Event {
    let unsubscribed = Unsubscribed { category: CategoryKey::MARKETING, how: preferences::How::Page };
    Event::Preferences(who.into(), preferences::Event::Unsubscribed(unsubscribed))
}

fn id(number: u8) -> SuppressionId {
    SuppressionId([number; 32])
}

fn suppressed(number: u8, reason: Reason, note: Option<&str>) -> Event {
    let email = Email::parse(&format!("a{number}@example.org")).unwrap();
    let address = Personal::Known(Address { email, note: note.map(|note| Note::parse(note).unwrap()) });
    Event::Suppression(id(number), suppression::Event::Suppressed(Suppressed { at: Timestamp(7), reason, address }))
}

fn unsuppressed(number: u8) -> Event {
    Event::Suppression(id(number), suppression::Event::Unsuppressed(Unsuppressed { at: Timestamp(8) }))
}

fn role(who: UserId, role: user::Role) -> Event {
    of_user(who, user::Event::RoleSet(user::RoleSet { role }))
}

async fn ids(world: &World, audience: Audience, limit: u32) -> Vec<UserId> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = recipients::page(&db(world), audience, after, limit).await.unwrap();
        assert!(page.len() <= limit as usize);
        all.extend(page.iter().map(|recipient| recipient.user_id));
        match page.last() {
            Some(last) => after = Some(last.user_id),
            None => break,
        }
    }
    assert_eq!(recipients::count(&db(world), audience).await.unwrap(), all.len() as u64);
    all
}

#[tokio::test]
async fn one_row_has_all_that_is_needed_to_tell_somebody_something() {
    let Some(mut world) = World::new() else { return };
    let anna = user_id(1);
    world.follow([
        signed_up(anna, "Anna", Some("anna@example.org")),
        profile(anna, "Anna K."),
        role(anna, user::Role::Notifier),
        signed_in(session_id(1), anna, 9),
        preferred(anna, wanted()),
        unsubscribed(anna),
    ]);
    let found = recipients::by_id(&db(&world), anna).await.unwrap().unwrap();
    let mut preferences = wanted();
    preferences.categories.insert(CategoryKey::MARKETING, [(Channel::Email, false)].into());
    let expected = Recipient {
        user_id: anna,
        user_name: "Anna".to_owned(),
        display_name: "Anna K.".to_owned(),
        email: Some("anna@example.org".to_owned()),
        email_confirmed: false,
        time_zone: "Europe/Berlin".to_owned(),
        locale: "de".to_owned(),
        role: user::Role::Notifier,
        created_at: found.created_at,
        signed_in_at: Some(Timestamp(9)),
        suspended_until: None,
        preferences,
        preferences_version: 2,
    };
    assert_eq!(found, expected);
    let moved = Event::Preferences(anna.into(), preferences::Event::TimeZoneChanged);
    world.follow([moved]);
    let found = recipients::by_id(&db(&world), anna).await.unwrap().unwrap();
    assert_eq!((found.preferences_version, found.preferences), (3, expected.preferences));
    world.assert_verified();
    world.projections.rebuild(ProjectionId::Recipients, &mut |_| {}).unwrap();
    world.assert_verified();
}

#[tokio::test]
async fn an_audience_is_read_in_pages_and_people_by_their_ids() {
    let Some(mut world) = World::new() else { return };
    let everybody = (1..=25).map(user_id).collect::<Vec<_>>();
    let chat_id = chat_id(1);
    let facts = everybody.iter().enumerate().map(|(number, who)| signed_up(*who, &format!("u{number}"), None));
    world.append(facts.collect::<Vec<_>>());
    let mut come = vec![created(chat_id, everybody[0], "garden", false), role(everybody[3], user::Role::Admin)];
    come.extend(everybody[..7].iter().map(|who| joined(chat_id, *who, "x", chat::Role::Member)));
    world.follow(come);
    assert_eq!(ids(&world, Audience::Everybody, 4).await, everybody);
    assert_eq!(ids(&world, Audience::Role(user::Role::Admin), 4).await, [everybody[3]]);
    assert_eq!(ids(&world, Audience::Role(user::Role::User), 24).await.len(), 24);
    assert_eq!(ids(&world, Audience::Chat(chat_id), 3).await, everybody[..7]);

    let mut asked = everybody.iter().rev().copied().collect::<Vec<_>>();
    asked.extend([user_id(99), everybody[2]]);
    let found = recipients::by_ids(&db(&world), &asked).await.unwrap();
    assert_eq!(found.iter().map(|recipient| recipient.user_id).collect::<Vec<_>>(), everybody);
    assert_eq!(recipients::by_ids(&db(&world), &[]).await.unwrap(), []);
    let too_many = (1..=600).map(user_id).collect::<Vec<_>>();
    assert_eq!(recipients::by_ids(&db(&world), &too_many).await.unwrap().len(), 25);
}

#[tokio::test]
async fn members_are_those_of_the_read_model_of_chats() {
    let Some(mut world) = World::new() else { return };
    let (anna, boris, vera) = (user_id(1), user_id(2), user_id(3));
    let (garden, yard) = (chat_id(1), chat_id(2));
    world.append([signed_up(anna, "Anna", None), signed_up(boris, "Boris", None), signed_up(vera, "Vera", None)]);
    world.follow([
        created(garden, anna, "garden", false),
        joined(garden, anna, "a", chat::Role::Member),
        joined(garden, boris, "b", chat::Role::Member),
        joined(garden, vera, "v", chat::Role::Member),
        created(yard, boris, "yard", false),
        joined(yard, boris, "b", chat::Role::Member),
        Event::Chat(garden, chat::Event::MemberLeft(chat::MemberLeft { user_id: vera })),
        joined(garden, vera, "v", chat::Role::Member),
        Event::Chat(garden, chat::Event::MemberRemoved(chat::MemberRemoved { user_id: anna, by: boris })),
    ]);
    let same = async |world: &World, chat_id: ChatId| {
        let chats = world.projections.database(ProjectionId::Chats);
        let mut members = chats::members(&chats, chat_id, None, 100).await.unwrap();
        members.sort_by_key(|member| member.user_id);
        let here = ids(world, Audience::Chat(chat_id), 2).await;
        assert_eq!(here, members.iter().map(|member| member.user_id).collect::<Vec<_>>());
        here
    };
    assert_eq!(same(&world, garden).await, [boris, vera]);
    assert_eq!(same(&world, yard).await, [boris]);
    world.erase(boris);
    world.follow([Event::Chat(yard, chat::Event::Deleted(chat::By { by: boris }))]);
    assert_eq!(same(&world, garden).await, [vera]);
    assert_eq!(same(&world, yard).await, []);
    assert_eq!(ids(&world, Audience::Everybody, 9).await, [anna, vera]);
    world.assert_verified();
}

#[tokio::test]
async fn addresses_are_suppressed_until_they_are_let_go() {
    let Some(mut world) = World::new() else { return };
    let first = suppressed(1, Reason::HardBounce, None);
    world.follow([first, suppressed(2, Reason::Manual, Some("moved")), suppressed(3, Reason::Complaint, None)]);
    let listed = async |world: &World| {
        let all = recipients::suppressions(&db(world), None, 10).await.unwrap();
        all.into_iter().map(|one| (one.address, one.note, one.reason)).collect::<Vec<_>>()
    };
    let a = |number: u8| Some(format!("a{number}@example.org"));
    let (two, three) = ((a(2), Some("moved".to_owned()), Reason::Manual), (a(3), None, Reason::Complaint));
    assert_eq!(listed(&world).await, [three.clone(), two.clone(), (a(1), None, Reason::HardBounce)]);
    let page = recipients::suppressions(&db(&world), None, 1).await.unwrap();
    let rest = recipients::suppressions(&db(&world), Some(page[0].position), 10).await.unwrap();
    assert_eq!((page[0].id, rest.len(), rest[0].id), (id(3), 2, id(2)));
    let which = recipients::which_suppressed(&db(&world), &(0..200).map(id).collect::<Vec<_>>()).await.unwrap();
    assert_eq!(which, [1, 2, 3].map(id).into());

    // Another reason keeps the place in the list; what was written before is forgotten in the log.
    let forget = Forget::Superseded { stream: id(1).into(), name: "suppression.suppressed.v1", before_version: 2 };
    world.append_and_forget([suppressed(1, Reason::Manual, None)], vec![forget]);
    world.follow([unsuppressed(2), Event::Suppression(id(3), suppression::Event::AddressForgotten)]);
    let unknown = (None, None, Reason::Complaint);
    assert_eq!(listed(&world).await, [unknown, (a(1), None, Reason::Manual)]);
    assert_eq!(recipients::suppressed(&db(&world), id(2)).await.unwrap(), None);
    let third = recipients::suppressed(&db(&world), id(3)).await.unwrap().unwrap();
    assert_eq!((third.version, third.at), (2, Timestamp(7)));
    world.projections.rebuild(ProjectionId::Recipients, &mut |_| {}).unwrap();
    assert_eq!(listed(&world).await.len(), 2);
}

#[tokio::test]
async fn who_is_erased_is_no_recipient_also_before_the_projection_sees_them() {
    for follow_first in [true, false] {
        let Some(mut world) = World::new() else { return };
        let anna = user_id(1);
        world.append([
            signed_up(anna, "Anna", Some("anna@example.org")),
            preferred(anna, wanted()),
            unsubscribed(anna),
        ]);
        if follow_first {
            world.projections.catch_up().unwrap();
        }
        world.erase(anna);
        world.projections.catch_up().unwrap();
        assert_eq!(recipients::by_id(&db(&world), anna).await.unwrap(), None);
        assert_eq!(ids(&world, Audience::Everybody, 9).await, []);
        world.assert_verified();
    }
}
