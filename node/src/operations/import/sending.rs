//! Commands on their way: sent in order without waiting, answered later, bounded in number.

use crate::operations;
use commands::{Actor, Answer, Error, Request, Writer};
use domain::{Command, Refusal, StreamId, chat, message, user};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;
use store::{Log, now};

/// Half of what the writer's queue holds: one batch is written while the next one fills, and others get in as well.
const IN_FLIGHT_MAX: usize = 2_048;
/// Lines that are told one by one when they are rejected; more are counted.
const REJECTS_MAX: usize = 5_000;
/// How long a full queue is left alone.
const OVERLOADED_WAIT: Duration = Duration::from_millis(5);

type Pending<'a> = Pin<Box<dyn Future<Output = Result<Answer, Error>> + Send + 'a>>;

/// What a command is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// An account.
    Account,
    /// A chat, or a place in it.
    Chat,
    /// A message.
    Message,
}

/// How it went so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportTotals {
    /// Messages that are new.
    pub posted: u64,
    /// Messages that an earlier run had brought in.
    pub already_there: u64,
    /// Lines that could not be brought in.
    pub rejected: u64,
    /// How many of those are no lines of a chat log.
    pub malformed: u64,
}

/// A line that was not imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedLine {
    /// What kind of failure it is.
    pub kind: Reject,
    /// From 1.
    pub line: u64,
    /// In words.
    pub reason: String,
}

/// Why a line was not imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reject {
    /// It is none of a chat log.
    Malformed,
    /// The rules do not let it in.
    Refused,
}

/// A command on its way.
struct InFlight<'a> {
    line: u64,
    what: LineKind,
    stream: StreamId,
    pending: Pending<'a>,
}

/// Commands on their way.
pub struct Sending<'a> {
    writer: &'a Writer,
    log: &'a Log,
    in_flight: VecDeque<InFlight<'a>>,
    /// How it went so far.
    pub counted: ImportTotals,
    /// The first lines that were not imported.
    rejects: Vec<RejectedLine>,
}

impl<'a> Sending<'a> {
    /// Nothing is on its way yet.
    pub fn new(writer: &'a Writer, log: &'a Log) -> Sending<'a> {
        Sending {
            writer,
            log,
            in_flight: VecDeque::with_capacity(IN_FLIGHT_MAX),
            counted: ImportTotals::default(),
            rejects: Vec::new(),
        }
    }

    /// How many messages were answered.
    pub fn answered(&self) -> u64 {
        self.counted.posted + self.counted.already_there + self.counted.rejected
    }

    /// Counts a line that is not brought in, and keeps why.
    pub fn reject(&mut self, line: u64, kind: Reject, reason: String) {
        self.counted.rejected += 1;
        self.counted.malformed += u64::from(kind == Reject::Malformed);
        if self.rejects.len() < REJECTS_MAX {
            self.rejects.push(RejectedLine { kind, line, reason });
        }
    }

    /// The first lines that were not imported, in the order of the file.
    pub fn rejects(mut self) -> Vec<RejectedLine> {
        self.rejects.sort_by_key(|reject| reject.line);
        self.rejects
    }

    /// Sends a command behind all that were sent before. Line numbers are for what is told when it fails.
    ///
    /// # Errors
    /// When an earlier command was refused.
    pub async fn send(&mut self, line: u64, what: LineKind, command: Command) -> Result<(), operations::Error> {
        while self.in_flight.len() >= IN_FLIGHT_MAX {
            self.take_oldest().await?;
        }
        let stream = command.stream();
        let request = Request { actor: Actor::Import, ..Request::by_operator(command, now()) };
        let writer = self.writer;
        loop {
            let request = request.clone();
            let mut pending: Pending<'a> = Box::pin(async move { writer.send(request).await });
            // The first look puts it into the writer's queue; what comes next is put behind it.
            match poll_fn(|context| Poll::Ready(pending.as_mut().poll(context))).await {
                Poll::Ready(Err(Error::Overloaded)) => {
                    if self.in_flight.is_empty() {
                        tokio::time::sleep(OVERLOADED_WAIT).await;
                    } else {
                        self.take_oldest().await?;
                    }
                }
                Poll::Ready(answer) => {
                    let pending = Box::pin(std::future::ready(answer));
                    self.in_flight.push_back(InFlight { line, what, stream, pending });
                    return Ok(());
                }
                Poll::Pending => {
                    self.in_flight.push_back(InFlight { line, what, stream, pending });
                    return Ok(());
                }
            }
        }
    }

    /// Waits for everything that is on its way.
    ///
    /// # Errors
    /// When a command was refused.
    pub async fn finish(&mut self) -> Result<(), operations::Error> {
        while !self.in_flight.is_empty() {
            self.take_oldest().await?;
        }
        Ok(())
    }

    async fn take_oldest(&mut self) -> Result<(), operations::Error> {
        let Some(InFlight { line, what, stream, pending }) = self.in_flight.pop_front() else { return Ok(()) };
        match pending.await {
            Ok(_) if what == LineKind::Message => self.counted.posted += 1,
            Ok(_) | Err(Error::Refused(Refusal::Chat(chat::Refusal::AlreadyExists))) => {}
            Err(Error::Refused(Refusal::Message(message::Refusal::AlreadyExists))) => self.counted.already_there += 1,
            // The author was erased since an earlier run and stays forgotten, and the others' lines go on.
            Err(Error::Refused(Refusal::User(user::Refusal::NotFound))) if what == LineKind::Message => {
                if self.log.stream_records(&stream.to_string(), 0, 1)?.is_empty() {
                    self.reject(line, Reject::Refused, "its author was erased and stays forgotten".to_owned());
                } else {
                    self.counted.already_there += 1;
                }
            }
            Err(Error::Refused(Refusal::User(user::Refusal::NotFound))) => {}
            // What was refused to a room or an account is told with the message that needed it.
            Err(Error::Refused(refusal)) if what == LineKind::Message => {
                self.reject(line, Reject::Refused, refusal.to_string());
            }
            Err(Error::Refused(Refusal::Chat(_))) => {}
            Err(error) => return Err(stopped(line, what, error)),
        }
        Ok(())
    }
}

fn stopped(line: u64, what: LineKind, error: Error) -> operations::Error {
    let what = match what {
        LineKind::Account => "its author's account",
        LineKind::Chat => "its room",
        LineKind::Message => "its message",
    };
    operations::Error::LineRefused { line, what, error }
}
