//! The kinds of tables, in one list: opening, forgetting a person and another history of the log go through all of them.

use crate::{Result, challenges, couriers, erasures, figures, last_use, mailbox, search_tasks, wrong_passwords};
use domain::UserId;
use store::sql::Tx;

/// Tables that belong together.
pub(crate) struct Part {
    /// Makes them where they are not there.
    pub(crate) tables: &'static str,
    /// Deletes what they hold of a person.
    pub(crate) forget: fn(&mut Tx<'_>, UserId) -> Result<()>,
    /// Deletes what came of a history of the log that is gone.
    pub(crate) begin_again: fn(&mut Tx<'_>) -> Result<()>,
}

pub(crate) const PARTS: &[Part] = &[
    couriers::PART,
    erasures::PART,
    figures::PART,
    last_use::PART,
    search_tasks::PART,
    mailbox::PART,
    wrong_passwords::PART,
    challenges::PART,
];
