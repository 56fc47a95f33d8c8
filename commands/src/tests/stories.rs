//! What the writer promises, one promise a test.

use super::*;
use domain::{Category, Event, Refusal, StreamId, session};

#[tokio::test]
async fn a_rule_that_panics_harms_only_its_own_command() {
    let house = House::new();
    let (anna, chat) = house.chat(1).await;
    let sent = [
        post(10, chat, anna, "before"),
        create(ChatId(Uuid::from_u128(9)), anna, PANIC),
        post(11, chat, anna, "behind"),
    ];
    let [before, panicked, behind] = sent.map(|command| {
        let writer = house.writer.clone();
        tokio::spawn(async move { writer.send(request(command)).await })
    });
    assert!(before.await.unwrap().is_ok());
    assert_eq!(panicked.await.unwrap(), Err(Error::Internal));
    assert!(behind.await.unwrap().is_ok());
    assert!(house.send(post(12, chat, anna, "later")).await.is_ok());
    house.verified();
}

#[tokio::test]
async fn of_twelve_who_want_one_name_at_once_one_gets_it() {
    let house = House::new();
    let attempts = (1..=12).map(|id| house.send(sign_up(UserId(Uuid::from_u128(id)), 5)));
    let answers = futures(attempts).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    let taken = Err(Error::Refused(Refusal::User(user::Refusal::AlreadyExists)));
    assert_eq!(answers.iter().filter(|answer| **answer == taken).count(), 11);
    assert_eq!(house.verified(), 3, "the claim, the account and its password, and nothing else");
}

#[tokio::test]
async fn a_command_with_a_key_is_done_once_and_answered_alike_also_after_a_restart() {
    let house = House::new();
    let (anna, chat) = house.chat(1).await;
    let keyed = |id| Request { key: Some(key(1, 1)), ..request(post(id, chat, anna, "once")) };
    let first = house.writer.send(keyed(10)).await.unwrap();
    assert!(!first.replayed);
    // Other ids, as a door would make them: the first answer stands.
    let again = house.writer.send(keyed(11)).await.unwrap();
    assert_eq!(again, Answer { replayed: true, ..first.clone() });
    let events = house.verified();
    let house = house.restarted().await;
    assert_eq!(house.writer.send(keyed(12)).await.unwrap(), Answer { replayed: true, ..first });
    let other = Request { key: Some(key(1, 2)), ..request(post(13, chat, anna, "other")) };
    assert_eq!(house.writer.send(other).await, Err(Error::KeyReused));
    assert_eq!(house.verified(), events);
}

#[tokio::test]
async fn repeats_at_once_are_done_once() {
    let house = House::new();
    let (anna, chat) = house.chat(1).await;
    let events = house.verified();
    let repeats =
        (10..30).map(|id| house.writer.send(Request { key: Some(key(1, 1)), ..request(post(id, chat, anna, "once")) }));
    let answers = futures(repeats).await.into_iter().collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
    assert!(answers.iter().all(|answer| answer.outcome == answers[0].outcome));
    assert_eq!(house.verified(), events + 1);
}

#[tokio::test]
async fn a_refusal_is_not_kept_under_its_key_and_an_answer_without_facts_is() {
    let house = House::new();
    let (anna, chat) = house.chat(1).await;
    let bert = house.user(2).await;
    let keyed = |command| Request { key: Some(key(1, 1)), ..request(command) };
    let refused = house.writer.send(keyed(post(10, chat, bert, "hi"))).await;
    assert_eq!(refused, Err(Error::Refused(Refusal::Message(message::Refusal::NotAMember))));
    let join = Command::Chat(chat, chat::Command::Join(chat::Join { user_id: bert, nickname: None }));
    house.send(join).await.unwrap();
    assert!(!house.writer.send(keyed(post(10, chat, bert, "hi"))).await.unwrap().replayed);
    let nothing = Command::Chat(chat, chat::Command::Join(chat::Join { user_id: anna, nickname: None }));
    let keyed = Request { key: Some(key(2, 2)), ..request(nothing) };
    let events = house.verified();
    assert!(!house.writer.send(keyed.clone()).await.unwrap().replayed);
    assert!(house.writer.send(keyed).await.unwrap().replayed);
    assert_eq!(house.verified(), events);
}

#[tokio::test]
async fn a_version_that_was_read_before_somebody_else_wrote_is_refused() {
    let house = House::new();
    let (anna, chat) = house.chat(1).await;
    let rename = |name: &str, if_match| Request {
        if_match,
        ..request(Command::Chat(
            chat,
            chat::Command::Change(chat::Change {
                by: anna,
                chat_name: Some(ChatName::parse(name).unwrap()),
                archived: None,
            }),
        ))
    };
    assert!(house.writer.send(rename("garden", Some(vec![2]))).await.is_ok());
    assert_eq!(house.writer.send(rename("kitchen", Some(vec![2]))).await, Err(Error::Refused(Refusal::VersionChanged)));
    assert!(house.writer.send(rename("kitchen", Some(vec![3]))).await.is_ok());
}

#[tokio::test]
async fn a_sign_in_with_the_password_before_last_is_refused() {
    let house = House::new();
    let anna = house.user(1).await;
    let change = user::Command::ChangePassword(user::ChangePassword {
        verifier: Verifier("$argon2id$second".to_owned()),
        checked: Some(1),
        keep: None,
    });
    house.send(Command::User(anna, change)).await.unwrap();
    let sign_in = |checked| {
        let wish = session::Command::SignIn(session::SignIn {
            user_id: anna,
            shown: session::Shown::Password { checked },
            shown_at: None,
            second: None,
            opening: session::Opening {
                token_hash: session::TokenHash([1; 32]),
                expires_at: Timestamp(9),
                from: user::Origin::default(),
                new_device: false,
            },
        });
        Command::Session(domain::SessionId(Uuid::from_u128(u128::from(checked))), wish)
    };
    let refused = Err(Error::Refused(Refusal::Session(session::Refusal::BadCredentials)));
    assert_eq!(house.send(sign_in(1)).await, refused);
    assert!(house.send(sign_in(2)).await.is_ok());
    // The first verifier was forgotten with the change; the account, the change and the chain are whole.
    let facts = house.log.stream(StreamId::from(anna)).unwrap();
    let verifiers = facts.iter().filter_map(|fact| match &fact.event {
        Event::User(_, user::Event::PasswordChanged(changed)) => Some(changed.verifier.known().is_some()),
        _ => None,
    });
    assert_eq!(verifiers.collect::<Vec<_>>(), [false, true]);
    house.verified();
}

#[tokio::test]
async fn every_superseded_verifier_is_forgotten_whichever_fact_it_stands_in() {
    let house = House::new();
    let anna = house.user(1).await;
    let verifier = |text: &str| Verifier(text.to_owned());
    let replace =
        |text, checked| user::Command::ReplaceVerifier(user::ReplaceVerifier { verifier: verifier(text), checked });
    let change = user::Command::ChangePassword(user::ChangePassword {
        verifier: verifier("third"),
        checked: Some(1),
        keep: None,
    });
    for command in [replace("second", 1), change, replace("too late", 1), replace("fourth", 2)] {
        house.send(Command::User(anna, command)).await.unwrap();
    }
    let facts = house.log.stream(StreamId::from(anna)).unwrap();
    let verifiers = facts.into_iter().filter_map(|fact| match fact.event {
        Event::User(_, user::Event::PasswordChanged(changed)) => Some(changed.verifier),
        Event::User(_, user::Event::VerifierReplaced(replaced)) => Some(replaced.verifier),
        _ => None,
    });
    let known = verifiers.map(|verifier| verifier.into_known().map(|verifier| verifier.0)).collect::<Vec<_>>();
    assert_eq!(known, [None, None, None, Some("fourth".to_owned())]);
    house.verified();
}

#[tokio::test]
async fn what_was_acknowledged_is_told_by_category() {
    let house = House::new();
    let (anna, chat) = house.chat(1).await;
    let chats = house.writer.acknowledged(&[Category::Chat]);
    let posted = house.send(post(10, chat, anna, "hello")).await.unwrap();
    assert_eq!(house.writer.acknowledged(&[Category::Message]), posted.position);
    assert_eq!(house.writer.acknowledged(&[Category::Chat]), chats);
    assert_eq!(house.writer.acknowledged(&Category::ALL), posted.position);
    assert_eq!(*house.writer.head().borrow(), posted.position);
    let house = house.restarted().await;
    assert_eq!(house.writer.acknowledged(&[Category::Session]), posted.position, "after a start, the head");
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_what_is_in_it_is_done() {
    let house = House::new();
    let (anna, chat) = house.chat(1).await;
    // On this runtime's one thread all are sent before any is awaited: more than the queue and a batch hold.
    let flood = (100..20_100).map(|id| house.send(post(id, chat, anna, "flood")));
    let answers = futures(flood).await;
    let overloaded = answers.iter().filter(|answer| **answer == Err(Error::Overloaded)).count();
    let posted = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!(overloaded > 0, "20,000 at once are more than the queue holds");
    assert_eq!(overloaded + posted, answers.len());
    assert_eq!(house.verified(), posted as u64 + 5);
}

#[tokio::test]
async fn a_writer_that_was_stopped_has_answered_everybody() {
    let house = House::new();
    let (anna, chat) = house.chat(1).await;
    let sent = (100..200).map(|id| {
        let (writer, command) = (house.writer.clone(), post(id, chat, anna, "last words"));
        tokio::spawn(async move { writer.send(request(command)).await })
    });
    let sent = sent.collect::<Vec<_>>();
    tokio::task::yield_now().await;
    let House { running, writer, log, .. } = house;
    running.stop().await;
    let mut posted = 5;
    for answer in sent {
        match answer.await.unwrap() {
            Ok(_) => posted += 1,
            Err(error) => assert_eq!(error, Error::Unavailable),
        }
    }
    assert_eq!(log.verify(1, u64::MAX, |_| {}).unwrap().events, posted);
    assert_eq!(writer.send(request(post(1, chat, anna, "too late"))).await, Err(Error::Unavailable));
}

/// Polls all of them once before waiting for any.
async fn futures<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut all = all.map(Box::pin).collect::<Vec<_>>();
    let mut done = all.iter().map(|_| None).collect::<Vec<_>>();
    std::future::poll_fn(|context| {
        for (future, done) in all.iter_mut().zip(&mut done).filter(|(_, done)| done.is_none()) {
            if let std::task::Poll::Ready(value) = future.as_mut().poll(context) {
                *done = Some(value);
            }
        }
        if done.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[tokio::test]
async fn what_a_courier_asks_names_the_event_that_made_it_ask() {
    let house = House::new();
    let (anna, chat) = house.chat(1).await;
    let cause = house.log.facts(0, 1).unwrap().remove(0);
    let asked = Request { actor: Actor::Courier(Cause::of(&cause)), ..request(post(10, chat, anna, "because")) };
    let position = house.writer.send(asked).await.unwrap().position;
    let record = house.log.read(position - 1, 1).unwrap().remove(0);
    assert_eq!(record.meta, format!(r#"{{"actor":"courier","causation":"{}"}}"#, cause.id));
    assert_eq!(house.log.caused_by(&[cause.id], (0, position), 9).unwrap(), [record]);
    house.verified();
}
