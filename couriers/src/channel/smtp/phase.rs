//! The steps of handing a mail over, and how long each may take.

use std::time::Duration;

/// A step; the order is that in which they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Finding the host and connecting to it.
    Connect,
    /// Its first line.
    Greeting,
    /// Who we are, and what it can do.
    Ehlo,
    /// Encryption.
    Tls,
    /// Signing in.
    Auth,
    /// Whom the mail is from.
    Mail,
    /// Whom it is for.
    Rcpt,
    /// Whether it may come now.
    Data,
    /// Writing the mail, until its last byte is handed over.
    Body,
    /// The final dot is sent: the answer decides.
    FinalDot,
}

impl Phase {
    const COUNT: usize = 10;

    /// As facts name it.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Connect => "connect",
            Phase::Greeting => "greeting",
            Phase::Ehlo => "ehlo",
            Phase::Tls => "tls",
            Phase::Auth => "auth",
            Phase::Mail => "mail",
            Phase::Rcpt => "rcpt",
            Phase::Data => "data",
            Phase::Body => "body",
            Phase::FinalDot => "final-dot",
        }
    }
}

/// How long each phase may take; of the body, each time that the server takes some of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts([Duration; Phase::COUNT]);

impl Timeouts {
    /// The shortest of a phase other than the last.
    const STEP_MIN: Duration = Duration::from_secs(5);

    /// With that time for the final reply (RFC 5321, 4.5.3.2.6 wants ten minutes), and a tenth of it for each other
    /// phase, at least 5 s.
    pub fn new(final_reply: Duration) -> Timeouts {
        let mut timeouts = Timeouts([(final_reply / 10).max(Timeouts::STEP_MIN); Phase::COUNT]);
        timeouts.0[Phase::FinalDot as usize] = final_reply;
        timeouts
    }

    /// That of one phase.
    pub fn of(self, phase: Phase) -> Duration {
        self.0[phase as usize]
    }

    #[cfg(test)]
    pub(super) fn with(mut self, phase: Phase, time: Duration) -> Timeouts {
        self.0[phase as usize] = time;
        self
    }
}
