//! The text index: messages, who is in which chat, and how chats and people are called there. What it looks like and how
//! it is asked is in the crate `search`; here is what of the log goes into it.

use crate::engine::definition::Definition;
use crate::engine::fold::Fold;
use crate::engine::handle::Handle;
use crate::{ProjectionId, Projections, Result};
use domain::{ChatId, MessageId, Personal, UserId, chat, message, user};
use search::{Change, Post, Text};
use store::Fact;

pub(crate) const DEFINITION: Definition = Definition {
    id: ProjectionId::Search,
    name: "search",
    version: search::schema::VERSION,
    tables: "",
    indexes: "",
    compared: &[],
    guards: false,
    folds: &[Fold::IndexChat(of_chat), Fold::IndexMessage(of_message), Fold::IndexUser(of_user)],
};

impl Projections {
    /// The text index that serves now, on this node. Ask again for each request: a rebuild puts another in its place.
    ///
    /// # Errors
    /// Only who reads beside a serving process can meet them: [`crate::Error::NotBuilt`] where there is none,
    /// [`crate::Error::Search`] where it cannot be read.
    pub fn index(&self) -> Result<search::Index> {
        match self.runner(ProjectionId::Search).handle() {
            Handle::Elsewhere => self.present(ProjectionId::Search)?.1.index(),
            handle @ (Handle::Index(_) | Handle::Tables(_)) => handle.index(),
        }
    }
}

fn of_user(_: &Fact, user_id: UserId, event: &user::Event) -> Option<Change> {
    match event {
        user::Event::Erased => Some(Change::Forgotten(user_id)),
        user::Event::SignedUp(_)
        | user::Event::NameGiven
        | user::Event::NameChosen(_)
        | user::Event::ProfileChanged(_)
        | user::Event::EmailChangeRequested(_)
        | user::Event::EmailConfirmed(_)
        | user::Event::PasswordChanged(_)
        | user::Event::VerifierReplaced(_)
        | user::Event::SignInsFailed(_)
        | user::Event::SessionsEnded(_)
        | user::Event::TokensRevoked
        | user::Event::RoleSet(_)
        | user::Event::Suspended(_)
        | user::Event::Unsuspended(_) => None,
    }
}

fn of_message(fact: &Fact, message_id: MessageId, event: &message::Event) -> Option<Change> {
    match event {
        message::Event::Posted(posted) => {
            // Erased further on in the log: nobody is to find it.
            let text = Text::cut(posted.text.known()?.as_str());
            let (chat_id, author, sent_at) = (posted.chat_id, posted.author, posted.sent_at);
            let position = fact.position;
            Some(Change::Posted(Post { message_id, chat_id, author, position, sent_at, edited_at: None }, text))
        }
        message::Event::Edited(edited) => Some(match &edited.text {
            Personal::Known(text) => Change::Edited { message_id, text: Text::cut(text.as_str()), at: edited.at },
            // The author is erased further on in the log: what they said before is to go as well.
            Personal::Erased => Change::Removed(message_id),
        }),
        // Nobody is to find what is hidden, not even its author.
        message::Event::Deleted(_) | message::Event::Hidden(_) => Some(Change::Removed(message_id)),
        message::Event::Shown(shown) => {
            let text = Text::cut(shown.text.known()?.as_str());
            let (chat_id, author, sent_at, edited_at) = (shown.chat_id, shown.author, shown.sent_at, shown.edited_at);
            // It is found as late as it is shown again.
            let position = fact.position;
            Some(Change::Posted(Post { message_id, chat_id, author, position, sent_at, edited_at }, text))
        }
    }
}

fn of_chat(_: &Fact, chat_id: ChatId, event: &chat::Event) -> Option<Change> {
    let named = |name: &domain::text::ChatName| Change::ChatNamed { chat_id, name: name.as_str().to_owned() };
    let came = |user_id, nickname: &Personal<domain::text::Nickname>| {
        let nickname = nickname.known().map(|name| name.as_str().to_owned());
        Change::Came { chat_id, user_id, nickname }
    };
    Some(match event {
        chat::Event::Created(created) => named(&created.chat_name),
        chat::Event::Renamed(renamed) => named(&renamed.chat_name),
        chat::Event::Deleted(_) => Change::ChatRemoved(chat_id),
        chat::Event::MemberJoined(joined) => came(joined.user_id, &joined.nickname),
        chat::Event::MemberAdded(added) => came(added.user_id, &added.nickname),
        chat::Event::NicknameChanged(changed) => came(changed.user_id, &changed.nickname),
        chat::Event::MemberLeft(left) => Change::Went { chat_id, user_id: left.user_id },
        chat::Event::MemberRemoved(removed) => Change::Went { chat_id, user_id: removed.user_id },
        chat::Event::Banned(_)
        | chat::Event::Unbanned(_)
        | chat::Event::InvitationMade(_)
        | chat::Event::InvitationWithdrawn(_) => return None,
        // A direct chat has no name that it could be asked for by.
        chat::Event::DirectOpened(_) | chat::Event::Hidden(_) | chat::Event::Shown(_) => return None,
        chat::Event::Archived(_) | chat::Event::Unarchived(_) | chat::Event::RoleChanged(_) => return None,
    })
}
