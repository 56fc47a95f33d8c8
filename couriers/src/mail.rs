//! What a mail says, and its form on the wire (RFC 5322).

use crate::dkim::Dkim;
use domain::Timestamp;
use lettre::Address;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart, SinglePart};
use std::fmt;
use std::time::{Duration, SystemTime};
use uuid::Uuid;

/// The longest subject and name that are sent; what is longer is cut, and ends in `…`.
const HEADER_CHARS_MAX: usize = 250;
/// The longest address of a page in a header: RFC 5322 has 998 characters in a line.
const URL_BYTES_MAX: usize = 900;
/// Who we are to those that count complaints (`Feedback-ID`): 5 to 15 characters.
const FEEDBACK_SENDER: &str = "letopis";

/// One mail to one person. All attempts to send it send the same bytes.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The delivery that it is an attempt of: its Message-ID is made from it.
    pub delivery_id: Uuid,
    /// Whom it is from.
    pub from: Sender,
    /// The address that it goes to.
    pub to: String,
    /// Its subject. Control characters become spaces.
    pub subject: String,
    /// Its text.
    pub text: String,
    /// The same as HTML, where there is one.
    pub html: Option<String>,
    /// The key of its category.
    pub category: String,
    /// Where a POST unsubscribes (RFC 8058), for a category that can be switched off.
    pub unsubscribe_url: Option<String>,
    /// The language that it is in, a BCP 47 tag.
    pub locale: String,
    /// Its date: that of the delivery, the same for all attempts.
    pub at: Timestamp,
}

/// Whom mail is from: an address, and a name where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender(Mailbox);

/// A mail as it goes out.
#[derive(Clone, Debug)]
pub struct Composed {
    /// Whom the provider tells of what fails.
    pub from: Address,
    /// Whom it is for.
    pub to: Address,
    /// Headers and body, every line ending in CRLF.
    pub bytes: Vec<u8>,
}

/// Why a mail cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmailable {
    /// Nothing can be sent there, ever.
    #[error("mail cannot be sent to the recipient's address")]
    Recipient,
    /// A defect of whoever made the mail.
    #[error("the address for unsubscribing does not fit into a header")]
    UnsubscribeUrl,
    /// A key that cannot sign.
    #[error("the DKIM key does not sign")]
    Signature,
}

impl Sender {
    /// Reads `letopis@example.org` or `Letopis <letopis@example.org>`.
    ///
    /// # Errors
    /// What it must be like.
    pub fn parse(text: &str) -> Result<Sender, &'static str> {
        const SHAPE: &str = "it must be like letopis@example.org, or Letopis <letopis@example.org>";
        let mailbox = text.parse::<Mailbox>().map_err(|_| SHAPE)?;
        let email = address(mailbox.email.as_ref()).ok_or(SHAPE)?;
        Ok(Sender(Mailbox::new(mailbox.name.as_deref().map(one_line), email)))
    }

    /// The address alone.
    pub fn address(&self) -> &str {
        self.0.email.as_ref()
    }

    /// The name, where there is one.
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// The host of the address, in ASCII.
    pub fn domain(&self) -> &str {
        self.0.email.domain()
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl Mail {
    /// `<delivery@domain>`: the same for all attempts, so that whoever gets two can tell.
    pub fn message_id(&self) -> String {
        format!("<{}@{}>", self.delivery_id, self.from.domain())
    }

    /// Makes the bytes that are sent, signed where there is a key. Nothing in the mail can add a header: control
    /// characters become spaces, and what is not ASCII is encoded.
    ///
    /// # Errors
    /// When this mail can never be sent.
    pub fn compose(&self, dkim: Option<&Dkim>) -> Result<Composed, Unmailable> {
        let to = address(&self.to).ok_or(Unmailable::Recipient)?;
        let from = self.from.0.email.clone();
        let boundary = format!("letopis-{}", self.delivery_id.simple());
        let mut message = Message::builder()
            .from(self.from.0.clone())
            .to(Mailbox::new(None, to.clone()))
            .subject(one_line(&self.subject))
            .date(self.date())
            .message_id(Some(self.message_id()));
        for (name, value) in self.headers()? {
            message = message.raw_header(HeaderValue::new(HeaderName::new_from_ascii_str(name), value));
        }
        let text = SinglePart::plain(self.text.clone());
        let made = match &self.html {
            None => message.singlepart(text),
            Some(html) => message.multipart(
                MultiPart::alternative().boundary(boundary).singlepart(text).singlepart(SinglePart::html(html.clone())),
            ),
        };
        let mut bytes = made.expect("it has a sender and a recipient").formatted();
        if !bytes.ends_with(b"\r\n") {
            bytes.extend_from_slice(b"\r\n");
        }
        let bytes = match dkim {
            None => bytes,
            Some(dkim) => dkim.sign(self.from.domain(), self.at, &bytes).ok_or(Unmailable::Signature)?,
        };
        Ok(Composed { from, to, bytes })
    }

    /// The recipient's address in ASCII.
    ///
    /// # Errors
    /// When nothing can be sent there.
    pub(crate) fn recipient(&self) -> Result<String, Unmailable> {
        Ok(address(&self.to).ok_or(Unmailable::Recipient)?.to_string())
    }

    fn date(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.at.unix_ms())
    }

    pub(crate) fn headers(&self) -> Result<Vec<(&'static str, String)>, Unmailable> {
        let category = token(&self.category);
        let mut headers = vec![
            ("Auto-Submitted", "auto-generated".to_owned()),
            ("Content-Language", token(&self.locale)),
            ("List-Id", format!("<{category}.{}>", self.from.domain())),
            ("Feedback-ID", format!("{category}:{FEEDBACK_SENDER}")),
            ("X-Delivery-Id", self.delivery_id.to_string()),
        ];
        if let Some(url) = &self.unsubscribe_url {
            let fits = url.len() <= URL_BYTES_MAX && url.bytes().all(|b| b.is_ascii_graphic() && !b"<>".contains(&b));
            if !fits {
                return Err(Unmailable::UnsubscribeUrl);
            }
            headers.push(("List-Unsubscribe", format!("<{url}>")));
            headers.push(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
        }
        Ok(headers)
    }
}

/// An address as a mail server takes it: its host in ASCII (RFC 5891). `None` for what cannot stand in an envelope.
fn address(text: &str) -> Option<Address> {
    let fits = |c: char| !c.is_control() && !c.is_whitespace() && !"<>".contains(c);
    let (local, host) = text.rsplit_once('@').filter(|_| text.chars().all(fits))?;
    let host = if host.is_ascii() { host.to_owned() } else { url::Host::parse(host).ok()?.to_string() };
    Address::new(local, host).ok()
}

/// A text that stays one line of a header, whatever is in it: no control characters, and nothing that a reader would
/// take for an encoded word (RFC 2047) which we did not write.
pub(crate) fn one_line(text: &str) -> String {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let spaced = text.chars().map(|c| if breaks(c) { ' ' } else { c }).collect::<String>().replace("=?", "= ?");
    let mut words = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((cut, _)) = words.char_indices().nth(HEADER_CHARS_MAX) {
        words.truncate(cut);
        words.push('…');
    }
    words
}

/// A key or a tag as it may stand in any header.
fn token(text: &str) -> String {
    let fits = |c: &char| c.is_ascii_alphanumeric() || "-_.".contains(*c);
    text.chars().take(HEADER_CHARS_MAX).map(|c| if fits(&c) { c } else { '-' }).collect()
}

#[cfg(test)]
mod tests;
