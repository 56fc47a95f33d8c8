//! Who takes our mail, in order: the first that is well gets it, and none gets more than it can take.

mod gate;

use crate::MailSettings;
use crate::channel::sendgrid::Sendgrid;
use crate::channel::smtp::{MaySend, Roots, Smtp, Timeouts};
use crate::channel::{AttemptEnd, Fault};
use crate::dkim::Dkim;
use crate::mail::{Mail, Unmailable};
use gate::Gate;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A provider that would take a mail only later than this is passed over for the next one.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// Replies by which a server asks for less: closing, a local failure, no resources for now. None of them is held
/// against the mail.
const SLOWER: [u16; 3] = [421, 451, 454];

/// One provider of a [`Providers`], until the settings change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProviderIndex(usize);

/// Who is to get the next mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// This one, now: its place in the rate is taken.
    Provider(ProviderIndex),
    /// Nobody before this instant. That costs no attempt.
    NotBefore(Instant),
    /// Nobody: all were tried for this mail, or there is none.
    Nobody,
}

/// A way for mail to leave the house.
enum Provider {
    /// A mail server.
    Smtp(Smtp),
    /// An account of SendGrid.
    Sendgrid(Sendgrid),
}

struct Entry {
    name: String,
    provider: Provider,
    gate: Mutex<Gate>,
}

/// All providers, in the order in which they are tried.
pub struct Providers {
    dkim: Option<Dkim>,
    entries: Vec<Entry>,
}

/// What is seen of a provider from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderState {
    /// `host:port`.
    pub name: String,
    /// It is left alone until then, after failures in a row.
    pub open_until: Option<Instant>,
    /// How many times slower than set it gets mail, because it asked for less.
    pub slowed: u32,
}

impl Providers {
    /// Reads key and certificates, and connects to nothing yet.
    ///
    /// # Errors
    /// What cannot be used, in words.
    pub fn open(settings: &MailSettings) -> Result<Providers, String> {
        let dkim = settings.dkim.as_ref().map(Dkim::open).transpose()?;
        let roots = Roots::new(settings.smtp_ca_file.clone());
        let timeouts = Timeouts::new(settings.smtp_timeout);
        let smtp = settings.smtp.iter().map(|url| Smtp::new(url.clone(), &roots, timeouts).map(Provider::Smtp));
        let mut providers = smtp.collect::<Result<Vec<_>, _>>()?;
        providers.extend(settings.sendgrid.as_ref().map(|settings| Provider::Sendgrid(Sendgrid::new(settings))));
        let entry = |provider: Provider| {
            let gate = Mutex::new(Gate::new(settings.per_second_max, Instant::now()));
            Entry { name: provider.name(), provider, gate }
        };
        Ok(Providers { dkim, entries: providers.into_iter().map(entry).collect() })
    }

    /// Whether one is left that was not tried.
    pub fn has_another(&self, tried: &[ProviderIndex]) -> bool {
        tried.len() < self.entries.len()
    }

    /// Whether there is none: mail does not leave the house.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Who gets the next mail: the first in order that was not tried for it, is well, and may get one now. The
    /// answer takes a place in the provider's rate, so it is for one attempt.
    pub fn choose(&self, now: Instant, tried: &[ProviderIndex]) -> Choice {
        let mut earliest = None;
        for (at, entry) in self.entries.iter().enumerate() {
            let index = ProviderIndex(at);
            if tried.contains(&index) {
                continue;
            }
            let mut gate = entry.gate();
            match gate.pass(now) {
                Ok(()) => return Choice::Provider(index),
                Err(wait) => {
                    earliest = Some(earliest.map_or(wait.until, |known: Instant| known.min(wait.until)));
                    if !wait.is_open && wait.until.saturating_duration_since(now) <= WAIT_MAX {
                        break;
                    }
                }
            }
        }
        earliest.map_or(Choice::Nobody, Choice::NotBefore)
    }

    /// What a provider is called in facts and figures; never with a user or a password.
    pub fn name(&self, index: ProviderIndex) -> &str {
        &self.entries[index.0].name
    }

    /// The provider that a fact names, where it is still one.
    pub fn find(&self, name: &str) -> Option<ProviderIndex> {
        self.entries.iter().position(|entry| entry.name == name).map(ProviderIndex)
    }

    /// Hands one mail to a provider, and learns from how that ended.
    pub async fn send(&self, index: ProviderIndex, mail: &Mail, may_send: MaySend<'_>) -> AttemptEnd {
        let entry = &self.entries[index.0];
        let end = match &entry.provider {
            Provider::Smtp(smtp) => match mail.compose(self.dkim.as_ref()) {
                Ok(composed) => smtp.send(&composed, may_send).await,
                Err(unmailable) => unsent(unmailable),
            },
            Provider::Sendgrid(sendgrid) => sendgrid.send(mail, may_send).await.unwrap_or_else(unsent),
        };
        entry.gate().learn(&end, Instant::now());
        end
    }

    /// How all of them are.
    pub fn states(&self) -> Vec<ProviderState> {
        let state = |entry: &Entry| {
            let gate = entry.gate();
            ProviderState { name: entry.name.clone(), open_until: gate.open_until(), slowed: gate.slowed() }
        };
        self.entries.iter().map(state).collect()
    }

    /// Asks each whether it would take mail.
    pub async fn look(&self) -> Vec<(String, Result<String, String>)> {
        let mut all = Vec::new();
        for entry in &self.entries {
            let found = match &entry.provider {
                Provider::Smtp(smtp) => smtp.look().await,
                Provider::Sendgrid(sendgrid) => sendgrid.look().await,
            };
            all.push((entry.name.clone(), found));
        }
        all
    }
}

impl Provider {
    fn name(&self) -> String {
        match self {
            Provider::Smtp(smtp) => smtp.name(),
            Provider::Sendgrid(sendgrid) => sendgrid.name(),
        }
    }
}

impl Entry {
    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether another provider may be tried after this: only where none can have it.
pub fn may_fail_over(end: &AttemptEnd) -> bool {
    match end {
        AttemptEnd::Postponed(_) => true,
        AttemptEnd::Rejected { fault, .. } => fault.phase == "capability",
        AttemptEnd::Accepted { .. } | AttemptEnd::Unknown(_) => false,
    }
}

/// Whether the provider only asked for less: no attempt is counted.
pub fn asks_for_less(end: &AttemptEnd) -> bool {
    match end {
        AttemptEnd::Postponed(fault) => fault.code.is_some_and(|code| SLOWER.contains(&code)),
        AttemptEnd::Accepted { .. } | AttemptEnd::Rejected { .. } | AttemptEnd::Unknown(_) => false,
    }
}

/// Of a mail that cannot be made.
pub(crate) fn unsent(unmailable: Unmailable) -> AttemptEnd {
    let address_at_fault = unmailable == Unmailable::Recipient;
    AttemptEnd::Rejected {
        fault: Fault { phase: "compose", code: None, detail: unmailable.to_string() },
        address_at_fault,
    }
}

#[cfg(test)]
mod tests;
