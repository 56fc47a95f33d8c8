//! Why somebody will not get a mailing.

use crate::policy::confirmed;
use domain::SuppressionId;
use domain::Timestamp;
use domain::notify::{Category, Channel};
use domain::text::Email;
use projections::recipients::{self, Recipient};
use std::collections::HashSet;
use store::Keys;
use store::sql::Database;

/// Why nothing is sent to somebody over a channel, by what is known now; none when nothing is in the way. `suppressed` has
/// the addresses that get nothing.
pub(super) fn obstacle(
    category: &Category,
    channel: Channel,
    recipient: &Recipient,
    suppressed: &Suppressed,
    now: Timestamp,
) -> Option<&'static str> {
    if recipient.suspended_until.is_some_and(|until| until > now) {
        return Some("suspended");
    }
    if !recipient.preferences.allows(category, channel) {
        return Some("switched-off");
    }
    match (channel, confirmed(recipient)) {
        (Channel::Email, None) => Some("no-address"),
        (Channel::Email, Some(address)) if suppressed.has(address) => Some("suppressed-address"),
        (Channel::Email | Channel::Inbox | Channel::Live | Channel::Webhook, _) => None,
    }
}

/// Which of the addresses of some people get nothing.
pub(super) struct Suppressed<'a> {
    keys: &'a Keys,
    ids: HashSet<SuppressionId>,
}

impl Suppressed<'_> {
    /// Looks up those of at most [`recipients::IDS_MAX`] people.
    pub(super) async fn of<'a>(
        keys: &'a Keys,
        db: &Database,
        people: &[Recipient],
    ) -> Result<Suppressed<'a>, store::Error> {
        let ids = people.iter().filter_map(|one| id(keys, confirmed(one)?)).collect::<Vec<_>>();
        Ok(Suppressed { keys, ids: recipients::which_suppressed(db, &ids).await? })
    }

    fn has(&self, address: &str) -> bool {
        id(self.keys, address).is_none_or(|id| self.ids.contains(&id))
    }
}

fn id(keys: &Keys, address: &str) -> Option<SuppressionId> {
    Some(recipients::suppression_id(keys, &Email::parse(address).ok()?))
}
