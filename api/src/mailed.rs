//! Proofs that are mailed: what is known of one, and asking the writer about the address of one.

use crate::app::App;
use crate::error::{Code, Error};
use crate::http::context::CommandContext;
use commands::{Actor, Answer};
use domain::id::{EmailClaim, ProofId};
use domain::proof::{Issue, Purpose, To, Wish};
use domain::text::{Email, Locale};
use domain::{Command, Event, RefusalKind, State, StreamId, Timestamp, UserId, email, proof};
use node::claims::email_claim;
use store::MailedPurpose;
use uuid::Uuid;

/// How often a command about an address is sent while its owner changes.
const SENT_MAX: usize = 4;

impl App {
    /// A stream as it is in the log.
    pub(crate) async fn stream(&self, stream: StreamId) -> Result<State, Error> {
        let log = self.log.clone();
        let facts = self.ask_log(self.settings.storage_wait, move || log.stream(stream)).await??;
        let mut state = State::empty(stream.category());
        facts.iter().for_each(|fact| state.evolve(&fact.event));
        Ok(state)
    }

    /// What is known of an address.
    pub(crate) async fn address(&self, claim: EmailClaim) -> Result<email::State, Error> {
        let state = self.stream(claim.into()).await?;
        Ok(if let State::Email(state) = state { state } else { email::State::default() })
    }

    /// What is known of a proof.
    pub(crate) async fn proof(&self, id: ProofId) -> Result<proof::State, Error> {
        let state = self.stream(id.into()).await?;
        Ok(if let State::Proof(state) = state { state } else { proof::State::Absent })
    }

    /// The proof of a link, if the link can be used for that now.
    ///
    /// # Errors
    /// `link-expired`, also for what was never a link: nobody is told which it is.
    pub(crate) async fn proof_of_link(
        &self,
        purpose: MailedPurpose,
        token: &str,
        at: Timestamp,
    ) -> Result<(ProofId, Box<proof::Proof>), Error> {
        let id = self.keys.open_mailed_token(purpose, token).and_then(|payload| Uuid::from_slice(&payload).ok());
        let id = ProofId(id.ok_or_else(link_expired)?);
        match self.proof(id).await? {
            proof::State::Open(proof) if proof.expires_at > at && purpose == link_of(proof.purpose) => Ok((id, proof)),
            proof::State::Open(_) | proof::State::Absent | proof::State::Spent => Err(link_expired()),
        }
    }

    /// Whose a link is, also after it was used.
    pub(crate) async fn user_of_link(&self, purpose: MailedPurpose, token: &str) -> Option<UserId> {
        let id = self.keys.open_mailed_token(purpose, token).and_then(|payload| Uuid::from_slice(&payload).ok())?;
        let log = self.log.clone();
        let facts =
            self.ask_log(self.settings.storage_wait, move || log.stream(ProofId(id).into())).await.ok()?.ok()?;
        facts.iter().find_map(|fact| {
            if let Event::Proof(_, proof::Event::Issued(issued)) = &fact.event { issued.user_id } else { None }
        })
    }

    /// Asks for a command that names the owner of an address, and again where that is another by then.
    pub(crate) async fn ask_about(
        &self,
        actor: Actor,
        context: &CommandContext,
        claim: EmailClaim,
        command: impl Fn(To) -> Command,
    ) -> Result<Answer, Error> {
        for _ in 0..SENT_MAX {
            let owner = self.address(claim).await?.owner;
            let request = self.request(actor, context, command(To { claim, owner }));
            match self.patiently(self.writer.send(request)).await? {
                Err(commands::Error::Refused(refusal)) if refusal.kind() == RefusalKind::Incomplete => {}
                answer => return Ok(answer?),
            }
        }
        Err(Error::new(Code::Unavailable, "this address is changing its owner right now; try again"))
    }

    /// Mails a proof to an address, if an account has it. It takes as long where none has: the same is read and appended. The
    /// answer has no position: what a mail appends behind it would show to who asks twice whether there was one.
    pub(crate) async fn mail_proof(
        &self,
        mut context: CommandContext,
        email: Email,
        wish: Wish,
        language: Locale,
    ) -> Result<Answer, Error> {
        // Keys are per user, and here nobody is: the address stands for them.
        if let Some((key, _)) = &mut context.key {
            *key = format!("{key}\n{}", email.canonical());
        }
        let id = ProofId(Uuid::now_v7());
        let claim = email_claim(&self.keys, &email);
        let issue = |to| {
            let (email, language) = (email.clone(), language.clone());
            Command::Proof(id, proof::Command::Issue(Issue { to, email, wish, language }))
        };
        let answer = self.ask_about(Actor::Anonymous, &context, claim, issue).await?;
        Ok(Answer { position: 0, ..answer })
    }
}

/// Which link proves that.
fn link_of(purpose: Purpose) -> MailedPurpose {
    match purpose {
        Purpose::Welcome | Purpose::Confirm => MailedPurpose::Confirm,
        Purpose::Reset => MailedPurpose::Reset,
        Purpose::SignIn | Purpose::SignUp => MailedPurpose::SignIn,
    }
}

pub(crate) fn link_expired() -> Error {
    Error::new(Code::LinkExpired, proof::Refusal::Expired)
}
