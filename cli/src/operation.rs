//! What a verb can want changed. It is carried out where the writer is: in the running server, or in the verb's own
//! process.

mod following;

use crate::couriers;
use crate::exit::{Code, failure};
use crate::gzip::Source;
use crate::import;
use crate::keys;
use crate::progress::{self, Progress, per_second};
use anyhow::{Context, Result};
use commands::Request;
use domain::password::Lengths;
use domain::text::{UserName, canonical_name};
use domain::user::{self, Role, Verifier};
use domain::{Command, UserId};
use node::{Node, now};
use projections::{ProjectionId, State, users};
use relay::Relay;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How long a read model may take to follow what was just written.
const FOLLOW_WAIT: Duration = Duration::from_secs(10);

/// What is wanted. A password in it is never shown: it has no `Debug`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Operation {
    /// Open an account.
    CreateUser {
        /// Its name.
        name: String,
        /// Its password.
        password: String,
        /// Its role.
        role: Role,
    },
    /// Give an account a password.
    SetPassword {
        /// Its name or id.
        user: String,
        /// The new one.
        password: String,
    },
    /// Give an account a role.
    SetRole {
        /// Its name or id.
        user: String,
        /// The new one.
        role: Role,
    },
    /// End every session of an account, and revoke its service tokens.
    EndSessions {
        /// Its name or id.
        user: String,
    },
    /// Forget a person.
    Erase {
        /// Its name or id.
        user: String,
    },
    /// Bring a chat log in.
    Import {
        /// Whether messages keep the file's times.
        as_of_file_times: bool,
        /// How long the file is, which follows; zero when nobody knows.
        bytes: u64,
    },
    /// Build read models anew.
    Rebuild {
        /// Which; none means all.
        projection: Option<String>,
    },
    /// Let a projection stop following.
    Pause {
        /// Which.
        projection: String,
        /// Why.
        reason: Option<String>,
    },
    /// Let it go on.
    Resume {
        /// Which.
        projection: String,
        /// Why.
        reason: Option<String>,
    },
    /// Let it step over the event that stops it.
    Skip {
        /// Which.
        projection: String,
        /// Why.
        reason: String,
    },
    /// Tell whether the log can be written.
    Probe,
    /// Let the relay of this log speak, or not.
    ArmRelay {
        /// Whether it may.
        armed: bool,
    },
    /// Make a new master key, and wrap every other key by it.
    RotateKeys,
    /// Tell other services again what they were told.
    Republish {
        /// The first position.
        from: u64,
        /// The last one; none means up to where the relay is.
        to: Option<u64>,
    },
}

impl Operation {
    /// Whether it makes no sense without an embedded log: the folder is not made for it.
    pub fn needs_data(&self) -> bool {
        match self {
            Operation::CreateUser { .. } | Operation::Import { .. } => false,
            Operation::SetPassword { .. }
            | Operation::SetRole { .. }
            | Operation::EndSessions { .. }
            | Operation::Erase { .. }
            | Operation::Probe
            | Operation::Rebuild { .. }
            | Operation::Pause { .. }
            | Operation::Resume { .. }
            | Operation::Skip { .. }
            | Operation::ArmRelay { .. }
            | Operation::RotateKeys
            | Operation::Republish { .. } => true,
        }
    }

    /// Whether it reaches NATS; the others do without a connection.
    pub fn needs_nats(&self) -> bool {
        matches!(self, Operation::Republish { .. })
    }

    /// How many bytes the file has that it takes along, zero when nobody knows; none when it takes none.
    pub fn takes(&self) -> Option<u64> {
        if let Operation::Import { bytes, .. } = self { Some(*bytes) } else { None }
    }

    /// Carries it out, with the file that it [`Operation::takes`]. Answers what there is to show.
    ///
    /// # Errors
    /// Why it was refused, or what went wrong.
    pub async fn run(
        &self,
        node: &Node,
        relay: Option<&Relay>,
        source: Option<Source>,
        progress: &progress::Sender,
    ) -> Result<Value> {
        match self {
            Operation::CreateUser { name, password, role } => create_user(node, name, password, *role).await,
            Operation::SetPassword { user, password } => set_password(node, user, password).await,
            Operation::SetRole { user, role } => {
                let user_id = find(node, user).await?.user_id;
                let position = change(node, user_id, user::Command::SetRole(*role)).await?;
                Ok(json!({"user_id": user_id, "role": role, "position": position}))
            }
            Operation::EndSessions { user } => {
                let user_id = find(node, user).await?.user_id;
                let position = change(node, user_id, user::Command::LockOut).await?;
                Ok(json!({"user_id": user_id, "position": position}))
            }
            Operation::Erase { user } => {
                let user_id = find(node, user).await?.user_id;
                let request = Request::by_operator(Command::User(user_id, user::Command::Erase), now());
                let answer =
                    node::operations::erase::erase(&node.writer, &node.projections, &node.log, user_id, request)
                        .await?;
                Ok(json!({"user_id": user_id, "position": answer.position}))
            }
            Operation::Import { as_of_file_times, .. } => {
                let source = source.context("an import takes a file along")?;
                import::run(node, source, *as_of_file_times, progress).await
            }
            Operation::Rebuild { projection } => rebuild(node, projection.as_deref(), progress).await,
            Operation::Pause { projection, reason } => following::pause(node, projection, reason.as_deref()).await,
            Operation::Resume { projection, reason } => following::resume(node, projection, reason.as_deref()).await,
            Operation::Skip { projection, reason } => following::skip(node, projection, reason).await,
            Operation::Probe => Ok(json!({"writer": node.probe.look().await.err().map(|why| why.to_string())})),
            Operation::ArmRelay { armed } => couriers::arm(node, relay, *armed).await,
            Operation::RotateKeys => keys::rotate(node.log.clone(), progress).await,
            Operation::Republish { from, to } => couriers::republish(relay, node.roles, (*from, *to), progress).await,
        }
    }
}

/// The name that an account is to have, if it and the password may be an account's.
///
/// # Errors
/// What is wrong with one of them.
pub fn fit_for_an_account(name: &str, password: &str, lengths: Lengths) -> Result<UserName> {
    let user_name =
        UserName::parse(name).map_err(|unfit| failure(Code::Usage, format!("the user name {name:?} {unfit}")))?;
    check_password(password, &user_name, lengths)?;
    Ok(user_name)
}

fn check_password(password: &str, user_name: &UserName, lengths: Lengths) -> Result<()> {
    domain::password::check(password, user_name, lengths)
        .map_err(|weak| failure(Code::Usage, format!("the password {weak}")))
}

async fn create_user(node: &Node, name: &str, password: &str, role: Role) -> Result<Value> {
    let user_name = fit_for_an_account(name, password, node.passwords.lengths())?;
    let verifier = verifier(node, password, &user_name).await?;
    let user_id = UserId(Uuid::now_v7());
    let sign_up = user::Command::SignUp {
        claim: node::claims::claim(&node.keys, &user_name),
        user_name,
        email: None,
        verifier: Some(verifier),
    };
    let mut position = change(node, user_id, sign_up).await?;
    if role != Role::default() {
        position = change(node, user_id, user::Command::SetRole(role)).await?;
    }
    Ok(json!({"user_id": user_id, "user_name": name, "role": role, "position": position}))
}

async fn set_password(node: &Node, user: &str, password: &str) -> Result<Value> {
    let account = find(node, user).await?;
    let user_name = UserName::parse(&account.user_name)
        .map_err(|unfit| anyhow::anyhow!("the read model holds a user name that {unfit}"))?;
    let verifier = verifier(node, password, &user_name).await?;
    let command = user::Command::ChangePassword { verifier, checked: None, keep: None };
    let position = change(node, account.user_id, command).await?;
    Ok(json!({"user_id": account.user_id, "user_name": account.user_name, "position": position}))
}

async fn verifier(node: &Node, password: &str, user_name: &UserName) -> Result<Verifier> {
    check_password(password, user_name, node.passwords.lengths())?;
    node.passwords.hash(password.to_owned()).await.context("try again")
}

/// Sends one command about an account, and waits until it can be read.
async fn change(node: &Node, user_id: UserId, command: user::Command) -> Result<u64> {
    let request = Request::by_operator(Command::User(user_id, command), now());
    let position = node.writer.send(request).await?.position;
    // What was changed is durable; a read model that lags is not this verb's failure.
    if let Err(behind) = node.projections.caught_up(ProjectionId::Users, position, FOLLOW_WAIT).await {
        tracing::warn!(%behind, "the change is not readable yet");
    }
    Ok(position)
}

/// The account of that name or id.
async fn find(node: &Node, user: &str) -> Result<users::Account> {
    let head = node.log.head()?.position;
    node.projections.caught_up(ProjectionId::Users, head, FOLLOW_WAIT).await?;
    account(&node.projections.database(ProjectionId::Users), user).await
}

/// The account of that name or id.
///
/// # Errors
/// When there is none.
pub async fn account(database: &store::sql::Database, user: &str) -> Result<users::Account> {
    if let Some(id) = domain::id::parse_uuid(user)
        && let Some(account) = users::by_id(database, UserId(id)).await?
    {
        return Ok(account);
    }
    let by_name = match canonical_name(user) {
        Some(canonical) => users::by_name(database, &canonical).await?,
        None => None,
    };
    by_name.ok_or_else(|| {
        let message = format!("there is no user {user:?}; `letopis users ls` lists them");
        failure(Code::NotFound, message)
    })
}

async fn rebuild(node: &Node, projection: Option<&str>, progress: &progress::Sender) -> Result<Value> {
    let mut rebuilt = Vec::new();
    for name in names(projection)? {
        let began = Instant::now();
        let (projections, sender) = (node.projections.clone(), progress.clone());
        let work = tokio::task::spawn_blocking(move || {
            let mut events = 0;
            let result = projections.rebuild(name, &mut |at| {
                events = at.position;
                sender.send_replace(Progress {
                    what: format!("events into {name}"),
                    done: at.position,
                    part: at.position as f64 / at.head.max(1) as f64,
                });
            });
            result.map(|()| events)
        });
        let events = work.await.context("the rebuild panicked")??;
        let seconds = began.elapsed().as_secs_f64();
        rebuilt.push(json!({
            "name": name.as_str(), "version": name.version(), "events": events,
            "seconds": seconds, "events_per_second": per_second(events, seconds).round(),
        }));
    }
    Ok(Value::Array(rebuilt))
}

/// The read model of that name, or all of them.
///
/// # Errors
/// When there is none of that name.
pub fn names(projection: Option<&str>) -> Result<Vec<ProjectionId>> {
    let Some(text) = projection else { return Ok(ProjectionId::ALL.to_vec()) };
    let name = ProjectionId::parse(text).ok_or_else(|| {
        let known = ProjectionId::ALL.map(ProjectionId::as_str).join(", ");
        failure(Code::NotFound, format!("there is no projection {text:?}; there are: {known}"))
    })?;
    Ok(vec![name])
}

/// Waits until every read model that runs has folded in the whole log.
pub async fn settle(node: &Node) {
    const LOOK_EVERY: Duration = Duration::from_secs(1);
    for name in ProjectionId::ALL {
        loop {
            let projections = node.projections.clone();
            let Ok(Ok(status)) = tokio::task::spawn_blocking(move || projections.status()).await else { return };
            let Some(status) = status.into_iter().find(|status| status.name == name) else { break };
            if matches!(status.state, State::Stopped | State::Paused) || status.lag_events == 0 {
                break;
            }
            // Too slow is no failure here: the next look decides.
            let _ = node.projections.caught_up(name, status.head, LOOK_EVERY).await;
        }
    }
}
