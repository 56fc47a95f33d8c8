//! What is known of a sign-in by another service between two requests: kept by this server, found by the hash of a secret
//! that only who began it has, used once.

use crate::app::App;
use crate::auth::session_token::{hash, new_token};
use crate::error::Error;
use crate::external::browser::{Browser, LASTS_SECONDS};
use domain::id::IdentityClaim;
use domain::{SessionId, Timestamp, UserId};
use oidc::{Authorization, Identity, Verifier};
use serde::{Deserialize, Serialize};
use state::{ChallengeHash, ChallengeKind};
use url::Url;

/// Most characters of an address or a name that are kept as a provider told them.
const CHARACTERS_MAX: usize = 254;

/// How long the one-time code is good that ends it, in seconds.
const CODE_LASTS_SECONDS: i64 = 60;

/// Somebody was sent to another service.
#[derive(Serialize, Deserialize)]
pub(crate) struct Attempt {
    pub(crate) provider: String,
    pub(crate) redirect_uri: String,
    nonce: String,
    verifier: String,
    return_to: String,
    /// The language of who began.
    pub(crate) language: String,
    /// Whose account the identity is for, where somebody is signed in and says so.
    pub(crate) link: Option<LinkFor>,
}

/// Who wants to sign in by one more identity.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct LinkFor {
    pub(crate) user_id: UserId,
    pub(crate) session_id: SessionId,
    /// Whether the browser itself has shown the session; otherwise its owner has to confirm at the end.
    pub(crate) by_browser: bool,
}

/// What the one-time code is good for.
#[derive(Serialize, Deserialize)]
pub(crate) struct Exchangeable {
    pub(crate) shown: ShownIdentity,
    /// The browser that came back: no other one gets a cookie for it.
    pub(crate) browser: ChallengeHash,
}

/// Who somebody is, by what another service has said.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ShownIdentity {
    pub(crate) user_id: UserId,
    pub(crate) claim: IdentityClaim,
    /// Whether the account was opened for it just now.
    pub(crate) is_new: bool,
}

/// An identity that waits for who began to confirm that it is theirs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Unconfirmed {
    pub(crate) link: LinkFor,
    pub(crate) provider: String,
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) email: Option<String>,
    pub(crate) name: Option<String>,
}

impl Unconfirmed {
    pub(crate) fn new(link: LinkFor, provider: &str, identity: Identity) -> Unconfirmed {
        let Identity { issuer, subject, email, name, email_verified: _ } = identity;
        let (email, name) = (email.map(seen), name.map(seen));
        Unconfirmed { link, provider: provider.to_owned(), issuer, subject, email, name }
    }

    /// It as the provider told it. Whether it vouches for the address is of no matter any more.
    pub(crate) fn identity(&self) -> Identity {
        let Unconfirmed { issuer, subject, email, name, .. } = self.clone();
        Identity { issuer, subject, email, email_verified: false, name }
    }
}

/// What a code is good for, so that one of a kind is none of another.
#[derive(Clone, Copy)]
enum CodeFor {
    SignIn,
    Link,
    Begin,
}

impl Attempt {
    /// One that begins, with its state.
    pub(crate) fn new(
        provider: &str,
        base: &Url,
        return_to: &Url,
        language: String,
        link: Option<LinkFor>,
    ) -> (Attempt, Authorization) {
        let redirect_uri = format!("{}/v1/auth/external/{provider}/callback", base.as_str().trim_end_matches('/'));
        let attempt = Attempt {
            provider: provider.to_owned(),
            redirect_uri,
            nonce: new_token(),
            verifier: new_token(),
            return_to: return_to.to_string(),
            language,
            link,
        };
        let authorization = attempt.authorization(new_token());
        (attempt, authorization)
    }

    /// What the provider knows it by.
    pub(crate) fn authorization(&self, state: String) -> Authorization {
        Authorization {
            redirect_uri: self.redirect_uri.clone(),
            state,
            nonce: self.nonce.clone(),
            verifier: Verifier(self.verifier.clone()),
        }
    }

    /// Where the browser is led afterwards, with what it is told behind `#`.
    pub(crate) fn leads_to(&self, fragment: &str) -> Option<Url> {
        let mut url = Url::parse(&self.return_to).ok()?;
        url.set_fragment(Some(fragment));
        Some(url)
    }
}

impl App {
    /// Keeps an attempt for the browser that begins it.
    pub(crate) async fn begin_attempt(
        &self,
        browser: &Browser,
        state: &str,
        attempt: &Attempt,
        at: Timestamp,
    ) -> Result<(), Error> {
        let user_id = attempt.link.map(|link| link.user_id);
        let expires_at = at.plus_seconds(LASTS_SECONDS.into());
        self.keep_challenge(ChallengeKind::External, of_state(state, browser), user_id, attempt, expires_at).await
    }

    /// The attempt of that state, once, and for the browser that began it alone.
    pub(crate) async fn end_attempt(
        &self,
        browser: &Browser,
        state: &str,
        at: Timestamp,
    ) -> Result<Option<Attempt>, Error> {
        self.take_challenge(ChallengeKind::External, of_state(state, browser), at).await
    }

    /// A code that signs in, once, within a minute.
    pub(crate) async fn code_of(
        &self,
        browser: &Browser,
        shown: ShownIdentity,
        at: Timestamp,
    ) -> Result<String, Error> {
        let exchangeable = Exchangeable { shown, browser: browser.hash() };
        self.code(CodeFor::SignIn, exchangeable.shown.user_id, &exchangeable, at).await
    }

    pub(crate) async fn shown_by(&self, code: &str, at: Timestamp) -> Result<Option<Exchangeable>, Error> {
        self.take_challenge(ChallengeKind::ExternalCode, of_code(CodeFor::SignIn, code), at).await
    }

    /// A code by which who began confirms that the identity is theirs.
    pub(crate) async fn code_to_confirm(&self, unconfirmed: &Unconfirmed, at: Timestamp) -> Result<String, Error> {
        self.code(CodeFor::Link, unconfirmed.link.user_id, unconfirmed, at).await
    }

    pub(crate) async fn unconfirmed_by(&self, code: &str, at: Timestamp) -> Result<Option<Unconfirmed>, Error> {
        self.take_challenge(ChallengeKind::ExternalCode, of_code(CodeFor::Link, code), at).await
    }

    /// A code by which a browser that has no session begins to link for who has one.
    pub(crate) async fn code_to_begin(&self, link: LinkFor, at: Timestamp) -> Result<String, Error> {
        self.code(CodeFor::Begin, link.user_id, &link, at).await
    }

    pub(crate) async fn link_begun_by(&self, code: &str, at: Timestamp) -> Result<Option<LinkFor>, Error> {
        self.take_challenge(ChallengeKind::ExternalCode, of_code(CodeFor::Begin, code), at).await
    }

    async fn code(
        &self,
        of: CodeFor,
        user_id: UserId,
        payload: &impl Serialize,
        at: Timestamp,
    ) -> Result<String, Error> {
        let code = new_token();
        let expires_at = at.plus_seconds(CODE_LASTS_SECONDS);
        self.keep_challenge(ChallengeKind::ExternalCode, of_code(of, &code), Some(user_id), payload, expires_at)
            .await?;
        Ok(code)
    }
}

/// Another browser finds nothing, and ends nothing.
fn of_state(state: &str, browser: &Browser) -> ChallengeHash {
    hash(&format!("{state}.{}", browser.secret())).0
}

fn of_code(of: CodeFor, code: &str) -> ChallengeHash {
    let word = match of {
        CodeFor::SignIn => "sign-in",
        CodeFor::Link => "link",
        CodeFor::Begin => "begin",
    };
    hash(&format!("{word}.{code}")).0
}

/// As much of an address or a name as is kept.
pub(super) fn seen(text: String) -> String {
    domain::text::seen(&text, CHARACTERS_MAX)
}
