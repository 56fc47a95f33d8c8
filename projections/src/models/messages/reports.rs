//! What was reported of messages. A report has the id of its message, and stays when the message goes.

use super::Table;
use crate::engine::table::Key;
use domain::report::{Event, Made, Resolved};
use domain::{ChatId, MessageId, ReportId, Timestamp, UserId};
use store::Fact;
use store::sql::{Columns, Database, Row, Tx};

/// Makes the tables. `position` is where the message was first reported since it was resolved last, the cursor of the
/// lists.
macro_rules! report_tables {
    () => {
        "
    create table report (
        message_id bytea primary key,
        chat_id bytea not null,
        open bigint not null,
        made bigint not null,
        opened_at bigint not null,
        position bigint not null,
        action text,
        resolved_by bytea,
        resolved_at bigint
    ) without rowid;
    create index if not exists report_by_position on report (position);
    create index if not exists report_by_chat on report (chat_id, position);
    create table complaint (
        position bigint primary key,
        message_id bytea not null,
        user_id bytea not null,
        reason text,
        text text,
        at bigint not null
    );
    create index if not exists complaint_by_message on complaint (message_id, position);
    create index if not exists complaint_by_user on complaint (user_id);
"
    };
}
pub(super) use report_tables;

pub(super) const REPORT: Table = Table {
    name: "report",
    key: &[Key::Id("message_id")],
    columns: &["chat_id", "open", "made", "opened_at", "position", "action", "resolved_by", "resolved_at"],
};
pub(super) const COMPLAINT: Table = Table {
    name: "complaint",
    key: &[Key::Number("position")],
    columns: &["message_id", "user_id", "reason", "text", "at"],
};

/// So many of those who reported one message are listed.
const COMPLAINTS_LISTED_MAX: u32 = 20;

/// What was reported of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub message_id: MessageId,
    pub chat_id: ChatId,
    /// How many reported it since it was resolved last; none is open where this is 0.
    pub open: u64,
    /// How many ever did.
    pub made: u64,
    pub opened_at: Timestamp,
    /// The cursor of [`reports`].
    pub position: u64,
    pub resolved: Option<Resolution>,
    /// The message; none when it is gone.
    pub message: Option<ReportedMessage>,
}

/// How a report was resolved last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    pub action: String,
    pub by: UserId,
    pub at: Timestamp,
}

/// What those see who may resolve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedMessage {
    pub author: UserId,
    /// Their name in the chat.
    pub user_name: Option<String>,
    pub text: String,
    pub hidden: bool,
}

/// One person's report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    pub user_id: UserId,
    pub reason: Option<String>,
    pub text: Option<String>,
    pub at: Timestamp,
}

/// Which reports are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportFilter {
    pub chat_id: Option<ChatId>,
    /// Only those that are open, or only those that are not.
    pub open: Option<bool>,
}

pub(super) fn apply(tx: &mut Tx<'_>, fact: &Fact, id: ReportId, event: &Event) -> Result<(), store::Error> {
    match event {
        Event::Made(made) => make(tx, fact, id.into(), made),
        Event::Resolved(resolved) => resolve(tx, fact, id.into(), resolved),
    }
}

fn make(tx: &mut Tx<'_>, fact: &Fact, id: MessageId, made: &Made) -> Result<(), store::Error> {
    tx.queue(
        "insert into report (message_id, chat_id, open, made, opened_at, position, action, resolved_by, resolved_at)
         values ($1, $2, 1, 1, $3, $4, null, null, null)
         on conflict (message_id) do update set
             opened_at = case when report.open = 0 then excluded.opened_at else report.opened_at end,
             position = case when report.open = 0 then excluded.position else report.position end,
             open = report.open + 1, made = report.made + 1",
        &[(&id).into(), (&made.chat_id).into(), fact.recorded_at.into(), fact.position.into()],
    )?;
    let words = made.words.known();
    tx.queue(
        "insert into complaint (position, message_id, user_id, reason, text, at) values ($1, $2, $3, $4, $5, $6)",
        &[
            fact.position.into(),
            (&id).into(),
            (&made.by).into(),
            words.map(|words| words.reason.as_str()).into(),
            words.and_then(|words| words.text.as_ref()).map(|text| text.as_str()).into(),
            fact.recorded_at.into(),
        ],
    )
}

fn resolve(tx: &mut Tx<'_>, fact: &Fact, id: MessageId, resolved: &Resolved) -> Result<(), store::Error> {
    tx.queue(
        "update report set open = 0, action = $2, resolved_by = $3, resolved_at = $4 where message_id = $1",
        &[(&id).into(), resolved.action.name().into(), (&resolved.by).into(), fact.recorded_at.into()],
    )
}

pub(super) fn remove_in_chat(tx: &mut Tx<'_>, chat_id: ChatId) -> Result<(), store::Error> {
    tx.queue(
        "delete from complaint where message_id in (select message_id from report where chat_id = $1)",
        &[(&chat_id).into()],
    )?;
    tx.queue("delete from report where chat_id = $1", &[(&chat_id).into()])
}

/// How many reported a message stays true.
pub(super) fn forget(tx: &mut Tx<'_>, user_id: UserId) -> Result<(), store::Error> {
    tx.queue("delete from complaint where user_id = $1", &[(&user_id).into()])
}

macro_rules! report_columns {
    () => {
        "r.message_id, r.chat_id, r.open, r.made, r.opened_at, r.position, r.action, r.resolved_by, r.resolved_at,
         p.author, m.user_name, p.text, p.hidden"
    };
}
macro_rules! reports {
    ($which:literal) => {
        concat!(
            "select ",
            report_columns!(),
            " from report r left join message p on p.message_id = r.message_id
             left join member m on m.chat_id = p.chat_id and m.user_id = p.author ",
            $which
        )
    };
}
const ROW: Columns = Columns::of(report_columns!());

/// Reports before the position `before`, the last one first.
pub async fn reports(
    db: &Database,
    filter: ReportFilter,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<Report>, store::Error> {
    // Below zero it does not matter. A null would have no type there.
    let open = filter.open.map_or(-1, i64::from);
    let before = before.unwrap_or(u64::MAX);
    match filter.chat_id {
        Some(chat_id) => {
            db.rows(
                reports!(
                    "where r.chat_id = $1 and r.position < $2
                         and ($3 < 0 or (case when r.open > 0 then 1 else 0 end) = $3)
                     order by r.position desc limit $4"
                ),
                &[(&chat_id).into(), before.into(), open.into(), limit.into()],
                report,
            )
            .await
        }
        None => {
            db.rows(
                reports!(
                    "where r.position < $1 and ($2 < 0 or (case when r.open > 0 then 1 else 0 end) = $2)
                     order by r.position desc limit $3"
                ),
                &[before.into(), open.into(), limit.into()],
                report,
            )
            .await
        }
    }
}

/// How many messages were reported of which nobody has resolved it.
pub async fn open_reports(db: &Database) -> Result<u64, store::Error> {
    let sql = "select count(*) from report where open > 0";
    Ok(db.row(sql, &[], |row| row.int(0)).await?.map_or(0, i64::cast_unsigned))
}

/// What was reported of one message.
pub async fn report_of(db: &Database, id: ReportId) -> Result<Option<Report>, store::Error> {
    db.row(reports!("where r.message_id = $1"), &[(&MessageId::from(id)).into()], report).await
}

/// Who reported a message, and why; the first ones.
pub async fn complaints(db: &Database, id: MessageId) -> Result<Vec<Complaint>, store::Error> {
    db.rows(
        "select user_id, reason, text, at from complaint where message_id = $1 order by position limit $2",
        &[(&id).into(), COMPLAINTS_LISTED_MAX.into()],
        |row| {
            Ok(Complaint {
                user_id: UserId(row.uuid(0)?),
                reason: row.maybe_text(1)?.map(str::to_owned),
                text: row.maybe_text(2)?.map(str::to_owned),
                at: row.timestamp(3)?,
            })
        },
    )
    .await
}

fn report(row: &Row<'_>) -> Result<Report, store::Error> {
    let resolved = match row.maybe_text(const { ROW.at("action") })? {
        None => None,
        Some(action) => Some(Resolution {
            action: action.to_owned(),
            by: UserId(row.uuid(const { ROW.at("resolved_by") })?),
            at: row.timestamp(const { ROW.at("resolved_at") })?,
        }),
    };
    let message = match row.maybe_uuid(const { ROW.at("author") })? {
        None => None,
        Some(author) => Some(ReportedMessage {
            author: UserId(author),
            user_name: row.maybe_text(const { ROW.at("user_name") })?.map(str::to_owned),
            text: row.text(const { ROW.at("text") })?.to_owned(),
            hidden: row.bool(const { ROW.at("hidden") })?,
        }),
    };
    Ok(Report {
        message_id: MessageId(row.uuid(const { ROW.at("message_id") })?),
        chat_id: ChatId(row.uuid(const { ROW.at("chat_id") })?),
        open: row.int(const { ROW.at("open") })?.cast_unsigned(),
        made: row.int(const { ROW.at("made") })?.cast_unsigned(),
        opened_at: row.timestamp(const { ROW.at("opened_at") })?,
        position: row.int(const { ROW.at("position") })?.cast_unsigned(),
        resolved,
        message,
    })
}
