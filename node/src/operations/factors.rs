//! Second factors, for an operator: what somebody signs in by beside their first proof, and taking away what they have lost.

use super::users::{UserChange, account, find};
use super::{Error, FOLLOW_WAIT};
use crate::NodeHandle;
use domain::{Command, Timestamp, TotpId, totp};
use projections::{ProjectionId, Projections};
use serde::Serialize;
use store::Log;

/// What codes of a device are called here.
const TOTP: &str = "totp";

/// A second factor as an operator sees it, without what is secret of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FactorRow {
    /// What `rm` takes.
    pub which: String,
    /// `totp`: codes of a device.
    pub kind: &'static str,
    pub since: Timestamp,
    /// Recovery codes that have not been used.
    pub recovery_codes_left: usize,
}

/// The second factors of the account of that name or id.
///
/// # Errors
/// When there is no such account, or the log or a read model cannot be read.
pub async fn list(log: &Log, projections: &Projections, user: &str) -> Result<Vec<FactorRow>, Error> {
    let user_id = account(&projections.database(ProjectionId::Users), user).await?.user_id;
    let mut state = totp::State::default();
    for fact in log.stream(TotpId::from(user_id).into())? {
        if let domain::Event::Totp(_, event) = &fact.event {
            totp::evolve(&mut state, event);
        }
    }
    let row = |factor: totp::Factor| FactorRow {
        which: TOTP.to_owned(),
        kind: TOTP,
        since: factor.since,
        recovery_codes_left: factor.codes.len(),
    };
    Ok(state.factor.map(row).into_iter().collect())
}

/// Takes a second factor away from the account of that name or id, and ends its sessions.
///
/// # Errors
/// When there is no such account, or it has no such factor.
pub async fn remove(node: &NodeHandle, user: &str, which: &str) -> Result<UserChange, Error> {
    let user_id = find(node, user).await?.user_id;
    if which != TOTP {
        return Err(Error::NoFactor(which.to_owned()));
    }
    let request = node.request(Command::Totp(user_id.into(), totp::Command::TakeAway));
    let position = node.writer.send(request).await?.position;
    // It is removed; a read model that lags is not this verb's failure.
    if let Err(behind) = node.projections.caught_up(ProjectionId::Sessions, position, FOLLOW_WAIT).await {
        tracing::warn!(%behind, "the change is not readable yet");
    }
    Ok(UserChange::of(user_id, position))
}
