//! A chat log brought in, by the same commands as over HTTP.
//!
//! Rooms become public chats, authors become accounts without a password, and every line a message. Their ids are
//! made from what the file says, so that a second run finds everything there already.

mod file;
mod ids;
mod sending;

use crate::gzip::Source;
use crate::operations::progress::whole_per_second;
use crate::operations::{Error, Progress, Sender, Unit};
use crate::{NodeHandle, claims};
use domain::id::NameClaim;
use domain::text::Nickname;
use domain::{ChatId, Command, Event, StreamId, UserId, chat, message, name, user};
use file::{Line, Malformed};
use ids::Occurrences;
use sending::{LineKind, Sending};
pub use sending::{Reject, RejectedLine};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::time::Instant;
use store::now;

/// What an import did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImportReport {
    /// How much it was.
    pub summary: ImportSummary,
    /// The first lines that were rejected, in the order of the file.
    pub rejects: Vec<RejectedLine>,
}

/// How much an import was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImportSummary {
    /// Messages that are new.
    pub messages: u64,
    /// Messages that an earlier run had imported.
    pub already_there: u64,
    /// Lines that could not be imported.
    pub rejected: u64,
    /// How many of those are no lines of a chat log.
    pub malformed: u64,
    /// Rooms in the file.
    pub rooms: u64,
    /// Authors in the file.
    pub users: u64,
    /// How long it took.
    pub seconds: f64,
    /// A whole number.
    pub messages_per_second: f64,
}

/// Imports a file.
///
/// # Errors
/// When the file cannot be read to its end or is no chat log, or the writer fails. A single line that cannot be brought
/// in is counted and told, and the rest goes on.
pub async fn run(
    node: &NodeHandle,
    source: Source,
    as_of_file_times: bool,
    progress: &Sender,
) -> Result<ImportReport, Error> {
    let began = Instant::now();
    let mut lines = file::read(source);
    let mut importing = Importer {
        node,
        sending: Sending::new(&node.writer, &node.log),
        as_of_file_times,
        authors: HashMap::new(),
        people: HashSet::new(),
        nameless: HashSet::new(),
        rooms: HashMap::new(),
        occurrences: Occurrences::default(),
    };
    while let Some(chunk) = lines.next().await {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => {
                importing.sending.finish().await?;
                return Err(error);
            }
        };
        for line in chunk {
            match line {
                Ok(line) => importing.line(line).await?,
                Err(Malformed { number, what }) => {
                    importing.sending.reject(number, Reject::Malformed, format!("the line {what}"));
                }
            }
        }
        let done = importing.sending.answered();
        progress.send_replace(Some(Progress { unit: Unit::Messages, done, part: lines.part() }));
    }
    importing.sending.finish().await?;
    let seconds = began.elapsed().as_secs_f64();
    let counted = importing.sending.counted;
    let summary = ImportSummary {
        messages: counted.posted,
        already_there: counted.already_there,
        rejected: counted.rejected,
        malformed: counted.malformed,
        rooms: importing.rooms.len() as u64,
        users: importing.people.len() as u64,
        seconds,
        messages_per_second: whole_per_second(importing.sending.answered(), seconds),
    };
    Ok(ImportReport { summary, rejects: importing.sending.rejects() })
}

struct Importer<'a> {
    node: &'a NodeHandle,
    sending: Sending<'a>,
    as_of_file_times: bool,
    /// Each spelling that the file has, and who it is.
    authors: HashMap<String, UserId>,
    people: HashSet<UserId>,
    /// Authors who have no account, because every name that could be made for one is taken.
    nameless: HashSet<UserId>,
    rooms: HashMap<String, Room>,
    occurrences: Occurrences,
}

struct Room {
    id: ChatId,
    /// Who is a member or ever was one: who left since an earlier run is not brought back.
    members: HashSet<UserId>,
}

impl Importer<'_> {
    /// Sends what a line needs, in this order: the writer decides in the order of sending.
    async fn line(&mut self, line: Line) -> Result<(), Error> {
        let author = self.author(&line).await?;
        if self.nameless.contains(&author) {
            let reason = "every name that could be made for this author is taken".to_owned();
            self.sending.reject(line.number, Reject::Refused, reason);
            return Ok(());
        }
        let chat_id = self.member(&line, author).await?;
        let command = message::Command::BringIn(message::BringIn {
            chat_id,
            author,
            sent_at: if self.as_of_file_times { line.at } else { now() },
            text: line.text.clone(),
        });
        let id = self.occurrences.message(&line);
        self.sending.send(line.number, LineKind::Message, Command::Message(id, command)).await
    }

    /// Whose line it is. Who is seen first gets an account.
    async fn author(&mut self, line: &Line) -> Result<UserId, Error> {
        if let Some(user_id) = self.authors.get(&line.author) {
            return Ok(*user_id);
        }
        let user_id = ids::user(&line.author);
        self.authors.insert(line.author.clone(), user_id);
        if !self.people.insert(user_id) || self.exists(user_id.into())? {
            return Ok(user_id);
        }
        let mut named = None;
        for user_name in ids::user_names(&line.author, user_id) {
            let claim = claims::claim(&self.node.keys, &user_name);
            if !self.exists(claim.into())? {
                named = Some((claim, user_name));
                break;
            }
        }
        let Some((claim, user_name)) = named else {
            self.nameless.insert(user_id);
            return Ok(user_id);
        };
        let sign_up = user::Command::SignUp(user::SignUp { claim, user_name, email: None, verifier: None });
        self.sending.send(line.number, LineKind::Account, Command::User(user_id, sign_up)).await?;
        Ok(user_id)
    }

    /// Where it was said. A room that is seen first becomes a chat of the one who speaks; the others join it.
    async fn member(&mut self, line: &Line, author: UserId) -> Result<ChatId, Error> {
        // The spelling that is no nickname is left to the account's name.
        let nickname = Nickname::parse(&line.author).ok().map(|nickname| {
            let claim = claims::claim_on(&self.node.keys, &nickname);
            chat::Chosen { nickname, claim }
        });
        let (id, command) = match self.rooms.get_mut(line.room.as_str()) {
            Some(room) => {
                if !room.members.insert(author) {
                    return Ok(room.id);
                }
                (room.id, chat::Command::BringIn(chat::BringIn { user_id: author, nickname }))
            }
            None => {
                let id = ids::chat(&line.room);
                let anothers = self.anothers(nickname.as_ref(), author)?;
                let mut members = self.ever_members(id)?;
                let is_new = members.is_empty();
                let was_member = !members.insert(author);
                self.rooms.insert(line.room.as_str().to_owned(), Room { id, members });
                if was_member {
                    return Ok(id);
                }
                let create = chat::Command::Create(chat::Create {
                    by: author,
                    chat_name: line.room.clone(),
                    private: false,
                    // A spelling that is another account's name cannot refuse the room.
                    nickname: nickname.clone().filter(|chosen| anothers != Some(chosen.claim)),
                });
                let join = chat::Command::BringIn(chat::BringIn { user_id: author, nickname });
                (id, if is_new { create } else { join })
            }
        };
        self.sending.send(line.number, LineKind::Chat, Command::Chat(id, command)).await?;
        Ok(id)
    }

    /// The claim on a name, if it is of another account.
    fn anothers(&self, chosen: Option<&chat::Chosen>, author: UserId) -> Result<Option<NameClaim>, Error> {
        let Some(chosen) = chosen else { return Ok(None) };
        let facts = self.node.log.stream(chosen.claim.into())?;
        let is_anothers = facts.iter().any(|fact| {
            let Event::Name(_, name::Event::Claimed(claimed)) = &fact.event else { return false };
            claimed.user_id != author
        });
        Ok(is_anothers.then_some(chosen.claim))
    }

    fn exists(&self, stream: StreamId) -> Result<bool, Error> {
        Ok(!self.node.log.stream_records(&stream.to_string(), 0, 1)?.is_empty())
    }

    fn ever_members(&self, id: ChatId) -> Result<HashSet<UserId>, Error> {
        let mut members = HashSet::new();
        for fact in self.node.log.stream(id.into())? {
            let Event::Chat(_, event) = fact.event else { continue };
            members.extend(event.newcomer());
        }
        Ok(members)
    }
}
