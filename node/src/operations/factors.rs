//! Second factors, passkeys and identities, for an operator: what somebody signs in by beside a password and mail, and taking away
//! what they have lost.

use super::users::{UserChange, account, find};
use super::{Error, FOLLOW_WAIT};
use crate::NodeHandle;
use domain::id::parse_uuid;
use domain::{
    Command, Event, IdentitiesId, IdentityId, PasskeyId, StreamId, Timestamp, TotpId, UserId, identities, passkeys,
    totp,
};
use projections::{ProjectionId, Projections, identities as linked, passkeys as keys};
use serde::Serialize;
use store::{Fact, Log};

/// What codes of a device are called here.
const TOTP: &str = "totp";

/// What somebody signs in by as an operator sees it, without what is secret of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FactorRow {
    /// What `rm` takes.
    pub which: String,
    /// `totp`, codes of a device; `passkey`, which stands for two factors; or `identity`, an account at another service.
    pub kind: &'static str,
    /// What its owner calls it; of an identity the service.
    pub name: Option<String>,
    pub since: Timestamp,
    /// Recovery codes that have not been used, of `totp`.
    pub recovery_codes_left: Option<usize>,
}

/// The second factors, passkeys and identities of the account of that name or id.
///
/// # Errors
/// When there is no such account, or the log or a read model cannot be read.
pub async fn list(log: &Log, projections: &Projections, user: &str) -> Result<Vec<FactorRow>, Error> {
    let user_id = account(&projections.database(ProjectionId::Users), user).await?.user_id;
    let mut state = totp::State::default();
    for fact in facts(log, TotpId::from(user_id).into()).await? {
        if let Event::Totp(_, event) = &fact.event {
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
    let keys = keys::of_user(&projections.database(ProjectionId::Passkeys), user_id).await?;
    let keys = keys.into_iter().map(|key| FactorRow {
        which: key.passkey_id.to_string(),
        kind: "passkey",
        name: Some(key.name),
        since: key.created_at,
        recovery_codes_left: None,
    });
    // Where the module `external` is left out nobody has any.
    let identities = match projections.has(ProjectionId::Identities) {
        true => linked::of_user(&projections.database(ProjectionId::Identities), user_id).await?,
        false => Vec::new(),
    };
    let identities = identities.into_iter().map(|identity| FactorRow {
        which: identity.identity_id.to_string(),
        kind: "identity",
        name: Some(identity.provider),
        since: identity.linked_at,
        recovery_codes_left: None,
    });
    Ok(state.factor.map(row).into_iter().chain(keys).chain(identities).collect())
}

/// Takes one of them away from the account of that name or id, and ends its sessions.
///
/// # Errors
/// When there is no such account, or it has no such factor.
pub async fn remove(node: &NodeHandle, user: &str, which: &str) -> Result<UserChange, Error> {
    let user_id = find(node, user).await?.user_id;
    let request = node.request(taking_away(&node.log, user_id, which).await?);
    let position = node.writer.send(request).await?.position;
    // It is removed; a read model that lags is not this verb's failure.
    if let Err(behind) = node.projections.caught_up(ProjectionId::Sessions, position, FOLLOW_WAIT).await {
        tracing::warn!(%behind, "the change is not readable yet");
    }
    Ok(UserChange::of(user_id, position))
}

/// The command that takes it away.
async fn taking_away(log: &Log, user_id: UserId, which: &str) -> Result<Command, Error> {
    if which == TOTP {
        return Ok(Command::Totp(user_id.into(), totp::Command::TakeAway));
    }
    let id = parse_uuid(which).ok_or_else(|| Error::NoFactor(which.to_owned()))?;
    let mut list = identities::State::default();
    for fact in facts(log, IdentitiesId::from(user_id).into()).await? {
        if let Event::Identities(_, event) = &fact.event {
            identities::evolve(&mut list, event);
        }
    }
    let identity_id = IdentityId(id);
    Ok(match list.linked.get(&identity_id) {
        Some(known) => {
            let unlink = identities::Unlink { identity_id, claim: known.claim };
            Command::Identities(user_id.into(), identities::Command::TakeAway(unlink))
        }
        None => {
            let remove = passkeys::Remove { passkey_id: PasskeyId(id) };
            Command::Passkeys(user_id.into(), passkeys::Command::TakeAway(remove))
        }
    })
}

/// A stream, read on a thread that may be kept waiting.
async fn facts(log: &Log, stream: StreamId) -> Result<Vec<Fact>, Error> {
    let log = log.clone();
    let read = tokio::task::spawn_blocking(move || log.stream(stream)).await;
    Ok(read.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?)
}
