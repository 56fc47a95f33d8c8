//! What keeps a courier from its work.

/// Why something did not leave.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log or the checkpoint.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The event cannot be told because it cannot be read: whoever follows the log must stop before it.
    #[error("the event at position {position} cannot be read: {why}")]
    Unreadable {
        /// Where it stands in the log.
        position: u64,
        /// What is wrong with it.
        why: String,
    },
    /// What was told before is not in the log any more.
    #[error(
        "the log has another history than the one that the relay sent: it does not hold the event {position} that was sent last; the relay is disarmed until `letopis relay arm`, and then begins at the log's end; `letopis events republish --from N` tells what listeners lack"
    )]
    OtherHistory {
        /// Of the last event that was told.
        position: u64,
    },
    /// Nobody answers, or not in time.
    #[error("NATS does not answer: {0}; check that it runs, and LETOPIS_NATS_URL")]
    Unreachable(String),
    /// It answers, and does not do what it was asked.
    #[error(
        "NATS refuses it: {0}; check that JetStream is on and has room, and the rights of the user in LETOPIS_NATS_URL"
    )]
    Refused(String),
    /// Somebody else writes into the stream at the same time.
    #[error("something else writes to the stream {0} at the same time; only one relay may")]
    Contended(&'static str),
    /// Another node of this log relays now.
    #[error("another node runs the relay now, and this one sent nothing more; run it again")]
    TakenOver,
    /// This log is a copy, and nothing is told of it.
    #[error("the relay of this log is disarmed, as that of a copy is; `letopis relay arm` lets it tell other services")]
    Disarmed,
    /// There is nothing at these positions that was told before.
    #[error("the relay has sent nothing from {from} to {told}; the server sends what is newer by itself")]
    NothingThere {
        /// The first position that was asked for.
        from: u64,
        /// How far the relay has come.
        told: u64,
    },
}

/// What a courier answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;
