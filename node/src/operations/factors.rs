//! Second factors, for an operator: what somebody signs in by beside their first proof, and taking away what they have lost.

use super::users::{UserChange, account, find};
use super::{Error, FOLLOW_WAIT};
use crate::NodeHandle;
use domain::id::parse_uuid;
use domain::passkeys::Command::TakeAway;
use domain::passkeys::Remove;
use domain::{Command, PasskeyId, Timestamp, TotpId, totp};
use projections::{ProjectionId, Projections, passkeys};
use serde::Serialize;
use store::Log;

/// What codes of a device are called here.
const TOTP: &str = "totp";

/// A second factor as an operator sees it, without what is secret of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FactorRow {
    /// What `rm` takes.
    pub which: String,
    /// `totp`, codes of a device; or `passkey`, which stands for two factors.
    pub kind: &'static str,
    /// What its owner calls it.
    pub name: Option<String>,
    pub since: Timestamp,
    /// Recovery codes that have not been used, of `totp`.
    pub recovery_codes_left: Option<usize>,
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
        name: None,
        since: factor.since,
        recovery_codes_left: Some(factor.codes.len()),
    };
    let keys = passkeys::of_user(&projections.database(ProjectionId::Passkeys), user_id).await?;
    let keys = keys.into_iter().map(|key| FactorRow {
        which: key.passkey_id.to_string(),
        kind: "passkey",
        name: Some(key.name),
        since: key.created_at,
        recovery_codes_left: None,
    });
    Ok(state.factor.map(row).into_iter().chain(keys).collect())
}

/// Takes a second factor away from the account of that name or id, and ends its sessions.
///
/// # Errors
/// When there is no such account, or it has no such factor.
pub async fn remove(node: &NodeHandle, user: &str, which: &str) -> Result<UserChange, Error> {
    let user_id = find(node, user).await?.user_id;
    let command = if which == TOTP {
        Command::Totp(user_id.into(), totp::Command::TakeAway)
    } else {
        let passkey_id = parse_uuid(which).map(PasskeyId).ok_or_else(|| Error::NoFactor(which.to_owned()))?;
        Command::Passkeys(user_id.into(), TakeAway(Remove { passkey_id }))
    };
    let request = node.request(command);
    let position = node.writer.send(request).await?.position;
    // It is removed; a read model that lags is not this verb's failure.
    if let Err(behind) = node.projections.caught_up(ProjectionId::Sessions, position, FOLLOW_WAIT).await {
        tracing::warn!(%behind, "the change is not readable yet");
    }
    Ok(UserChange::of(user_id, position))
}
