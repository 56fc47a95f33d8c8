//! Ids that are made of what they stand for, so that a second look at the same thing finds what the first one made.

use domain::notify::Channel;
use domain::{DeliveryId, MailingId, NotificationId, UserId};
use uuid::{Builder, Uuid};

/// The notification that a rule makes of a fact for one person.
pub(crate) fn of_notice(fact: Uuid, rule: &str, user_id: UserId) -> NotificationId {
    NotificationId(made("letopis notice", &[fact.as_bytes(), user_id.0.as_bytes(), rule.as_bytes()]))
}

/// The run of a mailing.
pub(crate) fn of_run(id: MailingId, run: u32) -> NotificationId {
    NotificationId(made("letopis mailing run", &[id.0.as_bytes(), &run.to_be_bytes()]))
}

/// The delivery of a run of a notification to one person over one channel.
pub(crate) fn of_delivery(id: NotificationId, run: u32, user_id: UserId, channel: Channel) -> DeliveryId {
    let parts = [id.0.as_bytes().as_slice(), &run.to_be_bytes(), user_id.0.as_bytes(), channel.name().as_bytes()];
    DeliveryId(made("letopis delivery", &parts))
}

/// A UUID of version 8 (RFC 9562, 5.8): the first bytes of a hash. All parts but the last have a fixed length.
fn made(context: &str, parts: &[&[u8]]) -> Uuid {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    for part in parts {
        hasher.update(part);
    }
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_the_same_for_the_same_and_others_for_all_else() {
        let id = |number| Uuid::from_u128(number);
        let (anna, boris) = (UserId(id(1)), UserId(id(2)));
        let notice = of_notice(id(3), "welcome", anna);
        assert_eq!(of_notice(id(3), "welcome", anna), notice);
        for other in
            [of_notice(id(4), "welcome", anna), of_notice(id(3), "reset", anna), of_notice(id(3), "welcome", boris)]
        {
            assert_ne!(other, notice);
        }
        let delivery = of_delivery(notice, 1, anna, Channel::Email);
        assert_eq!(of_delivery(notice, 1, anna, Channel::Email), delivery);
        for other in [
            of_delivery(notice, 2, anna, Channel::Email),
            of_delivery(notice, 1, boris, Channel::Email),
            of_delivery(notice, 1, anna, Channel::Inbox),
        ] {
            assert_ne!(other, delivery);
        }
        assert_eq!(delivery.0.get_version_num(), 8);
        let run = of_run(MailingId(id(5)), 1);
        assert_eq!(of_run(MailingId(id(5)), 1), run);
        assert!(of_run(MailingId(id(5)), 2) != run && of_run(MailingId(id(6)), 1) != run);
    }
}
