//! What somebody may want of a chat.

use super::Role;
use crate::id::NameClaim;
use crate::text::{ChatName, Nickname, Note};
use crate::{InvitationId, Reads, Timestamp, UserId};

/// What somebody may want of a chat.
#[derive(Clone, Debug)]
pub enum Command {
    Create(Create),
    OpenDirect(OpenDirect),
    Change(Change),
    Delete(Delete),
    Join(Join),
    BringIn(BringIn),
    SetNickname(SetNickname),
    Add(Add),
    Leave(Leave),
    Withdraw(Withdraw),
    /// Delete it if nobody is in it: earlier versions left such chats behind.
    DeleteIfEmpty,
    Remove(Remove),
    SetRole(SetRole),
    Ban(Ban),
    Unban(Unban),
    Invite(Invite),
    WithdrawInvitation(WithdrawInvitation),
    JoinByInvitation(JoinByInvitation),
}

/// Create it and be its owner.
#[derive(Clone, Debug)]
pub struct Create {
    pub by: UserId,
    pub chat_name: ChatName,
    /// Whether only those who are added may be in it.
    pub private: bool,
    /// The creator's name in it; by default that of the account.
    pub nickname: Option<Chosen>,
}

/// Have it as the one chat of two people. Its id is made of theirs.
#[derive(Clone, Debug)]
pub struct OpenDirect {
    pub by: UserId,
    pub with: UserId,
}

/// Rename it, archive it, open it again; what is not given stays.
#[derive(Clone, Debug)]
pub struct Change {
    pub by: UserId,
    pub chat_name: Option<ChatName>,
    /// Whether it is to be closed for new messages and members.
    pub archived: Option<bool>,
}

/// Delete it.
#[derive(Clone, Debug)]
pub struct Delete {
    pub by: UserId,
}

/// Become a member.
#[derive(Clone, Debug)]
pub struct Join {
    pub user_id: UserId,
    /// Their name in it; by default that of the account. A member gets that name from now on.
    pub nickname: Option<Chosen>,
}

/// Be a member in an imported history, whatever the chat is today: private, archived, or a name is taken.
#[derive(Clone, Debug)]
pub struct BringIn {
    pub user_id: UserId,
    /// Their name in it where it is free; else that of the account, or one made from it.
    pub nickname: Option<Chosen>,
}

/// Have another name in it.
#[derive(Clone, Debug)]
pub struct SetNickname {
    pub user_id: UserId,
    pub nickname: Chosen,
}

/// Make somebody else a member.
#[derive(Clone, Debug)]
pub struct Add {
    pub by: UserId,
    pub user_id: UserId,
}

/// Be a member no more.
#[derive(Clone, Debug)]
pub struct Leave {
    pub user_id: UserId,
}

/// Take somebody out who is about to be erased: an owner is followed by whoever has led the chat the longest, and
/// a chat ends with its last member.
#[derive(Clone, Debug)]
pub struct Withdraw {
    pub user_id: UserId,
}

/// Make somebody else a member no more.
#[derive(Clone, Debug)]
pub struct Remove {
    pub by: UserId,
    pub user_id: UserId,
}

/// Change what a member may do.
#[derive(Clone, Debug)]
pub struct SetRole {
    pub by: UserId,
    pub user_id: UserId,
    pub role: Role,
}

/// Keep somebody out from now on, and remove them where they are in it.
#[derive(Clone, Debug)]
pub struct Ban {
    pub by: UserId,
    pub user_id: UserId,
    pub reason: Option<Note>,
}

/// Let somebody come in again.
#[derive(Clone, Debug)]
pub struct Unban {
    pub by: UserId,
    pub user_id: UserId,
}

/// Let in whoever has the code of an invitation.
#[derive(Clone, Copy, Debug)]
pub struct Invite {
    pub by: UserId,
    pub invitation_id: InvitationId,
    pub expires_at: Timestamp,
    /// How many may come in by it; none where their number is not bounded.
    pub uses_max: Option<u32>,
}

/// Let nobody in by an invitation any more.
#[derive(Clone, Copy, Debug)]
pub struct WithdrawInvitation {
    pub by: UserId,
    pub invitation_id: InvitationId,
}

/// Become a member by an invitation.
#[derive(Clone, Debug)]
pub struct JoinByInvitation {
    pub user_id: UserId,
    pub invitation_id: InvitationId,
    /// Their name in it; by default that of the account. A member gets that name from now on.
    pub nickname: Option<Chosen>,
}

/// A name that somebody chose for one chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    pub nickname: Nickname,
    /// The claim on it: it may be the name of another's account.
    pub claim: NameClaim,
}

impl Command {
    /// What the rules look at beside the chat: the account that comes in or is kept out, the one that comes in with it, and the claim on
    /// the name that was chosen.
    pub fn reads(&self) -> Reads {
        let other = if let Command::OpenDirect(OpenDirect { with, .. }) = self { Some(*with) } else { None };
        Reads { user: self.newcomer(), other, claim: self.claim(), ..Reads::default() }
    }

    fn newcomer(&self) -> Option<UserId> {
        match self {
            Command::Create(command) => Some(command.by),
            Command::OpenDirect(command) => Some(command.by),
            Command::Join(Join { user_id, .. })
            | Command::BringIn(BringIn { user_id, .. })
            | Command::JoinByInvitation(JoinByInvitation { user_id, .. })
            | Command::Ban(Ban { user_id, .. })
            | Command::Add(Add { user_id, .. }) => Some(*user_id),
            Command::Change(_)
            | Command::Delete(_)
            | Command::Leave(_)
            | Command::Withdraw(_)
            | Command::DeleteIfEmpty
            | Command::Remove(_)
            | Command::Unban(_)
            | Command::Invite(_)
            | Command::WithdrawInvitation(_)
            | Command::SetNickname(_)
            | Command::SetRole(_) => None,
        }
    }

    /// Who says or does something by it: nobody may who was erased. Withdrawing is for those who are about to be, and
    /// an empty chat is deleted by nobody.
    pub(crate) fn by(&self) -> Option<UserId> {
        match self {
            Command::Create(Create { by, .. })
            | Command::OpenDirect(OpenDirect { by, .. })
            | Command::Change(Change { by, .. })
            | Command::Delete(Delete { by })
            | Command::Add(Add { by, .. })
            | Command::Remove(Remove { by, .. })
            | Command::SetRole(SetRole { by, .. })
            | Command::Ban(Ban { by, .. })
            | Command::Unban(Unban { by, .. })
            | Command::Invite(Invite { by, .. })
            | Command::WithdrawInvitation(WithdrawInvitation { by, .. })
            | Command::JoinByInvitation(JoinByInvitation { user_id: by, .. })
            | Command::Join(Join { user_id: by, .. })
            | Command::BringIn(BringIn { user_id: by, .. })
            | Command::SetNickname(SetNickname { user_id: by, .. })
            | Command::Leave(Leave { user_id: by }) => Some(*by),
            Command::Withdraw(_) | Command::DeleteIfEmpty => None,
        }
    }

    /// Somebody who was erased meanwhile still has to be taken out, in whoever's name.
    pub(crate) fn needs_living_actor(&self) -> bool {
        !matches!(self, Command::Withdraw(_))
    }

    fn claim(&self) -> Option<NameClaim> {
        match self {
            Command::Create(Create { nickname, .. })
            | Command::Join(Join { nickname, .. })
            | Command::JoinByInvitation(JoinByInvitation { nickname, .. })
            | Command::BringIn(BringIn { nickname, .. }) => nickname.as_ref().map(|chosen| chosen.claim),
            Command::SetNickname(command) => Some(command.nickname.claim),
            Command::OpenDirect(_)
            | Command::Change(_)
            | Command::Delete(_)
            | Command::Add(_)
            | Command::Leave(_)
            | Command::Withdraw(_)
            | Command::DeleteIfEmpty
            | Command::Remove(_)
            | Command::Ban(_)
            | Command::Unban(_)
            | Command::Invite(_)
            | Command::WithdrawInvitation(_)
            | Command::SetRole(_) => None,
        }
    }
}
