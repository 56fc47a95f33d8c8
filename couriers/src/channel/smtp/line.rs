//! A connection that is open and signed in, and one mail over it.

use super::MaySend;
use super::phase::Phase;
use super::wire::{Cause, Failed, Wire};
use crate::mail::Composed;
use lettre::transport::smtp::commands::{Data, Mail, Quit, Rcpt, Rset};
use lettre::transport::smtp::extension::{Extension, MailBodyParameter, MailParameter, ServerInfo};
use lettre::transport::smtp::response::{Response, Severity};
use std::time::Duration;

/// Mails over one connection; servers end longer ones on their own.
const MAILS_MAX: u32 = 100;
/// What a server may take to say that a connection from the pool still lives.
const ALIVE_WITHIN: Duration = Duration::from_secs(5);
/// What a good-bye may take: nobody waits for the answer.
const LEAVE_WITHIN: Duration = Duration::from_secs(1);

pub(super) struct Line {
    wire: Wire,
    info: ServerInfo,
    encrypted: bool,
    mails: u32,
    /// A mail was begun on it and refused: the server is to forget it first.
    begun: bool,
}

impl Line {
    pub(super) fn new(wire: Wire, info: ServerInfo, encrypted: bool) -> Line {
        Line { wire, info, encrypted, mails: 0, begun: false }
    }

    /// MAIL.
    pub(super) async fn begin(&mut self, mail: &Composed) -> Result<(), Failed> {
        let parameters = self.parameters(mail)?;
        self.begun = true;
        self.mails += 1;
        let command = Mail::new(Some(mail.from.clone()), parameters);
        self.wire.ask(Phase::Mail, command, Severity::PositiveCompletion).await.map(drop)
    }

    /// RCPT, DATA, the mail and the final dot.
    pub(super) async fn finish(&mut self, mail: &Composed, may_send: MaySend<'_>) -> Result<Response, Failed> {
        let recipient = Rcpt::new(mail.to.clone(), Vec::new());
        self.wire.ask(Phase::Rcpt, recipient, Severity::PositiveCompletion).await?;
        let body = stuffed(&mail.bytes);
        self.wire.ask(Phase::Data, Data, Severity::PositiveIntermediate).await?;
        if !may_send() {
            return Err(Failed { phase: Phase::Body, cause: Cause::Withdrawn });
        }
        self.wire.body(&body).await?;
        let reply = self.wire.reply(Phase::FinalDot).await?;
        self.begun = false;
        Ok(reply)
    }

    fn parameters(&self, mail: &Composed) -> Result<Vec<MailParameter>, Failed> {
        let unfit = |what| Err(Failed { phase: Phase::Mail, cause: Cause::Unfit(what) });
        let mut parameters = Vec::new();
        if [&mail.from, &mail.to].into_iter().any(|address| !AsRef::<str>::as_ref(address).is_ascii()) {
            if !self.info.supports_feature(Extension::SmtpUtfEight) {
                return unfit("the server takes no addresses beyond ASCII (SMTPUTF8)");
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !mail.bytes.is_ascii() {
            if !self.info.supports_feature(Extension::EightBitMime) {
                return unfit("the server takes nothing beyond ASCII (8BITMIME)");
            }
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        Ok(parameters)
    }

    /// Whether it can be used for one more mail, if the server still holds it.
    pub(super) fn lasts(&self) -> bool {
        self.mails < MAILS_MAX
    }

    /// Whether the server is to be asked before it is used again.
    pub(super) fn is_begun(&self) -> bool {
        self.begun
    }

    /// Makes the server forget what was begun; `false` when the connection is gone.
    pub(super) async fn reset(&mut self) -> bool {
        let time = ALIVE_WITHIN.min(self.wire.timeouts().of(Phase::Mail));
        let forgotten = self.wire.ask_within(Phase::Mail, Rset, Severity::PositiveCompletion, time).await.is_ok();
        self.begun = false;
        forgotten
    }

    /// Says good-bye. Nobody waits long for the answer.
    pub(super) async fn leave(mut self) {
        let _ = self.wire.ask_within(Phase::Mail, Quit, Severity::PositiveCompletion, LEAVE_WITHIN).await;
    }

    /// Who answers, and how the connection is secured.
    pub(super) fn described(&self) -> String {
        let how = if self.encrypted { "encrypted" } else { "not encrypted" };
        format!("{} answers, {how}", self.info.name().to_ascii_lowercase())
    }
}

/// The mail with its dots doubled at the beginnings of lines, and the final one (RFC 5321, 4.5.2).
fn stuffed(mail: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(mail.len() + mail.len() / 64 + 8);
    for line in mail.split_inclusive(|byte| *byte == b'\n') {
        if line.first() == Some(&b'.') {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::stuffed;

    #[test]
    fn dots_at_the_beginning_of_lines_are_doubled() {
        for (mail, sent) in [
            ("a\r\n", "a\r\n.\r\n"),
            ("a", "a\r\n.\r\n"),
            (".\r\n", "..\r\n.\r\n"),
            ("..a\r\n.b\r\nc.\r\n", "...a\r\n..b\r\nc.\r\n.\r\n"),
            ("", "\r\n.\r\n"),
        ] {
            assert_eq!(String::from_utf8(stuffed(mail.as_bytes())).unwrap(), sent, "{mail:?}");
        }
    }
}
