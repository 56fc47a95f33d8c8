//! What every handler shares, and the two things that they do: ask for a command, and look at a read model.

use crate::Settings;
use crate::auth::caller::Caller;
use crate::auth::failures::Failures;
use crate::auth::lookup::UNKNOWN_MAX;
use crate::error::Error;
use crate::http::address::household;
use crate::http::budget::Budget;
use crate::http::context::CommandContext;
use crate::patience::BLOCKED_MAX;
use crate::redis::Redis;
use crate::routes::search::QUESTIONS_MAX;
use commands::{Actor, Answer, Key, Request, Writer};
use domain::user::Origin;
use domain::{Command, UserId, user};
use node::passwords::Passwords;
use node::{Node, Probe, Roles};
use projections::Projections;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use store::{Keys, Log};
use tokio::sync::{Notify, Semaphore};

/// What every handler shares. Cheap to clone: every layer and every handler has its own with every request.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

/// What there is of it, once.
pub(crate) struct Shared {
    pub(crate) log: Log,
    pub(crate) keys: Arc<Keys>,
    pub(crate) writer: Writer,
    pub(crate) probe: Arc<Probe>,
    pub(crate) projections: Projections,
    /// What this process does of the work.
    pub(crate) roles: Roles,
    pub(crate) passwords: Passwords,
    pub(crate) failures: Failures,
    /// What nodes share and may lose; none when nobody has set it.
    pub(crate) redis: Option<Redis>,
    /// Places for looking whether an unknown token is only too new (`lookup`).
    pub(crate) unknown: Arc<Semaphore>,
    /// Places for questions to the text index.
    pub(crate) questions: Arc<Semaphore>,
    /// Somebody has asked for a task.
    pub(crate) task_taken: Notify,
    /// Slots for requests under way (`http::admission`).
    pub(crate) slots: Arc<Semaphore>,
    /// Places for questions to the log that keep a thread waiting (`patience`).
    pub(crate) blocked: Arc<Semaphore>,
    /// Answers that wait to be taken.
    pub(crate) budget: Arc<Budget>,
    pub(crate) settings: Settings,
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl App {
    pub(crate) fn new(node: &Node, settings: Settings) -> Result<App, node::passwords::PasswordError> {
        Ok(App(Arc::new(Shared {
            log: node.log.clone(),
            keys: Arc::clone(&node.keys),
            writer: node.writer.clone(),
            probe: Arc::clone(&node.probe),
            projections: node.projections.clone(),
            roles: node.roles,
            passwords: Passwords::new(settings.argon2)?,
            failures: Failures::default(),
            redis: settings.redis.as_ref().map(Redis::new),
            unknown: Arc::new(Semaphore::new(UNKNOWN_MAX)),
            questions: Arc::new(Semaphore::new(QUESTIONS_MAX)),
            task_taken: Notify::new(),
            blocked: Arc::new(Semaphore::new(BLOCKED_MAX)),
            budget: Arc::new(Budget::new(
                settings.limits.answer_bytes_max,
                settings.limits.answer_bytes_per_address_max,
            )),
            slots: Arc::new(Semaphore::new(settings.limits.in_flight_max)),
            settings,
        })))
    }

    /// The pool that hashes passwords, for a caller at that address: addresses take turns.
    pub(crate) fn passwords_of(&self, address: Option<IpAddr>) -> Passwords {
        self.passwords.of(address.map(household))
    }

    /// Asks for a command in the name of a user.
    pub(crate) async fn send(
        &self,
        caller: &Caller,
        context: &CommandContext,
        command: Command,
    ) -> Result<Answer, Error> {
        self.ask(Actor::User(caller.user_id), context, command).await
    }

    /// Asks for a command in the name of anybody.
    pub(crate) async fn ask(&self, actor: Actor, context: &CommandContext, command: Command) -> Result<Answer, Error> {
        // Behind the wait its outcome is unknown: it is found by its command id.
        Ok(self.patiently(self.writer.send(self.request(actor, context, command))).await??)
    }

    /// A command with all that is to be remembered of where it came from.
    pub(crate) fn request(&self, actor: Actor, context: &CommandContext, command: Command) -> Request {
        Request {
            command,
            actor,
            at: context.at,
            request_id: Some(context.request_id.clone()),
            if_match: context.if_match.clone(),
            key: self.key(actor, context),
        }
    }

    /// The first answer to a request that was made before with the same `Idempotency-Key`. The writer looks again;
    /// this one saves a repeat the work that comes before its command, and keeps it right where that work would
    /// fail the second time (an old password).
    pub(crate) async fn first_answer(&self, actor: Actor, context: &CommandContext) -> Result<Option<Answer>, Error> {
        let Some(key) = self.key(actor, context) else { return Ok(None) };
        let (log, command_id) = (self.log.clone(), key.command_id);
        match self.ask_log(self.settings.storage_wait, move || log.receipt(&command_id)).await?? {
            Some(receipt) => Ok(Some(Answer::from_receipt(&receipt, &key)?)),
            None => Ok(None),
        }
    }

    pub(crate) fn key(&self, actor: Actor, context: &CommandContext) -> Option<Key> {
        let (name, fingerprint) = context.key.as_ref()?;
        let subject = match actor {
            Actor::User(id) => Some(id),
            Actor::Anonymous | Actor::Operator | Actor::Import => None,
        };
        let owner = subject.map_or([0; 16], |UserId(id)| id.into_bytes());
        let command_id = self.keys.keyed_hash("idempotency key", &[&owner, name.as_bytes()]);
        Some(Key { command_id, fingerprint: *fingerprint, subject })
    }

    /// Appends a failed sign-in behind the answer's back: the answer must not take longer because the name exists.
    pub(crate) fn remember_failure(&self, context: &CommandContext, user_id: UserId, from: Origin) {
        let Some((minute, count)) = self.failures.count(user_id, context.at) else { return };
        let command = Command::User(user_id, user::Command::CountFailedSignIns { minute, count, from });
        let (app, context) = (self.clone(), CommandContext { key: None, if_match: None, ..context.clone() });
        tokio::spawn(async move {
            if let Err(error) = app.ask(Actor::Anonymous, &context, command).await {
                tracing::warn!(code = error.code.text(), "a failed sign-in was not recorded");
            }
        });
    }
}
