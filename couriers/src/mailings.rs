//! Mailings: whom one is for, what it says, and how its runs begin, go on and end.

mod audience;
mod obstacle;
mod preview;
mod run;
mod said;
mod turns;
mod variables;

pub use preview::{PREVIEW_PEOPLE_MAX, Preview, PreviewParts, Sample, preview};
pub use said::Unsayable;
pub use variables::VariablesSource;

pub(crate) use run::{begin_for_ever, go_on_for_ever};

/// When the first run of a mailing is due that is started now; none when its schedule has no run any more.
pub fn first_due_at(plan: &domain::mailing::Plan, now: domain::Timestamp) -> Option<domain::Timestamp> {
    let from = plan.send_at.map_or(now, |at| at.max(now));
    match &plan.schedule {
        None => Some(from),
        Some(schedule) => crate::telling::next_due_at(Some(schedule), from, now),
    }
}

/// When the run is due that waits while its mailing is paused, now that it is resumed. One that was due before the pause is
/// late, and so is one of a mailing that is sent once; times of a schedule that came while it was paused are passed over.
pub fn resumed_due_at(
    plan: &domain::mailing::Plan,
    due_at: Option<domain::Timestamp>,
    paused_at: domain::Timestamp,
    now: domain::Timestamp,
) -> domain::Timestamp {
    let due_at = due_at.unwrap_or(now);
    if due_at <= paused_at || due_at >= now {
        return due_at;
    }
    crate::telling::next_due_at(plan.schedule.as_ref(), due_at, now).unwrap_or(due_at)
}

#[cfg(test)]
mod tests;
