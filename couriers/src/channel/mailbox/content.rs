//! What is in a mail, as a mail program would show it.

use super::links;
use mail_parser::{Address, HeaderName, HeaderValue, Message, MessageParser};

/// What is in a mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailContent {
    /// `Anna <anna@example.org>`
    pub sender: String,
    pub subject: String,
    /// In the order of the mail, unfolded, with encoded words decoded. Those that come more than once come more than once.
    pub headers: Vec<(String, String)>,
    pub text: Option<String>,
    pub html: Option<String>,
    /// Addresses of pages in the HTML, then those that only the text has; each once.
    pub links: Vec<String>,
}

/// Reads a mail. What cannot be read is left out.
pub fn content(raw: &[u8]) -> MailContent {
    let Some(message) = MessageParser::new().parse(raw) else { return MailContent::default() };
    // The parser makes each of the two out of the other where only one was sent.
    let html = message.html_part(0).filter(|part| part.is_text_html());
    let text = message.text_part(0).filter(|part| !part.is_text_html());
    let html = html.and_then(|part| part.text_contents()).map(str::to_owned);
    let text = text.and_then(|part| part.text_contents()).map(str::to_owned);
    MailContent {
        sender: message.from().map(addresses).unwrap_or_default(),
        subject: message.subject().unwrap_or_default().to_owned(),
        headers: headers(&message, raw),
        links: links::found(html.as_deref(), text.as_deref()),
        text,
        html,
    }
}

fn headers(message: &Message<'_>, raw: &[u8]) -> Vec<(String, String)> {
    let shown = message.headers().iter().map(|header| {
        let value = match (&header.name, &header.value) {
            // Others that the parser takes for addresses are shown as they stand: `List-Unsubscribe`.
            (
                HeaderName::From
                | HeaderName::To
                | HeaderName::Cc
                | HeaderName::Bcc
                | HeaderName::Sender
                | HeaderName::ReplyTo,
                HeaderValue::Address(address),
            ) => addresses(address),
            (HeaderName::Subject | HeaderName::Comments, HeaderValue::Text(text)) => text.to_string(),
            _ => {
                let bytes = raw.get(header.offset_start as usize..header.offset_end as usize).unwrap_or_default();
                unfolded(&String::from_utf8_lossy(bytes))
            }
        };
        // As it stands in the mail: the parser has a spelling of its own.
        let name = raw.get(header.offset_field as usize..header.offset_start as usize).unwrap_or_default();
        (String::from_utf8_lossy(name).trim_end_matches(':').trim().to_owned(), value)
    });
    shown.collect()
}

fn unfolded(value: &str) -> String {
    value.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

fn addresses(address: &Address<'_>) -> String {
    let shown = address.iter().map(|one| match (one.name(), one.address()) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (None, Some(address)) => address.to_owned(),
        (Some(name), None) => name.to_owned(),
        (None, None) => String::new(),
    });
    shown.collect::<Vec<_>>().join(", ")
}
