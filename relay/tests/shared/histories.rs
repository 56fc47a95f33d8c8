//! The log comes back with another history while a relay runs.

use crate::nodes::started;
use crate::support::*;
use domain::text::MessageText;
use domain::{ChatId, Event, MessageId, Personal, Timestamp, UserId, message};
use relay::Error;
use store::{Appender, Batch, Folder, NewEvent};
use tempfile::TempDir;
use testkit::TestApp;
use uuid::Uuid;

/// The log loses what is behind that position, as after a failover.
async fn cut(app: &TestApp, position: u64) {
    let cluster = app.node.log.cluster().unwrap();
    let client = cluster.connect_in(&tokio::runtime::Handle::current()).await.unwrap();
    let cut = format!(
        "begin; set local search_path to letopis; alter table event disable trigger user;
         delete from event where position > {position}; alter table event enable trigger user;
         update log_head set (position, hash, recorded_at) =
             (select position, hash, recorded_at from event order by position desc limit 1); commit"
    );
    client.batch_execute(&cut).await.unwrap();
}

/// Another node, which has seen nothing of what was lost.
struct Other {
    appender: Appender,
    chat: ChatId,
    author: UserId,
    _place: TempDir,
}

impl Other {
    fn new(app: &TestApp, chat: &str, author: &str) -> Other {
        let place = TempDir::new().unwrap();
        let folder = Folder::create(place.path()).unwrap();
        let key = app.data().join("master.key");
        let appender = Appender::open_shared(app.node.log.cluster().unwrap(), &folder, &key).unwrap();
        Other { appender, chat: ChatId(chat.parse().unwrap()), author: UserId(author.parse().unwrap()), _place: place }
    }

    /// Says something; the position.
    fn says(&mut self, text: &str) -> u64 {
        let posted = message::Posted {
            chat_id: self.chat,
            author: self.author,
            text: Personal::Known(MessageText::parse(text).unwrap()),
            reply_to: None,
            sent_at: Timestamp(1_700_000_000_000_000),
        };
        let event = Event::Message(MessageId(Uuid::now_v7()), message::Event::Posted(posted));
        let events = vec![NewEvent { version: 1, event, meta: "{}".to_owned() }];
        let batch = Batch { at: Timestamp(1_700_000_000_000_000), events, ..Batch::default() };
        self.appender.append(&batch).unwrap().position
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_runs_disarms_itself_and_tells_nothing_of_both() {
    let Some((app, account)) = started().await else { return };
    let fixture = RelayFixture::new(&app, account.url()).await;
    let (anna, chat) = chatter(&app, "anna", 3).await;
    let common = app.node.log.head().unwrap().position;
    for number in 0..3 {
        anna.say(&chat, &format!("lost {number}")).await;
    }
    let following = follow(&fixture.relay, &app);
    caught_up(&app, &fixture.relay).await;
    let told = ids(&heard(account.url()).await);
    assert_eq!(told, public(&app));

    cut(&app, common).await;
    let mut other = tokio::task::block_in_place(|| Other::new(&app, &chat, &anna.user_id));
    // At the positions of what is lost, and behind them.
    let kept =
        tokio::task::block_in_place(|| (0..6).map(|number| other.says(&format!("kept {number}"))).collect::<Vec<_>>());
    assert_eq!(kept[0], common + 1);
    until(|| async { fixture.relay.position().await.is_none() && matches!(fixture.relay.round().await, Ok(false)) })
        .await;
    following.abort();
    let _ = following.await;
    assert_eq!(ids(&heard(account.url()).await), told, "nothing is added to what others were told");
    tokio::task::block_in_place(|| other.says("while it is silent"));
    assert!(!fixture.relay.round().await.unwrap(), "it is disarmed, as a copy is");
    // Whoever arms it lets it go on from here.
    fixture.relay.arm(true).await.unwrap();
    assert!(matches!(fixture.relay.round().await, Ok(false) | Err(Error::Contended(_))));
    let new = tokio::task::block_in_place(|| other.says("from here on"));
    fixture.tell_all().await;
    let since = ids(&heard(account.url()).await).split_off(told.len());
    assert_eq!(since.iter().map(|(_, position)| *position).collect::<Vec<_>>(), [new]);
}
