//! What was mailed, for stories: the secrets of a mail are derived from the facts that cause it.

use domain::proof::{Issued, Purpose};
use domain::{Event, ProofId, email, proof, session};
use reqwest::Method;
use serde_json::{Value, json};
use store::MailedPurpose;
use testkit::{Actor, TestApp};

/// A mail that was caused.
pub(crate) struct Mail {
    pub(crate) id: ProofId,
    pub(crate) to: String,
    /// The secret of its link.
    pub(crate) token: String,
    pub(crate) code: String,
}

/// The whole log.
pub(crate) fn facts(app: &TestApp) -> Vec<Event> {
    let mut all = Vec::new();
    loop {
        let page = app.node.log.facts(all.len() as u64, 500).unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page.into_iter().map(|fact| fact.event));
    }
}

fn issued(app: &TestApp) -> Vec<(ProofId, Issued)> {
    let issued =
        |event| if let Event::Proof(id, proof::Event::Issued(issued)) = event { Some((id, issued)) } else { None };
    facts(app).into_iter().filter_map(issued).collect()
}

/// Every mail of that kind, the last one last.
pub(crate) fn mails(app: &TestApp, purpose: Purpose) -> Vec<Mail> {
    let link = match purpose {
        Purpose::Welcome | Purpose::Confirm => MailedPurpose::Confirm,
        Purpose::Reset => MailedPurpose::Reset,
        Purpose::SignIn | Purpose::SignUp => MailedPurpose::SignIn,
    };
    let of_kind = issued(app).into_iter().filter(|(_, issued)| issued.purpose == purpose && issued.user_id.is_some());
    of_kind
        .map(|(id, issued)| Mail {
            id,
            to: issued.email.known().map_or_else(String::new, |email| email.as_str().to_owned()),
            token: app.node.keys.mailed_token(link, id.0.as_bytes()),
            code: app.node.keys.mailed_code(MailedPurpose::SignIn, id.0),
        })
        .collect()
}

/// The last mail of that kind.
#[track_caller]
pub(crate) fn mail(app: &TestApp, purpose: Purpose) -> Mail {
    mails(app, purpose).pop().expect("such a mail was caused")
}

/// How often the owner of an address was told that somebody else wants it.
pub(crate) fn warnings(app: &TestApp) -> usize {
    facts(app).iter().filter(|event| matches!(event, Event::Email(_, email::Event::Wanted(_)))).count()
}

/// Whether the last sign-in was by a new device.
pub(crate) fn was_new_device(app: &TestApp) -> bool {
    let signed_in = |event: &Event| {
        if let Event::Session(_, session::Event::SignedIn(signed_in)) = event {
            Some(signed_in.new_device)
        } else {
            None
        }
    };
    facts(app).iter().rev().find_map(signed_in).expect("somebody has signed in")
}

/// Somebody who is signed in and has confirmed that address.
pub(crate) async fn with_address(app: &TestApp, name: &str, address: &str) -> Actor {
    let mut actor = app.anonymous();
    let body = json!({"user_name": name, "password": actor.password(), "email": address});
    actor.post("/v1/auth/register", body).await.expect_status(201);
    actor.log_in(name).await.expect_status(200);
    confirm(app, Purpose::Welcome).await;
    actor
}

/// Uses the last link of that kind.
pub(crate) async fn confirm(app: &TestApp, purpose: Purpose) {
    let link = format!("/c/{}", mail(app, purpose).token);
    app.anonymous().send(Method::POST, &link, None, &[]).await.expect_status(200);
}

/// What they are told of their address.
pub(crate) async fn address_of(actor: &Actor) -> (Value, Value) {
    let me = actor.get("/v1/me").await.expect_status(200).body;
    (me["email"].clone(), me["email_confirmed"].clone())
}
