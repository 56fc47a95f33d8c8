//! What was reported of messages, for an operator.

use super::{Error, FOLLOW_WAIT};
use crate::NodeHandle;
use domain::report::{self, Action};
use domain::{Command, MessageId, ReportId};
use projections::{ProjectionId, messages};
use serde::{Deserialize, Serialize};

/// A report that was resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolutionReport {
    pub report_id: ReportId,
    pub message_id: MessageId,
    pub action: Action,
    pub position: u64,
}

/// Resolves what was reported of a message.
///
/// # Errors
/// When there is no such report, or it was resolved in another way.
pub async fn resolve(node: &NodeHandle, report_id: ReportId, action: Action) -> Result<ResolutionReport, Error> {
    let head = node.log.head()?.position;
    node.projections.caught_up(ProjectionId::Messages, head, FOLLOW_WAIT).await?;
    let found = messages::report_of(&node.projections.database(ProjectionId::Messages), report_id).await?;
    let not_found = || commands::Error::Refused(report::Refusal::NotFound.into());
    let chat_id = found.ok_or_else(not_found)?.chat_id;
    let resolve = report::Resolve { chat_id, by: node.asker(), action };
    let command = Command::Report(report_id, report::Command::Resolve(resolve));
    let position = node.writer.send(node.request(command)).await?.position;
    Ok(ResolutionReport { report_id, message_id: report_id.into(), action, position })
}
