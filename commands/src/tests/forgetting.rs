//! Who is erased stays erased.

use super::*;
use domain::{Refusal, session};

fn erase(id: UserId) -> Command {
    Command::User(id, user::Command::Erase)
}

fn sealed_of(house: &House, id: UserId) -> usize {
    let filter = store::Filter { user: Some(id), ..store::Filter::default() };
    let records = house.log.read_filtered(&filter, 1_000).unwrap();
    records.iter().filter(|record| record.subject == Some(id) && record.sealed.is_some()).count()
}

#[tokio::test]
async fn nothing_is_said_in_the_name_of_the_erased_and_no_receipt_of_theirs_is_kept() {
    let house = House::new();
    let (anna, chat) = house.chat(1).await;
    let boris = house.user(2).await;
    house.send(Command::Chat(chat, chat::Command::Join(chat::Join { user_id: boris, nickname: None }))).await.unwrap();
    house.send(post(10, chat, boris, "hello")).await.unwrap();
    let session = domain::SessionId(Uuid::from_u128(7));
    assert!(sealed_of(&house, boris) > 0);
    let mine = |number, command| Request {
        actor: Actor::User(boris),
        key: Some(Key { subject: Some(boris), ..key(number, number) }),
        ..request(command)
    };
    let first = house.writer.send(mine(1, erase(boris))).await.unwrap();
    let again = house.writer.send(mine(1, erase(boris))).await.unwrap();
    assert_eq!((again.position, again.replayed), (first.position, false), "done, and no receipt is kept");
    let gone = Err(Error::Refused(Refusal::User(user::Refusal::NotFound)));
    let change = user::Command::ChangeProfile(user::ChangeProfile {
        user_name: None,
        display_name: None,
        time_zone: None,
        locale: None,
    });
    for command in [
        post(11, chat, boris, "more"),
        Command::Message(
            MessageId(Uuid::from_u128(10)),
            message::Command::Delete(message::Delete { chat_id: chat, by: boris }),
        ),
        Command::Chat(chat, chat::Command::Leave(chat::Leave { user_id: boris })),
        Command::Session(session, session::Command::End(session::End { by: boris })),
        Command::User(boris, change),
        sign_up(boris, 77),
    ] {
        let what = format!("{command:?}");
        let answer = house.writer.send(mine(2, command)).await;
        assert!(answer.is_err(), "{what}");
    }
    // An import has no actor, but an author.
    let imported = Request { actor: Actor::Import, ..request(post(12, chat, boris, "more")) };
    assert_eq!(house.writer.send(imported).await, gone);
    // Nobody brings them back into a chat either.
    let add = Command::Chat(ChatId(Uuid::from_u128(1)), chat::Command::Add(chat::Add { by: anna, user_id: boris }));
    house.send(Command::Chat(chat, chat::Command::Withdraw(chat::Withdraw { user_id: boris }))).await.unwrap();
    assert_eq!(house.send(add).await, Err(Error::Refused(Refusal::Chat(chat::Refusal::UserNotFound))));
    assert_eq!(sealed_of(&house, boris), 0);
    for number in [1, 2] {
        assert_eq!(house.log.receipt(&key(number, number).command_id).unwrap(), None);
    }
    house.verified();
}
