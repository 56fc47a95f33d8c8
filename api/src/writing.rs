//! Asking the writer for a command.

use crate::app::App;
use crate::auth::caller::Caller;
use crate::error::Error;
use crate::http::context::CommandContext;
use commands::{Actor, Answer, Key, Request};
use domain::user::Origin;
use domain::{Command, UserId, user};

impl App {
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
            Actor::Anonymous | Actor::Operator | Actor::Import | Actor::Courier(_) => None,
        };
        let owner = subject.map_or([0; 16], |UserId(id)| id.into_bytes());
        let command_id = self.keys.keyed_hash("idempotency key", &[&owner, name.as_bytes()]);
        Some(Key { command_id, fingerprint: *fingerprint, subject })
    }

    /// Appends a failed sign-in in the background: the answer must not take longer because the name exists.
    pub(crate) fn remember_failure(&self, context: &CommandContext, user_id: UserId, from: Origin) {
        let Some((minute, count)) = self.failures.count(user_id, context.at) else { return };
        let command =
            Command::User(user_id, user::Command::CountFailedSignIns(user::CountFailedSignIns { minute, count, from }));
        let (app, context) = (self.clone(), CommandContext { key: None, if_match: None, ..context.clone() });
        tokio::spawn(async move {
            if let Err(error) = app.ask(Actor::Anonymous, &context, command).await {
                tracing::warn!(code = error.code.text(), "a failed sign-in was not recorded");
            }
        });
    }
}
