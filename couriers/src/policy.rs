//! Whether a delivery may be sent now: looked at when it is due, so that what changed since it was requested counts.

use crate::courier::Courier;
use crate::error::Result;
use crate::unread;
use domain::Timestamp;
use domain::notify::{Category, CategoryKey, Channel, QuietRule};
use projections::ProjectionId;
use projections::deliveries::{self, Delivery};
use projections::recipients::{self, Recipient};

/// What becomes of a delivery that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is sent. The address is that of mail; of other channels none.
    Send { address: Option<String> },
    /// It waits.
    Defer { until: Timestamp, reason: &'static str },
    /// It is not sent.
    Suppress { reason: &'static str },
}

/// Decides on one delivery that is due. `recipient` is none when they were erased, or have not signed up yet.
pub(crate) async fn verdict(
    courier: &Courier,
    delivery: &Delivery,
    recipient: Option<&Recipient>,
    now: Timestamp,
) -> Result<Verdict> {
    let suppress = |reason| Ok(Verdict::Suppress { reason });
    let given = delivery.details.as_ref().and_then(|details| details.address.clone());
    let Some(recipient) = recipient else {
        // An address that asked for something before it had an account.
        return match (delivery.channel, given) {
            (Channel::Email, Some(address)) => to(courier, address).await,
            _ => suppress("erased"),
        };
    };
    let category = CategoryKey::parse(&delivery.category).ok();
    let Some(category) = category.and_then(|key| courier.settings.categories.get(&key)) else {
        return suppress("unknown-category");
    };
    if !recipient.preferences.allows(category, delivery.channel) {
        return suppress("switched-off");
    }
    if unread::is_read(courier, delivery).await? {
        return suppress("read");
    }
    if let Some(until) = quiet_until(category, delivery, recipient, now) {
        return Ok(Verdict::Defer { until, reason: "quiet-hours" });
    }
    if is_throttled(courier, category, delivery, now).await? {
        return suppress("throttled");
    }
    match delivery.channel {
        Channel::Email => match given.or_else(|| confirmed(recipient).map(str::to_owned)) {
            Some(address) => to(courier, address).await,
            None => suppress("no-address"),
        },
        Channel::Inbox | Channel::Live | Channel::Webhook => Ok(Verdict::Send { address: None }),
    }
}

/// Mail goes where somebody has shown that they read it.
pub(crate) fn confirmed(recipient: &Recipient) -> Option<&str> {
    recipient.email.as_deref().filter(|_| recipient.email_confirmed)
}

/// Suppression holds for every category.
async fn to(courier: &Courier, address: String) -> Result<Verdict> {
    let db = courier.caught_up(ProjectionId::Recipients, 0).await?;
    let Some(id) = courier.suppression_id(&address) else { return Ok(Verdict::Suppress { reason: "no-address" }) };
    Ok(match recipients::suppressed(&db, id).await? {
        Some(_) => Verdict::Suppress { reason: "suppressed-address" },
        None => Verdict::Send { address: Some(address) },
    })
}

/// When the quiet hours end that the person is in; none when they are in none, or when the category does not mind them.
fn quiet_until(category: &Category, delivery: &Delivery, recipient: &Recipient, now: Timestamp) -> Option<Timestamp> {
    match (category.quiet, delivery.channel) {
        // What lies in the inbox wakes nobody.
        (QuietRule::Bypass, _) | (QuietRule::Defer, Channel::Inbox | Channel::Live) => None,
        (QuietRule::Defer, Channel::Email | Channel::Webhook) => {
            crate::schedule::release(&recipient.preferences.quiet_hours, &recipient.time_zone, now, recipient.user_id)
        }
    }
}

async fn is_throttled(courier: &Courier, category: &Category, delivery: &Delivery, now: Timestamp) -> Result<bool> {
    let Some(throttle) = category.throttle else { return Ok(false) };
    let db = courier.caught_up(ProjectionId::Deliveries, 0).await?;
    let since = now.plus_seconds(-i64::from(throttle.seconds));
    let sent = deliveries::sent_since(&db, delivery.user_id, delivery.channel, &delivery.category, since).await?;
    Ok(sent >= throttle.count.into())
}
