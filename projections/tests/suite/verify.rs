//! Comparing with the log.

use crate::support::*;
use domain::chat::Role;
use projections::{Difference, Kind, ModelVerification, ProjectionId, Projections};

fn verify(world: &World, name: ProjectionId) -> ModelVerification {
    // As the command line does it, beside the process that writes.
    let beside = Projections::open_read_only(&world.folder, world.log.clone()).unwrap();
    beside.verify(name, &mut |_| {}).unwrap()
}

fn different(table: &'static str, row: &str, kind: Kind) -> Difference {
    Difference { table, row: row.to_owned(), kind }
}

#[test]
fn rows_changed_behind_its_back_are_found_and_not_told() {
    let Some(mut world) = World::new() else { return };
    world.follow([signed_up(user_id(1), "Anna", Some("anna@example.org")), password(user_id(1), "$secret")]);
    assert_eq!(verify(&world, ProjectionId::Users).differences, vec![]);
    world.tamper(ProjectionId::Users, "update account set email = 'eve@example.org', passwords = 7");
    let verified = verify(&world, ProjectionId::Users);
    let row = "user_id=00000000-0000-0000-0000-000000000001: differs in email, passwords";
    assert_eq!(
        verified.differences,
        [different("account", row, Kind::OnlyServing), different("account", row, Kind::OnlyLog)]
    );
    assert_eq!((verified.position, verified.rows), (2, 1));
    assert!(!format!("{verified:?}").contains("eve"));
    assert!(!world.has_scratch());
}

#[test]
fn missing_and_invented_rows_are_found_on_their_side() {
    let Some(mut world) = World::new() else { return };
    let (chat, anna) = (chat_id(1), user_id(1));
    let mut facts = vec![created(chat, anna, "Café", false), joined(chat, anna, "anna", Role::Owner)];
    facts.extend((0..20).map(|number| posted(message_id(number), chat, anna, "text")));
    world.follow(facts);
    world.tamper(ProjectionId::Messages, "delete from message where position = 5; delete from member");
    world.tamper(ProjectionId::Messages, "update message set position = position + 100 where position > 12");
    let verified = verify(&world, ProjectionId::Messages);
    assert_eq!(verified.rows, 1 + 19);
    let of = |table: &str, kind: Kind| -> Vec<&str> {
        let found = verified.differences.iter().filter(|found| found.table == table && found.kind == kind);
        found.map(|found| found.row.as_str()).collect()
    };
    assert_eq!(of("chat_known", Kind::OnlyLog), [""; 0]);
    let member = "chat_id=00000000-0000-0000-0000-00000000c001 user_id=00000000-0000-0000-0000-000000000001";
    assert_eq!(of("member", Kind::OnlyLog), [member]);
    assert_eq!(of("member", Kind::OnlyServing), [""; 0]);
    let told = ["position=5", "position=13", "position=14", "position=15", "position=16"];
    assert_eq!(of("message", Kind::OnlyLog), told, "the first five");
    assert_eq!(of("message", Kind::OnlyServing).len(), 5);
    assert_eq!(of("message", Kind::OnlyServing)[0], "position=113");
}

#[test]
fn a_log_longer_than_a_page_is_compared_to_its_end() {
    let Some(mut world) = World::new() else { return };
    let (chat, anna) = (chat_id(1), user_id(1));
    world.append([created(chat, anna, "Café", false), joined(chat, anna, "anna", Role::Owner)]);
    world.append((0..10_050).map(|number| posted(message_id(number), chat, anna, "text")).collect::<Vec<_>>());
    world.append((1..=50).map(|number| joined(chat, user_id(10 + number), "name", Role::Member)).collect::<Vec<_>>());
    world.projections.catch_up().unwrap();
    assert_eq!(verify(&world, ProjectionId::Messages).rows, 1 + 51 + 10_050);
    world.tamper(ProjectionId::Messages, "update message set text = 'other' where position = 10051");
    let verified = verify(&world, ProjectionId::Messages);
    let row = "position=10051: differs in text";
    assert_eq!(
        verified.differences,
        [different("message", row, Kind::OnlyServing), different("message", row, Kind::OnlyLog)]
    );
}

#[test]
fn it_compares_at_the_checkpoint_and_not_at_the_head() {
    let Some(mut world) = World::new() else { return };
    world.follow([signed_up(user_id(1), "Anna", None)]);
    world.append([signed_up(user_id(2), "Boris", None)]);
    let verified = verify(&world, ProjectionId::Users);
    assert_eq!((verified.position, verified.rows, verified.differences), (1, 1, vec![]));
}

#[test]
fn who_is_erased_behind_the_checkpoint_is_no_difference_once_it_follows() {
    let Some(mut world) = World::new() else { return };
    world.follow([signed_up(user_id(1), "Anna", None)]);
    world.erase(user_id(1));
    let projections = world.projections.clone();
    let mut looks = 0;
    let verified = world
        .projections
        .verify(ProjectionId::Users, &mut |_| {
            looks += 1;
            // The read model follows while it is compared.
            projections.catch_up().unwrap();
        })
        .unwrap();
    assert_eq!((verified.position, verified.differences), (2, vec![]));
    assert_eq!(looks, 2, "the first look found a difference and was not believed");
}
