//! Who is kept out of a chat, and which invitations into it there are.

use crate::engine::table::{Key, Table};
use domain::{ChatId, InvitationId, Timestamp, UserId, chat};
use store::Fact;
use store::sql::{Columns, Database, Row, Tx};

/// Makes the tables. `uses_max` is 0 where their number is not bounded; an invitation that is used up or withdrawn is gone.
macro_rules! admission {
    () => {
        "
    create table ban (
        chat_id bytea not null,
        user_id bytea not null,
        banned_by bytea not null,
        reason text,
        at bigint not null,
        position bigint not null,
        primary key (chat_id, user_id)
    ) without rowid;
    create table invitation (
        invitation_id bytea primary key,
        chat_id bytea not null,
        made_by bytea not null,
        at bigint not null,
        expires_at bigint not null,
        uses bigint not null,
        uses_max bigint not null,
        position bigint not null
    ) without rowid;
    create index if not exists invitation_by_chat on invitation (chat_id, position);
"
    };
}
pub(super) use admission;

/// As `verify` compares them.
pub(super) const COMPARED_BANS: Table = Table {
    name: "ban",
    key: &[Key::Id("chat_id"), Key::Id("user_id")],
    columns: &["banned_by", "reason", "at", "position"],
};
pub(super) const COMPARED_INVITATIONS: Table = Table {
    name: "invitation",
    key: &[Key::Id("invitation_id")],
    columns: &["chat_id", "made_by", "at", "expires_at", "uses", "uses_max", "position"],
};

/// Somebody who is kept out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    pub user_id: UserId,
    /// Their name in the chat where they were in it, else what they want to be called; none when they are erased.
    pub user_name: Option<String>,
    pub by: UserId,
    pub reason: Option<String>,
    pub at: Timestamp,
    /// The cursor of [`bans`].
    pub position: u64,
}

/// An invitation that is neither used up nor withdrawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    pub invitation_id: InvitationId,
    pub by: UserId,
    /// What they want to be called; none when they are erased.
    pub by_name: Option<String>,
    pub at: Timestamp,
    pub expires_at: Timestamp,
    /// How many came in by it.
    pub uses: u64,
    /// How many may; none where their number is not bounded.
    pub uses_max: Option<u64>,
    /// The cursor of [`invitations`].
    pub position: u64,
}

pub(super) fn ban(tx: &mut Tx<'_>, fact: &Fact, chat_id: ChatId, banned: &chat::Banned) -> Result<(), store::Error> {
    tx.queue(
        "insert into ban (chat_id, user_id, banned_by, reason, at, position) values ($1, $2, $3, $4, $5, $6)
         on conflict (chat_id, user_id) do update set banned_by = excluded.banned_by, reason = excluded.reason,
             at = excluded.at, position = excluded.position",
        &[
            (&chat_id).into(),
            (&banned.user_id).into(),
            (&banned.by).into(),
            banned.reason.known().map(|reason| reason.as_str()).into(),
            fact.recorded_at.into(),
            fact.position.into(),
        ],
    )
}

pub(super) fn unban(tx: &mut Tx<'_>, chat_id: ChatId, user_id: UserId) -> Result<(), store::Error> {
    tx.queue("delete from ban where chat_id = $1 and user_id = $2", &[(&chat_id).into(), (&user_id).into()])
}

pub(super) fn invite(
    tx: &mut Tx<'_>,
    fact: &Fact,
    chat_id: ChatId,
    made: &chat::InvitationMade,
) -> Result<(), store::Error> {
    tx.queue("delete from invitation where chat_id = $1 and expires_at <= $2", &[(&chat_id).into(), made.at.into()])?;
    tx.queue(
        "insert into invitation (invitation_id, chat_id, made_by, at, expires_at, uses, uses_max, position)
         values ($1, $2, $3, $4, $5, 0, $6, $7)",
        &[
            (&made.invitation_id).into(),
            (&chat_id).into(),
            (&made.by).into(),
            made.at.into(),
            made.expires_at.into(),
            i64::from(made.uses_max.unwrap_or(0)).into(),
            fact.position.into(),
        ],
    )
}

/// One more came in by it; the last who may takes it along.
pub(super) fn use_up(tx: &mut Tx<'_>, id: InvitationId) -> Result<(), store::Error> {
    tx.queue("update invitation set uses = uses + 1 where invitation_id = $1", &[(&id).into()])?;
    tx.queue("delete from invitation where invitation_id = $1 and uses = uses_max", &[(&id).into()])
}

pub(super) fn withdraw(tx: &mut Tx<'_>, id: InvitationId) -> Result<(), store::Error> {
    tx.queue("delete from invitation where invitation_id = $1", &[(&id).into()])
}

pub(super) fn remove(tx: &mut Tx<'_>, chat_id: ChatId) -> Result<(), store::Error> {
    tx.queue("delete from ban where chat_id = $1", &[(&chat_id).into()])?;
    tx.queue("delete from invitation where chat_id = $1", &[(&chat_id).into()])
}

pub(super) fn forget(tx: &mut Tx<'_>, user_id: UserId) -> Result<(), store::Error> {
    tx.queue("delete from ban where user_id = $1", &[(&user_id).into()])
}

macro_rules! ban_columns {
    () => {
        "b.user_id, n.user_name, d.display_name, b.banned_by, b.reason, b.at, b.position"
    };
}
const BAN: Columns = Columns::of(ban_columns!());

macro_rules! invitation_columns {
    () => {
        "i.invitation_id, i.made_by, d.display_name, i.at, i.expires_at, i.uses, i.uses_max, i.position"
    };
}
const INVITATION: Columns = Columns::of(invitation_columns!());

/// Who is kept out of a chat, the last one first, before the position `before`.
pub async fn bans(db: &Database, chat_id: ChatId, before: Option<u64>, limit: u32) -> Result<Vec<Ban>, store::Error> {
    db.rows(
        concat!(
            "select ",
            ban_columns!(),
            " from ban b left join author_name n on n.chat_id = b.chat_id and n.user_id = b.user_id
             left join person d on d.user_id = b.user_id
             where b.chat_id = $1 and b.position < $2 order by b.position desc limit $3"
        ),
        &[(&chat_id).into(), before.unwrap_or(u64::MAX).into(), limit.into()],
        |row: &Row<'_>| {
            Ok(Ban {
                user_id: UserId(row.uuid(const { BAN.at("user_id") })?),
                user_name: match row.maybe_text(const { BAN.at("user_name") })? {
                    Some(nickname) => Some(nickname.to_owned()),
                    None => row.maybe_text(const { BAN.at("display_name") })?.map(str::to_owned),
                },
                by: UserId(row.uuid(const { BAN.at("banned_by") })?),
                reason: row.maybe_text(const { BAN.at("reason") })?.map(str::to_owned),
                at: row.timestamp(const { BAN.at("at") })?,
                position: row.int(const { BAN.at("position") })?.cast_unsigned(),
            })
        },
    )
    .await
}

/// The invitations into a chat that are open at a time, the last one first, before the position `before`.
pub async fn invitations(
    db: &Database,
    chat_id: ChatId,
    at: Timestamp,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<Invitation>, store::Error> {
    db.rows(
        concat!(
            "select ",
            invitation_columns!(),
            " from invitation i left join person d on d.user_id = i.made_by
             where i.chat_id = $1 and i.expires_at > $2 and i.position < $3 order by i.position desc limit $4"
        ),
        &[(&chat_id).into(), at.into(), before.unwrap_or(u64::MAX).into(), limit.into()],
        |row: &Row<'_>| {
            let uses_max = row.int(const { INVITATION.at("uses_max") })?.cast_unsigned();
            Ok(Invitation {
                invitation_id: InvitationId(row.uuid(const { INVITATION.at("invitation_id") })?),
                by: UserId(row.uuid(const { INVITATION.at("made_by") })?),
                by_name: row.maybe_text(const { INVITATION.at("display_name") })?.map(str::to_owned),
                at: row.timestamp(const { INVITATION.at("at") })?,
                expires_at: row.timestamp(const { INVITATION.at("expires_at") })?,
                uses: row.int(const { INVITATION.at("uses") })?.cast_unsigned(),
                uses_max: Some(uses_max).filter(|max| *max > 0),
                position: row.int(const { INVITATION.at("position") })?.cast_unsigned(),
            })
        },
    )
    .await
}

/// What the chat is called that an invitation leads into, if it is open at that time.
pub async fn invited_to(db: &Database, id: InvitationId, at: Timestamp) -> Result<Option<String>, store::Error> {
    db.row(
        "select c.chat_name from invitation i join chat c on c.chat_id = i.chat_id
         where i.invitation_id = $1 and i.expires_at > $2",
        &[(&id).into(), at.into()],
        |row| Ok(row.text(0)?.to_owned()),
    )
    .await
}
