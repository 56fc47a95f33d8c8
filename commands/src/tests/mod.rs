//! The writer over a real log in a throwaway folder.
#![allow(clippy::wildcard_enum_match_arm)] // what a test does not ask for, it need not name

mod cluster;
mod forgetting;
mod model;
mod stories;

use crate::{Actor, Answer, Cause, Error, Key, Request, Writer, WriterThread};
use domain::id::NameClaim;
use domain::text::{ChatName, MessageText, UserName};
use domain::user::Verifier;
use domain::{ChatId, Command, MessageId, Outcome, Timestamp, UserId, chat, message, user};
use store::{Appender, Folder, Lock, Log};
use tempfile::TempDir;
use uuid::Uuid;

/// A chat of this name makes the rules panic: the one thing that they cannot be brought to do from outside.
const PANIC: &str = "panic!";

/// Panics in the place of a rule.
pub(crate) fn panic_if_asked(command: &Command) {
    if let Command::Chat(_, chat::Command::Create(chat::Create { chat_name, .. })) = command {
        assert_ne!(chat_name.as_str(), PANIC, "a rule panics, as the test asked");
    }
}

/// A writer over a throwaway folder.
struct House {
    folder: TempDir,
    writer: Writer,
    running: WriterThread,
    log: Log,
    _lock: Lock,
}

impl House {
    fn new() -> House {
        House::over(TempDir::new().unwrap())
    }

    fn over(folder: TempDir) -> House {
        let data = Folder::create(folder.path()).unwrap();
        let lock = data.lock().unwrap();
        let appender = Appender::open(&data, &data.master_key()).unwrap();
        let log = Log::open(&data, appender.keys()).unwrap();
        let (writer, running) = Writer::start(appender, crate::ClockGuard::unkept());
        House { folder, writer, running, log, _lock: lock }
    }

    async fn restarted(self) -> House {
        let House { folder, writer, running, log, _lock } = self;
        running.stop().await;
        drop((writer, log, _lock));
        House::over(folder)
    }

    async fn send(&self, command: Command) -> Result<Answer, Error> {
        self.writer.send(request(command)).await
    }

    /// Opens an account; its id.
    async fn user(&self, number: u128) -> UserId {
        let id = UserId(Uuid::from_u128(number));
        self.send(sign_up(id, number)).await.unwrap();
        id
    }

    /// Opens an account and a chat of its own.
    async fn chat(&self, number: u128) -> (UserId, ChatId) {
        let by = self.user(number).await;
        let id = ChatId(Uuid::from_u128(number));
        self.send(create(id, by, "a chat")).await.unwrap();
        (by, id)
    }

    fn verified(&self) -> u64 {
        self.log.verify(1, u64::MAX, |_| {}).unwrap().events
    }
}

fn request(command: Command) -> Request {
    Request { command, actor: Actor::Anonymous, at: Timestamp(7), request_id: None, if_match: None, key: None }
}

fn key(number: u8, fingerprint: u8) -> Key {
    Key { command_id: [number; 32], fingerprint: [fingerprint; 32], subject: None }
}

fn sign_up(id: UserId, name: u128) -> Command {
    Command::User(
        id,
        user::Command::SignUp(user::SignUp {
            claim: NameClaim([u8::try_from(name % 251).unwrap(); 32]),
            user_name: UserName::parse(&format!("user {name}")).unwrap(),
            email: None,
            verifier: Some(Verifier("$argon2id$first".to_owned())),
        }),
    )
}

fn create(id: ChatId, by: UserId, name: &str) -> Command {
    let chat_name = ChatName::parse(name).unwrap();
    Command::Chat(id, chat::Command::Create(chat::Create { by, chat_name, private: false, nickname: None }))
}

fn post(id: u128, chat_id: ChatId, author: UserId, text: &str) -> Command {
    let text = MessageText::parse(text).unwrap();
    let wish = message::Command::Post(message::Post { chat_id, author, text, reply_to: None, sent_at: Timestamp(7) });
    Command::Message(MessageId(Uuid::from_u128(id)), wish)
}
