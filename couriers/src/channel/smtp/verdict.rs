//! What the end of a conversation says of the mail.

use super::super::{AttemptEnd, DETAIL_CHARS_MAX, Fault};
use super::phase::Phase;
use super::wire::{Cause, Failed, code, reply_is_refusal};
use lettre::transport::smtp::response::{Response, Severity};

/// Before which every refusal is about us and the server, not about this mail.
const FIRST_OF_THE_MAIL: Phase = Phase::Mail;
/// Refusals at any time that are about us: to sign in, to encrypt (RFC 4954, RFC 3207).
const OF_OUR_SETTINGS: [u16; 4] = [530, 534, 535, 538];
/// Refusals of a recipient that say that there is none, where nothing closer is told (RFC 5321, 4.2.3).
const NO_SUCH_MAILBOX: [u16; 3] = [550, 551, 553];
/// The same in the closer form (RFC 3463): no mailbox, no system, bad syntax, ambiguous, moved, no mail taken; disabled.
const NO_SUCH_ADDRESS: [&str; 8] = ["5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.4", "5.1.6", "5.1.10", "5.2.1"];
/// What a name must have to be looked for in what a server says: shorter ones are parts of too many words.
const LOCAL_BYTES_MIN: usize = 3;

/// What is taken out of a server's words before they are kept: the recipient's address.
pub(super) struct Hidden {
    local: Option<String>,
}

impl Hidden {
    pub(super) fn of(address: &str) -> Hidden {
        let local = address.rsplit_once('@').map_or(address, |(local, _)| local);
        Hidden { local: (local.len() >= LOCAL_BYTES_MIN).then(|| local.to_lowercase()) }
    }

    pub(super) fn nothing() -> Hidden {
        Hidden { local: None }
    }

    /// The text in one line, without addresses, at most as long as may be kept.
    pub(super) fn told(&self, text: &str) -> String {
        let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
        let kept = words.map(|word| if self.hides(word) { "<address>" } else { word });
        kept.collect::<Vec<_>>().join(" ").chars().take(DETAIL_CHARS_MAX).collect()
    }

    fn hides(&self, word: &str) -> bool {
        let parts = || word.split(|c: char| !c.is_alphanumeric() && !"._-+".contains(c));
        word.contains('@')
            || self.local.as_deref().is_some_and(|local| parts().any(|part| part.to_lowercase() == local))
    }
}

/// The server has it.
pub(super) fn of_acceptance(reply: &Response, hidden: &Hidden) -> AttemptEnd {
    let told = lines(reply);
    // As Postfix and those who copy it say.
    let (_, after) = told.split_once("queued as ").unwrap_or_default();
    let name = after.split(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c)).next().unwrap_or_default();
    let provider_id = (!name.is_empty()).then(|| name.chars().take(DETAIL_CHARS_MAX).collect());
    AttemptEnd::Accepted { provider_id, detail: hidden.told(&format!("{} {told}", code(reply))) }
}

/// Where and why it failed decides whether the server can have it.
pub(super) fn of_failure(failed: &Failed, hidden: &Hidden) -> AttemptEnd {
    let phase = match &failed.cause {
        Cause::Withdrawn => "lease",
        Cause::Unfit(_) => "capability",
        Cause::Reply(_) | Cause::Broken(_) | Cause::Late(_) => failed.phase.name(),
    };
    let reply = match &failed.cause {
        Cause::Reply(reply) => Some(reply),
        Cause::Broken(_) | Cause::Late(_) | Cause::Unfit(_) | Cause::Withdrawn => None,
    };
    let fault = Fault { phase, code: reply.map(code), detail: words(failed, hidden) };
    let is_of_the_mail = |reply: &&Response| is_permanent(reply) && failed.phase >= FIRST_OF_THE_MAIL;
    if let Some(reply) = reply.filter(is_of_the_mail).filter(|reply| !is_of_our_settings(reply)) {
        return AttemptEnd::Rejected { fault, address_at_fault: blames_the_address(failed.phase, reply) };
    }
    // After the dot only a reply that says no is one.
    let is_undecided = failed.phase == Phase::FinalDot && !reply.is_some_and(reply_is_refusal);
    match &failed.cause {
        Cause::Unfit(_) => AttemptEnd::Rejected { fault, address_at_fault: false },
        Cause::Reply(_) | Cause::Broken(_) | Cause::Late(_) if is_undecided => AttemptEnd::Unknown(fault),
        Cause::Reply(_) | Cause::Broken(_) | Cause::Late(_) | Cause::Withdrawn => AttemptEnd::Postponed(fault),
    }
}

/// The failure in words.
pub(super) fn words(failed: &Failed, hidden: &Hidden) -> String {
    match &failed.cause {
        Cause::Reply(reply) => hidden.told(&format!("{} {}", code(reply), lines(reply))),
        Cause::Broken(why) => hidden.told(why),
        Cause::Late(time) => format!("nothing came for {} s", time.as_secs_f32()),
        Cause::Unfit(what) => (*what).to_owned(),
        Cause::Withdrawn => "another node may be sending it: its time was over before the mail went out".to_owned(),
    }
}

fn lines(reply: &Response) -> String {
    reply.message().collect::<Vec<_>>().join(" ")
}

fn is_permanent(reply: &Response) -> bool {
    reply.code().severity == Severity::PermanentNegativeCompletion
}

fn is_of_our_settings(reply: &Response) -> bool {
    OF_OUR_SETTINGS.contains(&code(reply))
}

/// Whether a permanent refusal says that there is no such mailbox, and not that this mail or its sender is unwanted.
fn blames_the_address(phase: Phase, reply: &Response) -> bool {
    if phase == Phase::Mail {
        return false;
    }
    match reply.first_word().filter(|word| is_enhanced(word)) {
        Some(closer) => NO_SUCH_ADDRESS.contains(&closer),
        None => phase == Phase::Rcpt && NO_SUCH_MAILBOX.contains(&code(reply)),
    }
}

/// `5.1.1`, as RFC 2034 puts it first.
fn is_enhanced(word: &str) -> bool {
    let parts = word.split('.').collect::<Vec<_>>();
    parts.len() == 3 && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}
