//! What somebody may want of a chat.

use super::Role;
use crate::UserId;
use crate::id::NameClaim;
use crate::text::{ChatName, Nickname};

/// What somebody may want of a chat.
#[derive(Clone, Debug)]
pub enum Command {
    /// Create it and be its owner.
    Create {
        by: UserId,
        /// Its name.
        chat_name: ChatName,
        /// Whether only those who are added may be in it.
        private: bool,
        /// The creator's name in it; by default that of the account.
        nickname: Option<Chosen>,
    },
    /// Rename it, archive it, open it again; what is not given stays.
    Change {
        by: UserId,
        /// The new name.
        chat_name: Option<ChatName>,
        /// Whether it is to be closed for new messages and members.
        archived: Option<bool>,
    },
    /// Delete it.
    Delete { by: UserId },
    /// Become a member.
    Join {
        user_id: UserId,
        /// Their name in it; by default that of the account. A member gets that name from now on.
        nickname: Option<Chosen>,
    },
    /// Be a member in an imported history, whatever the chat is today: private, archived, or a name is taken.
    BringIn {
        user_id: UserId,
        /// Their name in it where it is free; else that of the account, or one made from it.
        nickname: Option<Chosen>,
    },
    /// Be called otherwise in it.
    SetNickname {
        user_id: UserId,
        /// The new name.
        nickname: Chosen,
    },
    /// Make somebody else a member.
    Add {
        /// Who does it.
        by: UserId,
        /// Who is added.
        user_id: UserId,
    },
    /// Be a member no more.
    Leave { user_id: UserId },
    /// Take somebody out who is about to be erased: an owner is followed by whoever has led the chat the longest, and
    /// a chat ends with its last member.
    Withdraw { user_id: UserId },
    /// Delete it if nobody is in it: earlier versions left such chats behind.
    DeleteIfEmpty,
    /// Make somebody else a member no more.
    Remove {
        /// Who does it.
        by: UserId,
        /// Who is removed.
        user_id: UserId,
    },
    /// Change what a member may do.
    SetRole {
        /// Who does it.
        by: UserId,
        /// Whose role.
        user_id: UserId,
        /// The new role.
        role: Role,
    },
}

/// A name that somebody chose for one chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The name.
    pub nickname: Nickname,
    /// The claim on it: it may be the name of another's account.
    pub claim: NameClaim,
}

impl Command {
    /// The claim on the name that was chosen.
    pub fn claim(&self) -> Option<NameClaim> {
        match self {
            Command::Create { nickname, .. } | Command::Join { nickname, .. } | Command::BringIn { nickname, .. } => {
                nickname.as_ref().map(|chosen| chosen.claim)
            }
            Command::SetNickname { nickname, .. } => Some(nickname.claim),
            Command::Change { .. }
            | Command::Delete { .. }
            | Command::Add { .. }
            | Command::Leave { .. }
            | Command::Withdraw { .. }
            | Command::DeleteIfEmpty
            | Command::Remove { .. }
            | Command::SetRole { .. } => None,
        }
    }
}
