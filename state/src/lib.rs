//! What is kept and is no fact: when sessions and service tokens were last used, search tasks, the dev mailbox, how much
//! callers may still ask for, wrong passwords of late, sign-ins that are under way, and who is connected.
//!
//! A kind of table is one file here and one line in `parts.rs`: its tables, how it forgets a person, what becomes of it
//! when the log comes back with another history. Nothing here is verified or rebuilt, and losing it must be bearable.
//! This room knows no read model and no writer: it reads of the log only who was erased, and whose a session is.

mod buckets;
mod carry_over;
mod challenges;
mod couriers;
mod erasures;
mod figures;
mod last_use;
mod mailbox;
mod parts;
mod presence;
mod search_tasks;
mod storage;
mod tables;
mod wrong_passwords;

pub use buckets::{BucketKey, Buckets, Level, NoRate, Rate};
pub use challenges::{CHALLENGE_BYTES_MAX, Challenge, ChallengeHash, ChallengeKind, Challenges, NewChallenge};
pub use couriers::CourierProgress;
pub use figures::{FigureMinute, FigureRing, MINUTES_KEPT};
pub use last_use::{LastUse, Used};
pub use mailbox::{MAILS_MAX, Mail, MailSummary, Mailbox, MailboxReader, NewMail};
pub use presence::{BELIEVED, Presence};
pub use search_tasks::{Enqueued, FoundMessage, NewTask, SearchTasks, Task, TaskOutcome, TaskState};
pub use tables::{Tables, check};
pub use wrong_passwords::{BegunTry, NameHash, PasswordTry, WrongPasswords};

/// What this crate's functions answer: it fails in no other way than its database or the log does.
pub type Result<T, E = store::Error> = std::result::Result<T, E>;
