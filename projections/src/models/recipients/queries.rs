//! What is asked of recipients.

use super::read;
use domain::notify::Preferences;
use domain::{ChatId, SuppressionId, Timestamp, UserId, suppression, user};
use std::collections::HashSet;
use store::sql::{Columns, Database, Row, Value};

/// Somebody who can be told something. Who was erased is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    pub user_id: UserId,
    pub user_name: String,
    pub display_name: String,
    pub email: Option<String>,
    /// Whether they have shown that they read mail to it.
    pub email_confirmed: bool,
    /// An IANA name.
    pub time_zone: String,
    /// A language tag.
    pub locale: String,
    pub role: user::Role,
    pub created_at: Timestamp,
    /// When they signed in last; none when never.
    pub signed_in_at: Option<Timestamp>,
    /// Until when they may not use their account, also when that is over.
    pub suspended_until: Option<Timestamp>,
    pub preferences: Preferences,
    /// The version of the stream of their preferences; 0 when they never said anything.
    pub preferences_version: u64,
}

/// An address that gets nothing any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppressed {
    pub id: SuppressionId,
    /// None when it is forgotten.
    pub address: Option<String>,
    /// Why, in somebody's own words.
    pub note: Option<String>,
    pub reason: suppression::Reason,
    pub at: Timestamp,
    pub version: u64,
    /// Where it stands in the list; the cursor of [`suppressions`].
    pub position: u64,
}

/// Whom something is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    Everybody,
    Role(user::Role),
    /// The members of a chat.
    Chat(ChatId),
}

/// Most ids of one look-up.
pub const IDS_MAX: usize = 500;
/// Ids of one statement.
const IDS: usize = 20;

macro_rules! recipient_columns {
    () => {
        "r.user_id, r.user_name, r.display_name, r.email, r.email_confirmed, r.time_zone, r.locale, r.role,
         r.created_at, r.signed_in_at, r.suspended_until, r.preferences, r.preferences_version"
    };
}
macro_rules! recipients {
    ($which:literal) => {
        concat!("select ", recipient_columns!(), " from recipient r ", $which)
    };
}
/// What [`recipient`] reads.
const RECIPIENT: Columns = Columns::of(recipient_columns!());

/// The person of that id.
pub async fn by_id(db: &Database, user_id: UserId) -> Result<Option<Recipient>, store::Error> {
    db.row(recipients!("where r.user_id = $1"), &[(&user_id).into()], recipient).await
}

/// The people of these ids, at most [`IDS_MAX`] of them, in the order of their ids; who is none is left out.
pub async fn by_ids(db: &Database, ids: &[UserId]) -> Result<Vec<Recipient>, store::Error> {
    let mut found = Vec::with_capacity(ids.len());
    for some in ids[..ids.len().min(IDS_MAX)].chunks(IDS) {
        let sql = recipients!(
            "where r.user_id in ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
                 $20)"
        );
        found.extend(db.rows(sql, &filled(some), recipient).await?);
    }
    found.sort_by_key(|recipient| recipient.user_id);
    found.dedup_by_key(|recipient| recipient.user_id);
    Ok(found)
}

/// So many parameters as the statement has: the last one fills it up.
fn filled<Id>(ids: &[Id]) -> Vec<Value<'_>>
where
    for<'a> &'a Id: Into<Value<'a>>,
{
    let last = ids.last().into_iter().flat_map(std::iter::repeat);
    ids.iter().chain(last).take(IDS).map(Into::into).collect()
}

/// People of an audience behind that id, by their ids.
pub async fn page(
    db: &Database,
    audience: Audience,
    after: Option<UserId>,
    limit: u32,
) -> Result<Vec<Recipient>, store::Error> {
    let after = after.unwrap_or(UserId(uuid::Uuid::nil()));
    match audience {
        Audience::Everybody => {
            let sql = recipients!("where r.user_id > $1 order by r.user_id limit $2");
            db.rows(sql, &[(&after).into(), limit.into()], recipient).await
        }
        Audience::Role(role) => {
            let sql = recipients!("where r.role = $1 and r.user_id > $2 order by r.user_id limit $3");
            db.rows(sql, &[role.name().into(), (&after).into(), limit.into()], recipient).await
        }
        Audience::Chat(chat_id) => {
            let sql = recipients!(
                "join chat_member m on m.user_id = r.user_id where m.chat_id = $1 and m.user_id > $2
                 order by m.user_id limit $3"
            );
            db.rows(sql, &[(&chat_id).into(), (&after).into(), limit.into()], recipient).await
        }
    }
}

/// Which of these people are members of a chat; of at most [`IDS_MAX`] of them.
pub async fn which_in_chat(db: &Database, chat_id: ChatId, ids: &[UserId]) -> Result<HashSet<UserId>, store::Error> {
    let mut found = HashSet::new();
    for some in ids[..ids.len().min(IDS_MAX)].chunks(IDS) {
        let sql = "select user_id from chat_member where user_id in ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
                       $13, $14, $15, $16, $17, $18, $19, $20) and chat_id = $21";
        let mut values = filled(some);
        values.push((&chat_id).into());
        found.extend(db.rows(sql, &values, |row| Ok(UserId(row.uuid(0)?))).await?);
    }
    Ok(found)
}

/// How many people are in an audience.
pub async fn count(db: &Database, audience: Audience) -> Result<u64, store::Error> {
    let number = |row: &Row<'_>| row.int(0);
    let counted = match audience {
        Audience::Everybody => db.row("select count(*) from recipient", &[], number).await,
        Audience::Role(role) => {
            db.row("select count(*) from recipient where role = $1", &[role.name().into()], number).await
        }
        Audience::Chat(chat_id) => {
            db.row("select count(*) from chat_member where chat_id = $1", &[(&chat_id).into()], number).await
        }
    };
    Ok(counted?.map_or(0, i64::cast_unsigned))
}

fn recipient(row: &Row<'_>) -> Result<Recipient, store::Error> {
    Ok(Recipient {
        user_id: UserId(row.uuid(const { RECIPIENT.at("user_id") })?),
        user_name: row.text(const { RECIPIENT.at("user_name") })?.to_owned(),
        display_name: row.text(const { RECIPIENT.at("display_name") })?.to_owned(),
        email: row.maybe_text(const { RECIPIENT.at("email") })?.map(str::to_owned),
        email_confirmed: row.bool(const { RECIPIENT.at("email_confirmed") })?,
        time_zone: row.text(const { RECIPIENT.at("time_zone") })?.to_owned(),
        locale: row.text(const { RECIPIENT.at("locale") })?.to_owned(),
        // A role that this version does not know allows nothing.
        role: user::Role::parse(row.text(const { RECIPIENT.at("role") })?).unwrap_or_default(),
        created_at: row.timestamp(const { RECIPIENT.at("created_at") })?,
        signed_in_at: row.maybe_timestamp(const { RECIPIENT.at("signed_in_at") })?,
        suspended_until: row.maybe_timestamp(const { RECIPIENT.at("suspended_until") })?,
        preferences: read(row.text(const { RECIPIENT.at("preferences") })?),
        preferences_version: row.int(const { RECIPIENT.at("preferences_version") })?.cast_unsigned(),
    })
}

macro_rules! suppressed_columns {
    () => {
        "address_hash, address, note, reason, at, version, position"
    };
}
macro_rules! suppressed {
    ($which:literal) => {
        concat!("select ", suppressed_columns!(), " from suppressed ", $which)
    };
}
/// What [`one_suppressed`] reads.
const SUPPRESSED: Columns = Columns::of(suppressed_columns!());

/// The suppression of an address, if it is suppressed.
pub async fn suppressed(db: &Database, id: SuppressionId) -> Result<Option<Suppressed>, store::Error> {
    db.row(suppressed!("where address_hash = $1"), &[(&id.0).into()], one_suppressed).await
}

/// Which of these addresses are suppressed; of at most [`IDS_MAX`] of them.
pub async fn which_suppressed(db: &Database, ids: &[SuppressionId]) -> Result<HashSet<SuppressionId>, store::Error> {
    let mut found = HashSet::new();
    for some in ids[..ids.len().min(IDS_MAX)].chunks(IDS) {
        let sql = "select address_hash from suppressed where address_hash in ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
                       $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)";
        let hashes = some.iter().map(|id| id.0).collect::<Vec<_>>();
        found.extend(db.rows(sql, &filled(&hashes), |row| hash(row, 0)).await?);
    }
    Ok(found)
}

/// Suppressed addresses before the position `before`, the last one first.
pub async fn suppressions(db: &Database, before: Option<u64>, limit: u32) -> Result<Vec<Suppressed>, store::Error> {
    let sql = suppressed!("where position < $1 order by position desc limit $2");
    db.rows(sql, &[before.unwrap_or(u64::MAX).into(), limit.into()], one_suppressed).await
}

fn hash(row: &Row<'_>, index: usize) -> Result<SuppressionId, store::Error> {
    let bytes = row.bytes(index)?.try_into();
    bytes.map(SuppressionId).map_err(|_| store::Error::Column { index, expected: "a hash of 32 bytes" })
}

fn one_suppressed(row: &Row<'_>) -> Result<Suppressed, store::Error> {
    let reason = suppression::Reason::parse(row.text(const { SUPPRESSED.at("reason") })?);
    Ok(Suppressed {
        id: hash(row, const { SUPPRESSED.at("address_hash") })?,
        address: row.maybe_text(const { SUPPRESSED.at("address") })?.map(str::to_owned),
        note: row.maybe_text(const { SUPPRESSED.at("note") })?.map(str::to_owned),
        // Written by this version, which knows each.
        reason: reason.unwrap_or(suppression::Reason::Manual),
        at: row.timestamp(const { SUPPRESSED.at("at") })?,
        version: row.int(const { SUPPRESSED.at("version") })?.cast_unsigned(),
        position: row.int(const { SUPPRESSED.at("position") })?.cast_unsigned(),
    })
}
