//! Mailings: started, paused, resumed, called off.

use super::{Error, FOLLOW_WAIT};
use crate::NodeHandle;
use couriers::mailings::{first_due_at, resumed_due_at};
use domain::mailing::{By, Command, Refusal, Resume, Start, Status};
use domain::{MailingId, Timestamp, UserId};
use projections::ProjectionId;
use projections::mailings::{self, Mailing};
use serde::{Deserialize, Serialize};

/// How often a start is tried again of a draft that others change at the same time.
const TRIES_MAX: u32 = 3;

/// What is to happen to a mailing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailingVerb {
    /// It is sent.
    Start,
    /// Nothing more is sent.
    Pause,
    /// It goes on.
    Resume,
    /// What is not sent yet is not sent.
    Cancel,
}

/// A mailing that was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailingChange {
    pub mailing_id: MailingId,
    pub state: Status,
    pub position: u64,
}

/// What the rules are asked for. `by` is none for an operator.
pub fn verb_command(verb: MailingVerb, row: &Mailing, by: Option<UserId>, at: Timestamp) -> Command {
    match verb {
        // A schedule without a run has none at any time, and ends with its first look.
        MailingVerb::Start => {
            let due_at = first_due_at(&row.plan, at).unwrap_or(at);
            Command::Start(Start { by, changes: row.changes, due_at })
        }
        MailingVerb::Pause => Command::Pause(By { by }),
        // The last thing that happened to one that is paused and has no run under way is that it was paused.
        MailingVerb::Resume => {
            Command::Resume(Resume { by, due_at: resumed_due_at(&row.plan, row.due_at, row.updated_at, at) })
        }
        MailingVerb::Cancel => Command::Cancel(By { by }),
    }
}

/// Changes a mailing.
///
/// # Errors
/// Code 3 when there is none, 4 when its state does not allow it.
pub async fn change(node: &NodeHandle, mailing_id: MailingId, verb: MailingVerb) -> Result<MailingChange, Error> {
    let at = store::now();
    let db = node.projections.database(ProjectionId::Mailings);
    let not_found = || commands::Error::Refused(Refusal::NotFound.into());
    let by = Some(node.asker()).filter(|by| *by != UserId::OPERATOR);
    let mut tries = 0;
    let (row, position) = loop {
        tries += 1;
        let head = node.log.head()?.position;
        node.projections.caught_up(ProjectionId::Mailings, head, FOLLOW_WAIT).await?;
        let row = mailings::by_id(&db, mailing_id).await?.ok_or_else(not_found)?;
        let command = domain::Command::Mailing(mailing_id, verb_command(verb, &row, by, at));
        match node.writer.send(node.request(command)).await {
            // Somebody changed the draft meanwhile: its first date is another one now.
            Err(commands::Error::Refused(domain::Refusal::Mailing(Refusal::Outdated))) if tries < TRIES_MAX => {}
            answer => break (row, answer?.position),
        }
    };
    node.projections.caught_up(ProjectionId::Mailings, position, FOLLOW_WAIT).await?;
    let state = mailings::by_id(&db, mailing_id).await?.map_or(row.status, |row| row.status);
    Ok(MailingChange { mailing_id, state, position })
}
