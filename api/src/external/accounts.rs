//! Whose account an identity is: that which has it, that which has the same address and confirmed it, or a new one.

use crate::SignUp;
use crate::app::App;
use crate::auth::new_name::{NAMES_MAX, new_name};
use crate::error::{Code, Error};
use crate::external::attempts::{ShownIdentity, seen};
use crate::http::context::CommandContext;
use commands::{Actor, Answer};
use domain::id::{EmailClaim, IdentityClaim};
use domain::identities::{Because, IdentityParts, Link, Open, Shown};
use domain::proof::To;
use domain::text::{DisplayName, Email, Locale};
use domain::{Command, IdentityId, RefusalKind, State, Timestamp, UserId, identities, identity, user};
use node::claims::{claim, email_claim, identity_claim};
use oidc::Identity;
use projections::{ProjectionId, users};
use uuid::Uuid;

/// How often a command about an identity is sent while its owner, or that of its address, changes.
const SENT_MAX: usize = 4;

/// An identity that a provider has just said somebody to be.
pub(crate) struct Found<'a> {
    /// The provider's name in the settings.
    pub(crate) provider: &'a str,
    pub(crate) identity: Identity,
    pub(crate) language: Locale,
}

impl App {
    /// Whose account it is. Where nobody has it, it joins the account that has confirmed the same address, or opens one.
    ///
    /// # Errors
    /// `account-exists`, `account-suspended`, `sign-up-closed`, and what keeps the log from being read or written.
    pub(crate) async fn account_of(&self, context: &CommandContext, found: &Found<'_>) -> Result<ShownIdentity, Error> {
        let claim = identity_claim(&self.keys, &found.identity.issuer, &found.identity.subject);
        for _ in 0..SENT_MAX {
            let owner = self.identity(claim).await?.owner;
            if let Some(user_id) = owner
                && let user::State::Open(account) = self.account(user_id).await?
            {
                if let Some(suspension) = account.suspended_at(context.at) {
                    return Err(Error::suspended(suspension.until));
                }
                return Ok(ShownIdentity { user_id, claim, is_new: false });
            }
            let shown = shown(found, claim, owner);
            let decided = match self.joined(found).await? {
                Some((user_id, to)) => self.join(context, user_id, shown, to).await,
                None => self.open(context, found, shown).await,
            };
            match decided {
                // Somebody else was quicker, who may be the same person.
                Err(Tried::Again) => {}
                Err(Tried::Failed(error)) => return Err(error),
                Ok(shown) => return Ok(shown),
            }
        }
        Err(busy())
    }

    /// Links an identity to the account of who has said so.
    ///
    /// # Errors
    /// `identity-taken`, `too-many-identities`, and what keeps the log from being read or written.
    pub(crate) async fn link_identity(
        &self,
        context: &CommandContext,
        user_id: UserId,
        found: &Found<'_>,
    ) -> Result<(IdentityClaim, Answer), Error> {
        let claim = identity_claim(&self.keys, &found.identity.issuer, &found.identity.subject);
        for _ in 0..SENT_MAX {
            let owner = self.identity(claim).await?.owner;
            let link = Link { shown: shown(found, claim, owner), because: Because::Asked };
            let command = Command::Identities(user_id.into(), identities::Command::Link(Box::new(link)));
            match self.try_once(Actor::User(user_id), context, command).await {
                Err(Tried::Again) => {}
                Err(Tried::Failed(error)) => return Err(error),
                Ok(answer) => return Ok((claim, answer)),
            }
        }
        Err(busy())
    }

    async fn identity(&self, claim: IdentityClaim) -> Result<identity::State, Error> {
        let state = self.stream(claim.into()).await?;
        Ok(if let State::Identity(state) = state { state } else { identity::State::default() })
    }

    async fn account(&self, user_id: UserId) -> Result<user::State, Error> {
        let state = self.stream(user_id.into()).await?;
        Ok(if let State::User(state) = state { state } else { user::State::Absent })
    }

    /// The account that has confirmed the address, where the provider vouches for it.
    ///
    /// # Errors
    /// `account-exists` when an account has it, and only one side, or neither, has it confirmed.
    async fn joined(&self, found: &Found<'_>) -> Result<Option<(UserId, To)>, Error> {
        let Some(email) = address(&found.identity) else { return Ok(None) };
        let claim = email_claim(&self.keys, &email);
        let owner = self.address(claim).await?.owner;
        if let Some(user_id) = owner
            && self.has_confirmed(user_id, claim).await?
        {
            let joins = found.identity.email_verified;
            return if joins { Ok(Some((user_id, To { claim, owner }))) } else { Err(account_exists()) };
        }
        let reading = self.read(ProjectionId::Users, 0).await?;
        if users::is_given(&reading.database, &email.canonical(), given_since()).await? {
            return Err(account_exists());
        }
        Ok(None)
    }

    async fn has_confirmed(&self, user_id: UserId, claim: EmailClaim) -> Result<bool, Error> {
        Ok(match self.account(user_id).await? {
            user::State::Open(account) => account.address == Some(claim),
            user::State::Absent | user::State::Erased => false,
        })
    }

    async fn join(
        &self,
        context: &CommandContext,
        user_id: UserId,
        shown: Shown,
        to: To,
    ) -> Result<ShownIdentity, Tried> {
        let claim = shown.claim;
        let link = Link { shown, because: Because::SameAddress(to) };
        let command = Command::Identities(user_id.into(), identities::Command::Link(Box::new(link)));
        self.try_once(Actor::Anonymous, context, command).await?;
        Ok(ShownIdentity { user_id, claim, is_new: false })
    }

    /// Opens an account under a name that was made up here.
    async fn open(&self, context: &CommandContext, found: &Found<'_>, shown: Shown) -> Result<ShownIdentity, Tried> {
        if self.settings.sign_up == SignUp::Closed {
            let closed = "accounts are opened by the operators of this server only";
            return Err(Tried::Failed(Error::new(Code::SignUpClosed, closed)));
        }
        let (user_id, identity_claim) = (UserId(Uuid::now_v7()), shown.claim);
        let identity = &found.identity;
        let address = match address(identity).filter(|_| identity.email_verified) {
            Some(email) => {
                let claim = email_claim(&self.keys, &email);
                let owner = self.address(claim).await?.owner;
                Some((To { claim, owner }, email))
            }
            None => None,
        };
        for _ in 0..NAMES_MAX {
            let name = new_name()?;
            let open = Open {
                shown: shown.clone(),
                name: (claim(&self.keys, &name), name),
                display_name: identity.name.as_deref().and_then(|name| DisplayName::parse(name).ok()),
                address: address.clone(),
                language: found.language.clone(),
            };
            let command = Command::Identities(user_id.into(), identities::Command::Open(Box::new(open)));
            match self.try_once(Actor::Anonymous, context, command).await {
                Err(Tried::Failed(error)) if error.code == Code::UserExists => {}
                opened => {
                    return opened.map(|_| ShownIdentity { user_id, claim: identity_claim, is_new: true });
                }
            }
        }
        Err(Tried::Failed(Error::new(Code::Unavailable, "no free name was found for the new account; try again")))
    }

    async fn try_once(&self, actor: Actor, context: &CommandContext, command: Command) -> Result<Answer, Tried> {
        let request = self.request(actor, context, command);
        match self.patiently(self.writer.send(request)).await.map_err(Tried::Failed)? {
            Ok(answer) => Ok(answer),
            Err(commands::Error::Refused(refusal)) => {
                // Of who opens an account or joins one: it is somebody's since.
                let is_taken = actor == Actor::Anonymous && refusal.kind() == RefusalKind::IdentityTaken;
                let is_stale = is_taken || refusal.kind() == RefusalKind::Incomplete;
                Err(if is_stale { Tried::Again } else { Tried::Failed(refusal.into()) })
            }
            Err(error) => Err(Tried::Failed(error.into())),
        }
    }
}

/// Why a command was not accepted.
enum Tried {
    /// What it was made of has changed meanwhile.
    Again,
    Failed(Error),
}

impl From<Error> for Tried {
    fn from(error: Error) -> Tried {
        Tried::Failed(error)
    }
}

fn shown(found: &Found<'_>, claim: IdentityClaim, owner: Option<UserId>) -> Shown {
    let Identity { issuer, subject, email, name, email_verified: _ } = found.identity.clone();
    Shown {
        identity_id: IdentityId(Uuid::now_v7()),
        claim,
        owner,
        provider: found.provider.to_owned(),
        issuer,
        parts: IdentityParts { subject, email: email.map(seen), name: name.map(seen) },
    }
}

/// The address that a provider tells, where it is one.
fn address(identity: &Identity) -> Option<Email> {
    identity.email.as_deref().and_then(|email| Email::parse(email).ok())
}

/// An address that was given before this, and not confirmed since, is nobody's any more.
fn given_since() -> Timestamp {
    let lasts = i64::try_from(domain::proof::CONFIRM_LASTS.as_secs()).unwrap_or(i64::MAX);
    store::now().plus_seconds(-lasts)
}

fn account_exists() -> Error {
    Error::new(Code::AccountExists, identities::Refusal::AccountExists)
}

fn busy() -> Error {
    Error::new(Code::Unavailable, "this identity is changing its owner right now; try again")
}
