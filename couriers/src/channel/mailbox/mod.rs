//! The channel that sends nothing: mails stay in the dev mailbox, where no way to send them is set.

mod content;
mod links;

pub use content::{MailContent, content};

use super::{AttemptEnd, Fault};
use domain::{Timestamp, UserId};
use state::{NewMail, Tables};
use uuid::Uuid;

/// Most bytes of one mail. A longer one is refused, as a mail server would do.
pub const MAIL_BYTES_MAX: usize = 10 * 1024 * 1024;

/// One attempt to deliver a mail.
#[derive(Clone, Debug)]
pub struct MailAttempt {
    pub delivery_id: Uuid,
    /// Counted from 1: a repeat of the same attempt leaves nothing more.
    pub attempt: u32,
    /// Whom it is for; none when it is for an address that is nobody's.
    pub user_id: Option<UserId>,
    /// The address that it is sent to.
    pub recipient: String,
    pub at: Timestamp,
    /// Of the event that let it be sent.
    pub position: u64,
    /// The whole mail as it would go over the wire.
    pub raw: Vec<u8>,
}

/// Keeps the mail.
pub async fn send(tables: &Tables, attempt: MailAttempt) -> AttemptEnd {
    if attempt.raw.len() > MAIL_BYTES_MAX {
        let detail = format!("the mail is longer than {MAIL_BYTES_MAX} bytes");
        let fault = Fault { phase: "mailbox", code: None, detail };
        return AttemptEnd::Rejected { fault, address_at_fault: false };
    }
    let tables = tables.clone();
    let stored = tokio::task::spawn_blocking(move || store(&tables, &attempt)).await;
    match stored.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())) {
        Ok(mail_id) => AttemptEnd::Accepted { provider_id: mail_id, detail: "it is in the dev mailbox".to_owned() },
        Err(error) => {
            tracing::warn!(error = store::described(&error), "a mail could not be put into the dev mailbox");
            let detail = "the dev mailbox could not be written; the server's log says why".to_owned();
            // The same attempt may have left its mail: it leaves no second one when it is repeated.
            AttemptEnd::Postponed(Fault { phase: "mailbox", code: None, detail })
        }
    }
}

/// The id of the mail, where it is a new one.
fn store(tables: &Tables, attempt: &MailAttempt) -> state::Result<Option<String>> {
    let mail_id = Uuid::now_v7();
    let content = content(&attempt.raw);
    let mail = NewMail {
        mail_id,
        delivery_id: attempt.delivery_id,
        attempt: attempt.attempt,
        user_id: attempt.user_id,
        recipient: &attempt.recipient,
        sender: &content.sender,
        subject: &content.subject,
        at: attempt.at,
        position: attempt.position,
        raw: &attempt.raw,
    };
    Ok(tables.mailbox().put(&mail)?.then(|| mail_id.to_string()))
}

#[cfg(test)]
mod tests;
