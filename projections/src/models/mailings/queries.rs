//! What is read of mailings.

use crate::models::deliveries::value_of;
use domain::mailing::{Plan, Status, Texts};
use domain::{MailingId, NotificationId, Timestamp, UserId};
use store::sql::{Columns, Database, Row};
use uuid::Uuid;

/// A mailing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailing {
    pub mailing_id: MailingId,
    /// Where it was drafted; the cursor of lists.
    pub position: u64,
    pub author: UserId,
    pub name: String,
    pub plan: Plan,
    /// None when its author was erased.
    pub texts: Option<Texts>,
    /// How often the draft was changed.
    pub changes: u32,
    pub status: Status,
    /// The run that is under way, or else the next one.
    pub run: u32,
    pub is_under_way: bool,
    /// When that run is due, or was.
    pub due_at: Option<Timestamp>,
    /// When the courier looks whether it can begin.
    pub next_at: Option<Timestamp>,
    /// How often it could not begin.
    pub tries: u32,
    /// Why it could not begin, or was stopped by itself.
    pub reason: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: u64,
}

/// A run of a mailing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub mailing_id: MailingId,
    /// From 1 on; the cursor of lists.
    pub run: u32,
    /// What its deliveries are parts of.
    pub notification_id: NotificationId,
    pub due_at: Timestamp,
    pub started_at: Timestamp,
    /// None until every delivery is final.
    pub finished_at: Option<Timestamp>,
    /// How many people are in its audience, as far as it is frozen.
    pub recipients: u64,
    pub is_frozen: bool,
}

/// A run that is under way, and what is to be known to go on with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnderWay {
    pub mailing_id: MailingId,
    pub run: u32,
    pub notification_id: NotificationId,
    pub due_at: Timestamp,
    pub is_frozen: bool,
    /// Of the mailing.
    pub status: Status,
    pub plan: Plan,
}

/// Most pieces in which those are kept whom a mailing names.
const PIECES_MAX: i64 = 100;

macro_rules! mailing_columns {
    () => {
        "mailing_id, position, author_id, name, plan, texts, changes, status, run, is_under_way, due_at, next_at, tries, \
         reason, created_at, updated_at, version"
    };
}
macro_rules! mailings {
    ($which:literal) => {
        concat!("select ", mailing_columns!(), " from mailing ", $which)
    };
}
macro_rules! runs_under_way {
    ($which:literal) => {
        concat!(
            "select r.mailing_id, r.run, r.notification_id, r.due_at, r.is_frozen, m.status, m.plan
             from mailing_run r join mailing m on m.mailing_id = r.mailing_id
             where r.finished_at is null and r.mailing_id > $1 ",
            $which,
            " order by r.mailing_id limit $2"
        )
    };
}
/// What [`mailing`] reads.
const MAILING: Columns = Columns::of(mailing_columns!());

macro_rules! run_columns {
    () => {
        "mailing_id, run, notification_id, due_at, started_at, finished_at, recipients, is_frozen"
    };
}
macro_rules! mailing_runs {
    ($which:literal) => {
        concat!("select ", run_columns!(), " from mailing_run ", $which)
    };
}
/// What [`one_run`] reads.
const RUN: Columns = Columns::of(run_columns!());

/// One mailing.
pub async fn by_id(db: &Database, id: MailingId) -> Result<Option<Mailing>, store::Error> {
    db.row(mailings!("where mailing_id = $1"), &[(&id.0).into()], mailing).await
}

const LIST: &str = mailings!("where position < $1 order by position desc limit $2");
const LIST_IN_STATE: &str = mailings!("where status = $1 and position < $2 order by position desc limit $3");
const DUE: &str =
    mailings!("where next_at <= $1 and (next_at, mailing_id) > ($2, $3) order by next_at, mailing_id limit $4");

/// Mailings before the position `before`, the newest first.
pub async fn list(
    db: &Database,
    status: Option<Status>,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<Mailing>, store::Error> {
    let before = before.unwrap_or(u64::MAX);
    match status {
        None => db.rows(LIST, &[before.into(), limit.into()], mailing).await,
        Some(status) => db.rows(LIST_IN_STATE, &[status.name().into(), before.into(), limit.into()], mailing).await,
    }
}

/// Mailings of which a run may begin at that instant, the longest due first, behind the one of that time and id.
pub async fn due(
    db: &Database,
    at: Timestamp,
    after: Option<(Timestamp, MailingId)>,
    limit: u32,
) -> Result<Vec<Mailing>, store::Error> {
    let (after_at, after_id) = after.unwrap_or((Timestamp(i64::MIN), MailingId(Uuid::nil())));
    db.rows(DUE, &[at.into(), after_at.into(), (&after_id.0).into(), limit.into()], mailing).await
}

/// Those whom a mailing names, in order.
pub async fn named(db: &Database, id: MailingId) -> Result<Vec<UserId>, store::Error> {
    let sql = "select user_ids from mailing_named where mailing_id = $1 order by piece limit $2";
    let pieces =
        db.rows(sql, &[(&id.0).into(), PIECES_MAX.into()], |row| value_of::<Vec<UserId>>(row.text(0)?, 0)).await?;
    Ok(pieces.concat())
}

/// The runs of a mailing before that one, the last one first.
pub async fn runs(db: &Database, id: MailingId, before: Option<u32>, limit: u32) -> Result<Vec<Run>, store::Error> {
    let before = before.map_or(i64::MAX, i64::from);
    let sql = mailing_runs!("where mailing_id = $1 and run < $2 order by run desc limit $3");
    db.rows(sql, &[(&id.0).into(), before.into(), limit.into()], one_run).await
}

/// One run of a mailing.
pub async fn run(db: &Database, id: MailingId, run: u32) -> Result<Option<Run>, store::Error> {
    db.row(mailing_runs!("where mailing_id = $1 and run = $2"), &[(&id.0).into(), run.into()], one_run).await
}

/// The name of the mailing of which something is a run.
pub async fn name_of(db: &Database, id: NotificationId) -> Result<Option<String>, store::Error> {
    let sql =
        "select m.name from mailing_run r join mailing m on m.mailing_id = r.mailing_id where r.notification_id = $1";
    db.row(sql, &[(&id.0).into()], |row| Ok(row.text(0)?.to_owned())).await
}

/// Which of the runs that are under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those with which something is to be done, be it to look whether they have ended.
    ToDo,
    /// Those whose deliveries are sent.
    Sending,
}

/// Those behind a mailing, by its id.
const TO_DO: &str = runs_under_way!("and not (m.status = 'paused' and r.is_frozen)");
const SENDING: &str = runs_under_way!("and m.status = 'running'");

/// Runs that are under way, by their mailings' ids, beginning behind that mailing; after the last one follows the first one, so
/// that each has its turn.
pub async fn under_way(
    db: &Database,
    which: Which,
    after: Option<MailingId>,
    limit: u32,
) -> Result<Vec<UnderWay>, store::Error> {
    let sql = match which {
        Which::ToDo => TO_DO,
        Which::Sending => SENDING,
    };
    let mut runs = db.rows(sql, &[(&after.unwrap_or(FIRST).0).into(), limit.into()], run_under_way).await?;
    let rest = limit.saturating_sub(u32::try_from(runs.len()).unwrap_or(u32::MAX));
    if let (Some(after), true) = (after, rest > 0) {
        let first = db.rows(sql, &[(&FIRST.0).into(), rest.into()], run_under_way).await?;
        runs.extend(first.into_iter().take_while(|run| run.mailing_id <= after));
    }
    Ok(runs)
}

/// Before every mailing.
const FIRST: MailingId = MailingId(Uuid::nil());

/// How many runs are under way.
pub async fn count_under_way(db: &Database) -> Result<u32, store::Error> {
    let sql = "select count(*) from mailing_run where finished_at is null";
    Ok(db.row(sql, &[], |row| row.int(0)).await?.map_or(0, number))
}

fn run_under_way(row: &Row<'_>) -> Result<UnderWay, store::Error> {
    Ok(UnderWay {
        mailing_id: MailingId(row.uuid(0)?),
        run: number(row.int(1)?),
        notification_id: NotificationId(row.uuid(2)?),
        due_at: row.timestamp(3)?,
        is_frozen: row.bool(4)?,
        status: status(row, 5)?,
        plan: value_of(row.text(6)?, 6)?,
    })
}

fn mailing(row: &Row<'_>) -> Result<Mailing, store::Error> {
    let texts = row.maybe_text(const { MAILING.at("texts") })?;
    Ok(Mailing {
        mailing_id: MailingId(row.uuid(const { MAILING.at("mailing_id") })?),
        position: row.int(const { MAILING.at("position") })?.cast_unsigned(),
        author: UserId(row.uuid(const { MAILING.at("author_id") })?),
        name: row.text(const { MAILING.at("name") })?.to_owned(),
        plan: value_of(row.text(const { MAILING.at("plan") })?, const { MAILING.at("plan") })?,
        texts: texts.map(|text| value_of(text, const { MAILING.at("texts") })).transpose()?,
        changes: number(row.int(const { MAILING.at("changes") })?),
        status: status(row, const { MAILING.at("status") })?,
        run: number(row.int(const { MAILING.at("run") })?),
        is_under_way: row.bool(const { MAILING.at("is_under_way") })?,
        due_at: row.maybe_timestamp(const { MAILING.at("due_at") })?,
        next_at: row.maybe_timestamp(const { MAILING.at("next_at") })?,
        tries: number(row.int(const { MAILING.at("tries") })?),
        reason: row.maybe_text(const { MAILING.at("reason") })?.map(str::to_owned),
        created_at: row.timestamp(const { MAILING.at("created_at") })?,
        updated_at: row.timestamp(const { MAILING.at("updated_at") })?,
        version: row.int(const { MAILING.at("version") })?.cast_unsigned(),
    })
}

fn one_run(row: &Row<'_>) -> Result<Run, store::Error> {
    Ok(Run {
        mailing_id: MailingId(row.uuid(const { RUN.at("mailing_id") })?),
        run: number(row.int(const { RUN.at("run") })?),
        notification_id: NotificationId(row.uuid(const { RUN.at("notification_id") })?),
        due_at: row.timestamp(const { RUN.at("due_at") })?,
        started_at: row.timestamp(const { RUN.at("started_at") })?,
        finished_at: row.maybe_timestamp(const { RUN.at("finished_at") })?,
        recipients: row.int(const { RUN.at("recipients") })?.cast_unsigned(),
        is_frozen: row.bool(const { RUN.at("is_frozen") })?,
    })
}

fn status(row: &Row<'_>, index: usize) -> Result<Status, store::Error> {
    Status::parse(row.text(index)?).ok_or(store::Error::Column { index, expected: "a state of mailings" })
}

fn number(stored: i64) -> u32 {
    u32::try_from(stored).unwrap_or(u32::MAX)
}

/// What is looked up again and again, or page by page: none of it may walk a whole table.
#[cfg(test)]
pub(super) const PLANNED: &[(&str, &str)] = &[
    ("list", LIST),
    ("list in a state", LIST_IN_STATE),
    ("due", DUE),
    ("under way, to do", TO_DO),
    ("under way, sending", SENDING),
];
