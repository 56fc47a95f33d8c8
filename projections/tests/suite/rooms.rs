//! Chats, their members, their messages.

use crate::support::*;
use domain::chat::{self, Role};
use domain::text::ChatName;
use domain::{ChatId, MessageId, Personal, Timestamp, UserId, message};
use projections::messages::{Access, Order};
use projections::{ProjectionId, chats, messages};

const ANNA: u128 = 1;
const BORIS: u128 = 2;

fn room(world: &mut World) -> (ChatId, UserId, UserId) {
    let (chat, anna, boris) = (chat_id(1), user_id(ANNA), user_id(BORIS));
    world.follow([
        created(chat, anna, "Café", false),
        joined(chat, anna, "anna", Role::Owner),
        added(chat, boris, "Борис", anna),
    ]);
    (chat, anna, boris)
}

fn by(by: UserId) -> chat::By {
    chat::By { by }
}

#[tokio::test]
async fn a_chat_follows_its_facts() {
    let Some(mut world) = World::new() else { return };
    let (chat, anna, boris) = room(&mut world);
    let db = world.projections.database(ProjectionId::Chats);
    let found = chats::by_id(&db, chat).await.unwrap().unwrap();
    assert_eq!((found.chat_name.as_str(), found.private, found.archived), ("Café", false, false));
    assert_eq!((found.members, found.version), (2, 3));
    let member = chats::member(&db, chat, boris).await.unwrap().unwrap();
    assert_eq!((member.user_name.as_deref(), member.role, member.position), (Some("Борис"), Role::Member, 3));

    let muted = chat::RoleChanged { user_id: boris, role: Role::Muted, by: anna };
    let renamed = chat::Renamed { chat_name: ChatName::parse("Bar").unwrap(), by: anna };
    world.follow([
        of_chat(chat, chat::Event::RoleChanged(muted)),
        of_chat(chat, chat::Event::Renamed(renamed)),
        of_chat(chat, chat::Event::Archived(by(anna))),
    ]);
    let found = chats::by_id(&db, chat).await.unwrap().unwrap();
    assert_eq!((found.chat_name.as_str(), found.archived, found.version), ("Bar", true, 6));
    assert_eq!(chats::member(&db, chat, boris).await.unwrap().unwrap().role, Role::Muted);
    assert_eq!(chats::mine(&db, anna, "bar", None, 9).await.unwrap().len(), 1, "found by the new name");

    let removed = chat::MemberRemoved { user_id: boris, by: anna };
    world
        .follow([of_chat(chat, chat::Event::Unarchived(by(anna))), of_chat(chat, chat::Event::MemberRemoved(removed))]);
    let found = chats::by_id(&db, chat).await.unwrap().unwrap();
    assert_eq!((found.archived, found.members, found.version), (false, 1, 8));
    assert_eq!(chats::member(&db, chat, boris).await.unwrap(), None);
    world.follow([left(chat, anna), of_chat(chat, chat::Event::Deleted(by(anna)))]);
    assert_eq!(chats::by_id(&db, chat).await.unwrap(), None);
    world.assert_verified();
}

#[tokio::test]
async fn nobody_is_counted_twice() {
    let Some(mut world) = World::new() else { return };
    let (chat, anna, boris) = room(&mut world);
    world.follow([joined(chat, boris, "again", Role::Owner), left(chat, user_id(9)), left(chat, anna)]);
    let db = world.projections.database(ProjectionId::Chats);
    assert_eq!(chats::by_id(&db, chat).await.unwrap().unwrap().members, 1);
    assert_eq!(chats::member(&db, chat, boris).await.unwrap().unwrap().role, Role::Member);
}

#[tokio::test]
async fn words_that_cannot_be_read_again_are_gone() {
    let Some(mut world) = World::new() else { return };
    let (chat, anna, _) = room(&mut world);
    let forgotten = message::Edited { chat_id: chat, author: anna, at: Timestamp(88), text: Personal::Erased };
    world.follow([
        posted(message_id(1), chat, anna, "one"),
        of_message(message_id(1), message::Event::Edited(forgotten)),
    ]);
    let db = world.projections.database(ProjectionId::Messages);
    assert_eq!(messages::one(&db, chat, message_id(1)).await.unwrap(), None);
}

#[tokio::test]
async fn chats_are_listed_by_who_asks() {
    let Some(mut world) = World::new() else { return };
    let (anna, boris) = (user_id(ANNA), user_id(BORIS));
    world.follow([
        created(chat_id(1), anna, "Tea", false),
        joined(chat_id(1), anna, "anna", Role::Owner),
        created(chat_id(2), anna, "Team", true),
        joined(chat_id(2), anna, "anna", Role::Owner),
        created(chat_id(3), boris, "Rust", false),
        joined(chat_id(3), boris, "boris", Role::Owner),
        joined(chat_id(1), boris, "boris", Role::Member),
        created(chat_id(4), boris, "Old tea", false),
        of_chat(chat_id(4), chat::Event::Archived(by(boris))),
    ]);
    let db = world.projections.database(ProjectionId::Chats);
    let shown =
        |rows: Vec<chats::ChatEntry>| -> Vec<_> { rows.into_iter().map(|row| (row.chat.chat_id, row.role)).collect() };
    let mine = shown(chats::mine(&db, boris, "", None, 9).await.unwrap());
    assert_eq!(mine, [(chat_id(1), Some(Role::Member)), (chat_id(3), Some(Role::Owner))], "last joined first");
    assert_eq!(shown(chats::mine(&db, boris, "", Some(7), 9).await.unwrap()), [(chat_id(3), Some(Role::Owner))]);
    assert_eq!(chats::mine(&db, anna, "tea", None, 9).await.unwrap().len(), 2);
    let open = shown(chats::open_to_all(&db, anna, "", None, 9).await.unwrap());
    assert_eq!(open, [(chat_id(3), None), (chat_id(1), Some(Role::Owner))], "neither private nor archived");
    assert_eq!(shown(chats::open_to_all(&db, anna, "", Some(5), 9).await.unwrap()).len(), 1);
    assert_eq!(shown(chats::open_to_all(&db, anna, "te", None, 9).await.unwrap()).len(), 1);
    let members = chats::members(&db, chat_id(1), None, 9).await.unwrap();
    assert_eq!(members.iter().map(|member| member.user_id).collect::<Vec<_>>(), [anna, boris]);
    let rest = chats::members(&db, chat_id(1), Some(members[0].position), 9).await.unwrap();
    assert_eq!(rest, members[1..]);
}

#[tokio::test]
async fn messages_are_posted_edited_deleted() {
    let Some(mut world) = World::new() else { return };
    let (chat, anna, boris) = room(&mut world);
    let other = chat_id(2);
    world.follow([
        posted(message_id(1), chat, anna, "one"),
        posted(message_id(2), chat, boris, "two"),
        created(other, anna, "Other", false),
        posted(message_id(3), other, anna, "elsewhere"),
        posted(message_id(4), chat, anna, "four"),
        edited(message_id(1), chat, anna, "one!"),
        deleted(message_id(2), chat, anna),
    ]);
    let db = world.projections.database(ProjectionId::Messages);
    let page = messages::page(&db, chat, Order::OldestFirst, None, 9).await.unwrap();
    let texts: Vec<_> = page.iter().map(|message| (message.text.as_str(), message.version)).collect();
    assert_eq!(texts, [("one!", 2), ("four", 1)]);
    assert_eq!(page[0].edited_at.map(|at| at.0), Some(88));
    assert_eq!((page[0].sent_at.0, page[0].user_name.as_deref()), (77, Some("anna")));
    let newest = messages::page(&db, chat, Order::NewestFirst, None, 1).await.unwrap();
    assert_eq!(newest, page[1..]);
    let next = messages::page(&db, chat, Order::NewestFirst, Some(newest[0].position), 9).await.unwrap();
    assert_eq!(next, page[..1]);
    let rest = messages::page(&db, chat, Order::OldestFirst, Some(page[0].position), 9).await.unwrap();
    assert_eq!(rest, page[1..]);
    assert_eq!(messages::one(&db, chat, message_id(1)).await.unwrap().as_ref(), page.first());
    assert_eq!(messages::one(&db, other, message_id(1)).await.unwrap(), None, "of another chat");
    let db = world.projections.database(ProjectionId::Chats);
    let mut last = Vec::new();
    for chat in [other, chat_id(9), chat] {
        last.extend(chats::last_message(&db, chat).await.unwrap());
    }
    assert_eq!(last.iter().map(|message| message.message_id).collect::<Vec<_>>(), [3, 4].map(message_id));
    world.assert_verified();
}

#[tokio::test]
async fn who_may_read_is_who_is_in_the_chat() {
    let Some(mut world) = World::new() else { return };
    let (chat, anna, boris) = room(&mut world);
    world.follow([posted(message_id(1), chat, boris, "bye"), left(chat, boris)]);
    let db = world.projections.database(ProjectionId::Messages);
    assert_eq!(messages::access(&db, chat, anna).await.unwrap(), Access::Member);
    assert_eq!(messages::access(&db, chat, boris).await.unwrap(), Access::NotAMember);
    assert_eq!(messages::access(&db, chat, user_id(9)).await.unwrap(), Access::NotAMember);
    assert_eq!(messages::access(&db, chat_id(9), anna).await.unwrap(), Access::NoChat);
    let said = messages::one(&db, chat, message_id(1)).await.unwrap().unwrap();
    assert_eq!(said.user_name.as_deref(), Some("Борис"), "who left keeps his name");
    world.follow([joined(chat, boris, "bob", Role::Member)]);
    assert_eq!(messages::access(&db, chat, boris).await.unwrap(), Access::Member);
    world.follow([of_chat(chat, chat::Event::Deleted(by(anna)))]);
    assert_eq!(messages::access(&db, chat, anna).await.unwrap(), Access::NoChat);
    assert_eq!(messages::one(&db, chat, message_id(1)).await.unwrap(), None);
    world.assert_verified();
}

#[tokio::test]
async fn an_erased_member_leaves_neither_name_nor_words() {
    for follow_first in [true, false] {
        let Some(mut world) = World::new() else { return };
        let (chat, anna, boris) = (chat_id(1), user_id(ANNA), user_id(BORIS));
        world.append([
            created(chat, anna, "Café", false),
            joined(chat, anna, "anna", Role::Owner),
            added(chat, boris, "Борис", anna),
            posted(message_id(1), chat, boris, "mine"),
            edited(message_id(1), chat, boris, "mine still"),
            posted(message_id(2), chat, anna, "hers"),
        ]);
        if follow_first {
            world.projections.catch_up().unwrap();
        }
        world.erase(boris);
        // The rules still know them as a member, and may send them away.
        let removed = chat::MemberRemoved { user_id: boris, by: anna };
        world.follow([of_chat(chat, chat::Event::MemberRemoved(removed))]);
        let db = world.projections.database(ProjectionId::Messages);
        let page = messages::page(&db, chat, Order::OldestFirst, None, 9).await.unwrap();
        assert_eq!(page.iter().map(|message| message.text.as_str()).collect::<Vec<_>>(), ["hers"]);
        assert_eq!(messages::access(&db, chat, boris).await.unwrap(), Access::NotAMember);
        let db = world.projections.database(ProjectionId::Chats);
        assert_eq!(chats::by_id(&db, chat).await.unwrap().unwrap().members, 1);
        assert_eq!(chats::member(&db, chat, boris).await.unwrap(), None);
        world.assert_verified();
    }
}

/// What a list of chats shows of a chat's newest message.
async fn last(world: &World, chat: ChatId) -> Option<(MessageId, String, Option<String>, u64)> {
    let db = world.projections.database(ProjectionId::Chats);
    let last = chats::last_message(&db, chat).await.unwrap();
    for who in [ANNA, BORIS].map(user_id) {
        let mine = chats::mine(&db, who, "", None, 9).await.unwrap();
        for listed in mine.iter().filter(|listed| listed.chat.chat_id == chat) {
            assert_eq!(listed.last_message, last, "a member's list shows the same");
        }
        for listed in chats::open_to_all(&db, who, "", None, 9).await.unwrap() {
            let shown = if listed.role.is_some() { last.clone() } else { None };
            assert_eq!(listed.last_message, shown, "and a stranger's nothing");
        }
    }
    last.map(|last| (last.message_id, last.text, last.user_name, last.version))
}

#[tokio::test]
async fn a_list_shows_the_newest_message_that_is_left() {
    let Some(mut world) = World::new() else { return };
    let (chat, anna, boris) = room(&mut world);
    let shown = |number, text: &str, name: &str, version| {
        Some((message_id(number), text.to_owned(), Some(name.to_owned()), version))
    };
    assert_eq!(last(&world, chat).await, None);
    world.follow([posted(message_id(1), chat, anna, "one"), posted(message_id(2), chat, boris, "two")]);
    assert_eq!(last(&world, chat).await, shown(2, "two", "Борис", 1));
    world.follow([edited(message_id(2), chat, boris, "two!"), edited(message_id(1), chat, anna, "one!")]);
    assert_eq!(last(&world, chat).await, shown(2, "two!", "Борис", 2), "an older one that is edited stays where it is");
    world.follow([deleted(message_id(2), chat, boris)]);
    assert_eq!(last(&world, chat).await, shown(1, "one!", "anna", 2), "the one before");
    let long = "é".repeat(chats::PREVIEW_CHARACTERS_MAX + 1);
    world.follow([posted(message_id(3), chat, boris, &long), left(chat, boris)]);
    let begins = "é".repeat(chats::PREVIEW_CHARACTERS_MAX);
    assert_eq!(last(&world, chat).await, shown(3, &begins, "Борис", 1), "who left keeps their name");
    world.assert_verified();
    world.erase(boris);
    world.projections.catch_up().unwrap();
    assert_eq!(last(&world, chat).await, shown(1, "one!", "anna", 2), "what an erased author said is gone");
    world.follow([posted(message_id(4), chat, anna, "four")]);
    assert_eq!(last(&world, chat).await, shown(4, "four", "anna", 1));
    world.assert_verified();
    world.follow([of_chat(chat, chat::Event::Deleted(by(anna)))]);
    assert_eq!(last(&world, chat).await, None);
    world.assert_verified();
}

#[tokio::test]
async fn a_chat_was_active_where_its_last_message_of_a_page_stands() {
    let Some(mut world) = World::new() else { return };
    let (one, anna, boris) = room(&mut world);
    let (other, silent) = (chat_id(2), chat_id(3));
    world.follow([
        created(other, anna, "Bar", false),
        joined(other, anna, "anna", Role::Owner),
        created(silent, anna, "Club", false),
        joined(silent, anna, "anna", Role::Owner),
    ]);
    let head = world.follow([
        posted(message_id(1), one, anna, "one"),
        posted(message_id(2), other, anna, "two"),
        posted(message_id(3), one, boris, "three"),
        posted(message_id(4), other, anna, "four"),
        deleted(message_id(4), other, anna),
        edited(message_id(1), one, anna, "one!"),
    ]);
    let db = world.projections.database(ProjectionId::Chats);
    let mine = chats::mine(&db, anna, "", None, 9).await.unwrap();
    let active = mine.iter().map(|listed| (listed.chat.chat_id, listed.position)).collect::<Vec<_>>();
    assert_eq!(active, [(other, head - 2), (one, head - 3), (silent, head - 6)], "also where the message is gone");
    world.assert_verified();
}

#[test]
fn a_newest_message_that_is_wrong_is_found() {
    let Some(mut world) = World::new() else { return };
    let (chat, anna, _) = room(&mut world);
    world.follow([posted(message_id(1), chat, anna, "one")]);
    for (change, table) in [
        ("update said set text = 'other'", "said"),
        ("update author_name set user_name = 'other'", "author_name"),
        ("delete from said", "said"),
    ] {
        world.projections.rebuild(ProjectionId::Chats, &mut |_| {}).unwrap();
        world.assert_verified();
        world.tamper(ProjectionId::Chats, change);
        let verified = world.projections.verify(ProjectionId::Chats, &mut |_| {}).unwrap();
        assert!(!verified.differences.is_empty(), "{change}");
        assert!(verified.differences.iter().all(|difference| difference.table == table), "{verified:?}");
    }
}

fn direct(chat: ChatId, by: UserId, with: UserId) -> domain::Event {
    of_chat(chat, chat::Event::DirectOpened(chat::DirectOpened { by, with }))
}

#[tokio::test]
async fn a_direct_chat_is_called_as_the_other_and_can_be_put_away() {
    let Some(mut world) = World::new() else { return };
    let (chat, anna, boris) = (chat_id(1), user_id(ANNA), user_id(BORIS));
    world.follow([
        signed_up(anna, "Anna", None),
        signed_up(boris, "Boris", None),
        direct(chat, anna, boris),
        joined(chat, anna, "Anna", Role::Member),
        joined(chat, boris, "Boris", Role::Member),
        profile(boris, "Боря"),
    ]);
    let db = world.projections.database(ProjectionId::Chats);
    let with = chats::direct(&db, chat, anna).await.unwrap().unwrap();
    assert_eq!((with.user_id, with.display_name.as_deref()), (boris, Some("Боря")));
    let found = async |who, prefix| chats::mine(&db, who, prefix, None, 9).await.unwrap().len();
    assert_eq!((found(anna, "бор").await, found(anna, "bor").await, found(boris, "ann").await), (1, 0, 1));
    assert_eq!(chats::without_owner(&db, 0, 9).await.unwrap(), [], "nobody is to lead it");

    let hidden = |user_id| of_chat(chat, chat::Event::Hidden(chat::HiddenFor { user_id }));
    world.follow([hidden(anna)]);
    assert_eq!((found(anna, "").await, found(boris, "").await), (0, 1));
    assert_eq!(chats::joined(&db, anna, 0, 9).await.unwrap(), [(4, chat, Role::Member)], "she is in it all the same");
    world.follow([posted(message_id(1), chat, boris, "hello")]);
    assert_eq!(found(anna, "").await, 1);
    world.follow([hidden(anna), of_chat(chat, chat::Event::Shown(chat::HiddenFor { user_id: anna }))]);
    assert_eq!(found(anna, "").await, 1);
    world.assert_verified();

    world.follow([left(chat, boris)]);
    world.erase(boris);
    world.projections.catch_up().unwrap();
    let with = chats::direct(&db, chat, anna).await.unwrap().unwrap();
    assert_eq!((with.user_id, with.display_name), (boris, None));
    assert_eq!((found(anna, "бор").await, found(anna, "").await), (0, 1));
    world.assert_verified();
    world.follow([left(chat, anna), of_chat(chat, chat::Event::Deleted(by(anna)))]);
    assert_eq!(chats::direct(&db, chat, anna).await.unwrap(), None);
    world.assert_verified();
}

#[tokio::test]
async fn bans_and_invitations_follow_their_facts() {
    let Some(mut world) = World::new() else { return };
    let (chat, anna, boris) = room(&mut world);
    let id = |number: u128| domain::InvitationId(uuid::Uuid::from_u128(number));
    let (noon, later) = (Timestamp(1_800_000_000_000_000), Timestamp(1_800_000_060_000_000));
    let made = |number, at: Timestamp, uses_max| {
        let (invitation_id, expires_at) = (id(number), at.plus_seconds(60));
        let made = chat::InvitationMade { invitation_id, by: anna, at, expires_at, uses_max };
        of_chat(chat, chat::Event::InvitationMade(made))
    };
    let came = |who: UserId, by: u128| {
        let nickname = Personal::Erased;
        let joined = chat::MemberJoined { user_id: who, role: Role::Member, invitation: Some(id(by)), nickname };
        of_chat(chat, chat::Event::MemberJoined(joined))
    };
    world.follow([made(1, noon, Some(2)), made(2, noon, None), came(user_id(3), 1), came(user_id(4), 2)]);
    let db = world.projections.database(ProjectionId::Chats);
    let open = async |at| chats::invitations(&db, chat, at, None, 9).await.unwrap();
    let shown = open(noon).await;
    assert_eq!(shown.iter().map(|one| (one.uses, one.uses_max)).collect::<Vec<_>>(), [(1, None), (1, Some(2))]);
    assert_eq!(open(later).await, []);
    assert_eq!(chats::invited_to(&db, id(1), noon).await.unwrap().as_deref(), Some("Café"));
    world.follow([came(user_id(5), 1)]);
    assert_eq!(open(noon).await.len(), 1, "it is used up");
    world.assert_verified();
    world.follow([made(3, later, None)]);
    assert_eq!(open(noon).await.len(), 1, "the one that ended is gone");
    let withdrawn = chat::InvitationWithdrawn { invitation_id: id(3), by: anna };
    world.follow([of_chat(chat, chat::Event::InvitationWithdrawn(withdrawn))]);
    assert_eq!(open(noon).await, []);

    let banned = |user_id, reason: &str| {
        let reason = Personal::Known(domain::text::Note::parse(reason).unwrap());
        of_chat(chat, chat::Event::Banned(chat::Banned { user_id, by: anna, reason }))
    };
    world.follow([banned(boris, "spam"), banned(user_id(3), "spam"), banned(boris, "abuse")]);
    let bans = chats::bans(&db, chat, None, 9).await.unwrap();
    assert_eq!(bans.iter().map(|ban| ban.user_id).collect::<Vec<_>>(), [boris, user_id(3)], "the last one first");
    assert_eq!((bans[0].user_name.as_deref(), bans[0].reason.as_deref()), (Some("Борис"), Some("abuse")));
    world.assert_verified();
    let unbanned = chat::Unbanned { user_id: user_id(3), by: anna };
    world.follow([of_chat(chat, chat::Event::Unbanned(unbanned))]);
    world.erase(boris);
    world.projections.catch_up().unwrap();
    assert_eq!(chats::bans(&db, chat, None, 9).await.unwrap(), []);
    world.follow([banned(user_id(3), "spam"), made(4, later, None), of_chat(chat, chat::Event::Deleted(by(anna)))]);
    assert_eq!((chats::bans(&db, chat, None, 9).await.unwrap().len(), open(noon).await.len()), (0, 0));
    world.assert_verified();
}
