//! Mailings and their runs: what each is to be, how far it is, and what is to be done next. What became of their deliveries
//! is in `deliveries`.

use crate::ProjectionId;
use crate::engine::definition::Definition;
use crate::engine::fold::{Fold, erased};
use crate::engine::table::{Key, Table};
use crate::models::deliveries::text_of;
use domain::mailing::{Drafted, Event, Resumed, RunBegun, RunFinished, Status, Stopped};
use domain::{MailingId, UserId, user};
use store::Fact;
use store::sql::Tx;

mod queries;

pub use queries::{
    Mailing, Run, UnderWay, Which, by_id, count_under_way, due, list, name_of, named, run, runs, under_way,
};

pub(crate) const DEFINITION: Definition = Definition {
    id: ProjectionId::Mailings,
    name: "mailings",
    version: 3,
    tables: TABLES,
    indexes: INDEXES,
    compared: COMPARED,
    guards: false,
    folds: &[Fold::Mailing(apply), Fold::User(apply_user)],
};

/// `due_at` is when the run that is under way was due, or the next one is; `next_at` when it may begin, null where none may.
const TABLES: &str = "
    create table mailing (
        mailing_id bytea primary key,
        position bigint not null,
        author_id bytea not null,
        name text not null,
        plan text not null,
        texts text,
        changes bigint not null,
        status text not null,
        run bigint not null,
        is_under_way boolean not null,
        due_at bigint,
        next_at bigint,
        tries bigint not null,
        reason text,
        created_at bigint not null,
        updated_at bigint not null,
        version bigint not null
    );
    create table mailing_named (
        mailing_id bytea not null,
        piece bigint not null,
        user_ids text not null,
        primary key (mailing_id, piece)
    );
    create table mailing_run (
        mailing_id bytea not null,
        run bigint not null,
        notification_id bytea not null,
        due_at bigint not null,
        started_at bigint not null,
        finished_at bigint,
        recipients bigint not null,
        is_frozen boolean not null,
        primary key (mailing_id, run)
    );
    create index if not exists mailing_by_author on mailing (author_id);
";

const INDEXES: &str = "
    create index if not exists mailing_by_position on mailing (position);
    create index if not exists mailing_by_status on mailing (status, position);
    create index if not exists mailing_by_next on mailing (next_at, mailing_id) where next_at is not null;
    create index if not exists mailing_run_by_notification on mailing_run (notification_id);
    create index if not exists mailing_run_under_way on mailing_run (mailing_id) where finished_at is null;
";

const COMPARED: &[Table] = &[
    Table {
        name: "mailing",
        key: &[Key::Id("mailing_id")],
        columns: &[
            "position",
            "author_id",
            "name",
            "plan",
            "texts",
            "changes",
            "status",
            "run",
            "is_under_way",
            "due_at",
            "next_at",
            "tries",
            "reason",
            "created_at",
            "updated_at",
            "version",
        ],
    },
    Table { name: "mailing_named", key: &[Key::Id("mailing_id"), Key::Number("piece")], columns: &["user_ids"] },
    Table {
        name: "mailing_run",
        key: &[Key::Id("mailing_id"), Key::Number("run")],
        columns: &["notification_id", "due_at", "started_at", "finished_at", "recipients", "is_frozen"],
    },
];

fn apply(tx: &mut Tx<'_>, fact: &Fact, id: MailingId, event: &Event) -> Result<(), store::Error> {
    match event {
        Event::Created(drafted) => create(tx, fact, id, drafted)?,
        Event::Changed(drafted) => change(tx, id, drafted)?,
        Event::RecipientsNamed(named) => tx.queue(
            "insert into mailing_named (mailing_id, piece, user_ids) values ($1, $2, $3)",
            &[(&id.0).into(), fact.version.into(), text_of(&named.user_ids).as_str().into()],
        )?,
        Event::Deleted(_) => {
            tx.queue("delete from mailing_named where mailing_id = $1", &[(&id.0).into()])?;
            return tx.queue("delete from mailing where mailing_id = $1", &[(&id.0).into()]);
        }
        Event::Started(started) => tx.queue(
            "update mailing set status = $2, due_at = $3, next_at = $3 where mailing_id = $1",
            &[(&id.0).into(), Status::before(started.due_at, started.at).name().into(), started.due_at.into()],
        )?,
        Event::RunBegun(begun) => begin_run(tx, id, begun)?,
        Event::RunPostponed(postponed) => tx.queue(
            "update mailing set tries = $2, reason = $3, next_at = $4 where mailing_id = $1",
            &[(&id.0).into(), postponed.tries.into(), postponed.reason.as_str().into(), postponed.until.into()],
        )?,
        Event::AudienceFrozen(frozen) => tx.queue(
            "update mailing_run set recipients = recipients + $3, is_frozen = $4 where mailing_id = $1 and run = $2",
            &[(&id.0).into(), frozen.run.into(), frozen.recipients.into(), frozen.last.into()],
        )?,
        Event::RunFinished(finished) => finish_run(tx, id, finished)?,
        Event::Paused(stopped) => stop(tx, id, Status::Paused, stopped)?,
        Event::Resumed(resumed) => resume(tx, id, resumed)?,
        Event::Cancelled(stopped) => {
            tx.queue("update mailing set due_at = null where mailing_id = $1", &[(&id.0).into()])?;
            stop(tx, id, Status::Cancelled, stopped)?;
        }
    }
    tx.queue(
        "update mailing set version = $2, updated_at = $3 where mailing_id = $1",
        &[(&id.0).into(), fact.version.into(), fact.recorded_at.into()],
    )
}

fn create(tx: &mut Tx<'_>, fact: &Fact, id: MailingId, drafted: &Drafted) -> Result<(), store::Error> {
    let texts = drafted.texts.known().map(text_of);
    tx.queue(
        "insert into mailing (mailing_id, position, author_id, name, plan, texts, changes, status, run, is_under_way,
             due_at, next_at, tries, reason, created_at, updated_at, version)
         values ($1, $2, $3, $4, $5, $6, 0, $7, 1, $8, null, null, 0, null, $9, $10, $11)",
        &[
            (&id.0).into(),
            fact.position.into(),
            (&drafted.by).into(),
            drafted.name.as_str().into(),
            text_of(&drafted.plan).as_str().into(),
            texts.as_ref().into(),
            Status::Draft.name().into(),
            false.into(),
            drafted.at.into(),
            fact.recorded_at.into(),
            fact.version.into(),
        ],
    )
}

fn change(tx: &mut Tx<'_>, id: MailingId, drafted: &Drafted) -> Result<(), store::Error> {
    let texts = drafted.texts.known().map(text_of);
    tx.queue("delete from mailing_named where mailing_id = $1", &[(&id.0).into()])?;
    tx.queue(
        "update mailing set author_id = $2, name = $3, plan = $4, texts = $5, changes = changes + 1
         where mailing_id = $1",
        &[
            (&id.0).into(),
            (&drafted.by).into(),
            drafted.name.as_str().into(),
            text_of(&drafted.plan).as_str().into(),
            texts.as_ref().into(),
        ],
    )
}

fn begin_run(tx: &mut Tx<'_>, id: MailingId, begun: &RunBegun) -> Result<(), store::Error> {
    tx.queue(
        "update mailing set status = $2, run = $3, is_under_way = $4, next_at = null, tries = 0, reason = null
         where mailing_id = $1",
        &[(&id.0).into(), Status::Running.name().into(), begun.run.into(), true.into()],
    )?;
    tx.queue(
        "insert into mailing_run (mailing_id, run, notification_id, due_at, started_at, finished_at, recipients,
             is_frozen)
         values ($1, $2, $3, $4, $5, null, 0, $6)",
        &[
            (&id.0).into(),
            begun.run.into(),
            (&begun.notification_id.0).into(),
            begun.due_at.into(),
            begun.at.into(),
            false.into(),
        ],
    )
}

/// One that was called off stays so.
fn finish_run(tx: &mut Tx<'_>, id: MailingId, finished: &RunFinished) -> Result<(), store::Error> {
    let next = finished.next_due_at;
    let status = next.map_or(Status::Finished, |due_at| Status::before(due_at, finished.at));
    tx.queue(
        "update mailing_run set finished_at = $3 where mailing_id = $1 and run = $2",
        &[(&id.0).into(), finished.run.into(), finished.at.into()],
    )?;
    tx.queue(
        "update mailing set run = $2, is_under_way = $3, due_at = $4, next_at = $4,
             status = case when status = $5 then status else $6 end
         where mailing_id = $1",
        &[
            (&id.0).into(),
            (finished.run + 1).into(),
            false.into(),
            next.into(),
            Status::Cancelled.name().into(),
            status.name().into(),
        ],
    )
}

fn stop(tx: &mut Tx<'_>, id: MailingId, status: Status, stopped: &Stopped) -> Result<(), store::Error> {
    tx.queue(
        "update mailing set status = $2, next_at = null, reason = $3 where mailing_id = $1",
        &[(&id.0).into(), status.name().into(), stopped.reason.as_deref().into()],
    )
}

/// The run that is under way goes on, or the next one waits until it is due.
fn resume(tx: &mut Tx<'_>, id: MailingId, resumed: &Resumed) -> Result<(), store::Error> {
    tx.queue(
        "update mailing set status = $2, tries = 0, reason = null, due_at = $3, next_at = $3
         where mailing_id = $1 and not is_under_way",
        &[(&id.0).into(), Status::before(resumed.due_at, resumed.at).name().into(), resumed.due_at.into()],
    )?;
    tx.queue(
        "update mailing set status = $2, tries = 0, reason = null where mailing_id = $1 and is_under_way",
        &[(&id.0).into(), Status::Running.name().into()],
    )
}

/// What it says is forgotten with who wrote it.
fn apply_user(tx: &mut Tx<'_>, fact: &Fact, _: UserId, _: &user::Event) -> Result<(), store::Error> {
    match erased(fact) {
        Some(user_id) => tx.queue("update mailing set texts = null where author_id = $1", &[(&user_id).into()]),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::plans::assert_no_scans;

    #[tokio::test]
    async fn no_query_walks_a_table() {
        assert_no_scans(&DEFINITION, &["mailing", "mailing_run", "m", "r"], queries::PLANNED).await;
    }
}
