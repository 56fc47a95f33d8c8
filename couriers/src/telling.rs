//! What is told to many at once: what their deliveries have in common, and how many of them are requested together.

use crate::ids;
use crate::schedule::Cron;
use domain::delivery::{self, Content, Details};
use domain::notification::{self, Schedule};
use domain::notify::{CategoryKey, Channel, Kind, Semantics};
use domain::{DeliveryId, NotificationId, Personal, Timestamp, UserId};
use uuid::Uuid;

/// About how many bytes of deliveries are asked for at once.
const CHUNK_BYTES_MAX: usize = 1024 * 1024;

/// What the deliveries of one run have in common.
pub(crate) struct Telling {
    pub(crate) notification_id: NotificationId,
    pub(crate) run: u32,
    /// The fact that asks for them.
    pub(crate) cause: Uuid,
    pub(crate) category: CategoryKey,
    pub(crate) kind: Kind,
    pub(crate) semantics: Semantics,
    /// `live` shows what is in the inbox, and has no delivery.
    pub(crate) channels: Vec<Channel>,
    pub(crate) content: Content,
    pub(crate) details: Personal<Details>,
    pub(crate) due_at: Timestamp,
    /// In seconds from then on.
    pub(crate) expires_in: u32,
}

impl Telling {
    /// How many people a chunk has.
    pub(crate) fn people_max(&self) -> usize {
        let channels = self.channels.len().max(1);
        let bytes = self.details.known().map_or(0, size_of) + 1_024;
        (notification::CHUNK_MAX / channels).min(CHUNK_BYTES_MAX / bytes / channels).max(1)
    }

    /// What one person gets. `obstacle` says why they must not get it over a channel.
    pub(crate) fn deliveries(
        &self,
        user_id: UserId,
        obstacle: impl Fn(Channel) -> Option<&'static str>,
    ) -> Vec<(DeliveryId, delivery::Request)> {
        let channels = self.channels.iter().filter(|channel| **channel != Channel::Live);
        let of = |channel: &Channel| {
            let id = ids::of_delivery(self.notification_id, self.run, user_id, *channel);
            (id, self.delivery(user_id, *channel, obstacle(*channel)))
        };
        channels.map(of).collect()
    }

    fn delivery(&self, user_id: UserId, channel: Channel, obstacle: Option<&'static str>) -> delivery::Request {
        let forgotten = matches!(self.details, Personal::Erased).then_some("forgotten");
        delivery::Request {
            user_id,
            channel,
            category: self.category.clone(),
            kind: self.kind,
            semantics: self.semantics,
            content: self.content.clone(),
            due_at: self.due_at,
            late_because: "deadline".to_owned(),
            expires_at: self.due_at.plus_seconds(self.expires_in.into()),
            notification_id: self.notification_id,
            cause: Some(self.cause),
            details: self.details.known().cloned().unwrap_or_default(),
            suppressed: forgotten.or(obstacle).map(str::to_owned),
            before_sign_up: false,
        }
    }
}

/// The first run of a schedule that is due after this one and after now: runs that were missed are passed over.
pub(crate) fn next_due_at(schedule: Option<&Schedule>, due_at: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let schedule = schedule?;
    Cron::parse(&schedule.cron, &schedule.time_zone, now).ok()?.next(due_at.max(now))
}

/// About how many bytes it takes in the log.
fn size_of(details: &Details) -> usize {
    serde_json::to_string(details).map_or(0, |text| text.len())
}
