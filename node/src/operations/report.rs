//! What an operation reports when it is done: the same over the control socket, on the command line and for any other
//! caller. Scripts rely on the names of the fields.

use super::import::ImportReport;
use super::keys::RotationReport;
use super::mailbox::MailboxCleared;
use super::mailings::MailingChange;
use super::moderation::ResolutionReport;
use super::notifications::{CourierArming, DeliveryChange};
use super::projections::{ProjectionChange, RebuildReport, SkipReport};
use super::relay::{ArmingReport, RepublishReport};
use super::users::UserChange;
use serde::{Deserialize, Serialize};

/// What an operation reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// An account was opened, changed or erased.
    User(UserChange),
    /// A chat log was imported.
    Import(ImportReport),
    /// Read models were built again.
    Rebuild(Vec<RebuildReport>),
    /// A projection was paused or resumed.
    Projection(ProjectionChange),
    /// A projection steps over an event.
    Skip(SkipReport),
    /// Whether the log can be written.
    Writer(WriterHealth),
    /// The relay was armed or disarmed.
    Arming(ArmingReport),
    /// The couriers were armed or disarmed.
    CourierArming(CourierArming),
    /// A delivery is sent again, or was called off.
    Delivery(DeliveryChange),
    /// A mailing was started, paused, resumed or called off.
    Mailing(MailingChange),
    /// The keys are wrapped by a new master key.
    Rotation(RotationReport),
    /// What was reported of a message is resolved.
    Resolution(ResolutionReport),
    /// The dev mailbox was emptied.
    Mailbox(MailboxCleared),
    /// Facts were published again.
    Republish(RepublishReport),
}

/// Whether the log can be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriterHealth {
    /// Why it cannot be written; none where it can.
    pub writer: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::Response;
    use crate::operations::import::{ImportSummary, Reject, RejectedLine};
    use domain::delivery::Status;
    use domain::report::Action;
    use domain::user::Role;
    use domain::{DeliveryId, MessageId, ReportId, UserId};
    use uuid::Uuid;

    fn every() -> Vec<(Report, &'static str)> {
        let user_id = UserId(Uuid::from_u128(1));
        let summary = ImportSummary {
            messages: 1,
            already_there: 2,
            rejected: 3,
            malformed: 1,
            rooms: 4,
            users: 5,
            seconds: 0.5,
            messages_per_second: 12.0,
        };
        let rejects = vec![RejectedLine { kind: Reject::Malformed, line: 7, reason: "no JSON".to_owned() }];
        let rebuild =
            RebuildReport { name: "users".to_owned(), version: 1, events: 9, seconds: 1.0, events_per_second: 9.0 };
        let change = ProjectionChange { name: "users".to_owned(), state: "paused".to_owned(), position: 9 };
        let skip = SkipReport { name: "users".to_owned(), skipped: 7, reason: "broken".to_owned(), position: 10 };
        vec![
            (
                Report::User(UserChange { user_id, user_name: None, role: Some(Role::Admin), position: 9 }),
                r#"{"user":{"user_id":"00000000-0000-0000-0000-000000000001","role":"admin","position":9}}"#,
            ),
            (
                Report::Import(ImportReport { summary, rejects }),
                r#"{"import":{"summary":{"messages":1,"already_there":2,"rejected":3,"malformed":1,"rooms":4,"users":5,"seconds":0.5,"messages_per_second":12.0},"rejects":[{"kind":"malformed","line":7,"reason":"no JSON"}]}}"#,
            ),
            (
                Report::Rebuild(vec![rebuild]),
                r#"{"rebuild":[{"name":"users","version":1,"events":9,"seconds":1.0,"events_per_second":9.0}]}"#,
            ),
            (Report::Projection(change), r#"{"projection":{"name":"users","state":"paused","position":9}}"#),
            (Report::Skip(skip), r#"{"skip":{"name":"users","skipped":7,"reason":"broken","position":10}}"#),
            (Report::Writer(WriterHealth { writer: None }), r#"{"writer":{"writer":null}}"#),
            (Report::Arming(ArmingReport { armed: true }), r#"{"arming":{"armed":true}}"#),
            (
                Report::CourierArming(CourierArming { armed: true, pending: 3, due: 2, late: 1 }),
                r#"{"courier_arming":{"armed":true,"pending":3,"due":2,"late":1}}"#,
            ),
            (
                Report::Delivery(DeliveryChange {
                    delivery_id: DeliveryId(Uuid::from_u128(1)),
                    state: Status::Scheduled,
                    position: 9,
                }),
                r#"{"delivery":{"delivery_id":"00000000-0000-0000-0000-000000000001","state":"scheduled","position":9}}"#,
            ),
            (
                Report::Rotation(RotationReport { keys: 3, former_key: Some("/x/former".to_owned()) }),
                r#"{"rotation":{"keys":3,"former_key":"/x/former"}}"#,
            ),
            (
                Report::Resolution(ResolutionReport {
                    report_id: ReportId(Uuid::from_u128(1)),
                    message_id: MessageId(Uuid::from_u128(1)),
                    action: Action::Hide,
                    position: 9,
                }),
                r#"{"resolution":{"report_id":"00000000-0000-0000-0000-000000000001","message_id":"00000000-0000-0000-0000-000000000001","action":"hide","position":9}}"#,
            ),
            (Report::Mailbox(MailboxCleared { deleted: 3 }), r#"{"mailbox":{"deleted":3}}"#),
            (
                Report::Republish(RepublishReport { from: 1, to: 2, facts: 2, duplicates: 1 }),
                r#"{"republish":{"from":1,"to":2,"facts":2,"duplicates":1}}"#,
            ),
        ]
    }

    #[test]
    fn reports_come_over_the_control_socket_as_they_were() {
        for (report, json) in every() {
            assert_eq!(serde_json::to_string(&report).unwrap(), json);
            let line = serde_json::to_string(&Response::Done(report.clone())).unwrap();
            let Ok(Response::Done(read)) = serde_json::from_str(&line) else { panic!("{line}") };
            assert_eq!(read, report);
        }
    }
}
