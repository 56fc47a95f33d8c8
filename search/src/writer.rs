//! Writing an index: one long-lived writer, which changes nothing that anybody sees until it commits.

use crate::change::{self, Change, Post, Text};
use crate::document::Document;
use crate::error::caught;
use crate::index::{Index, Payload};
use crate::purge::{Purge, earlier};
use crate::schema::{fields, pair};
use crate::{Error, Result};
use domain::{ChatId, MessageId, Timestamp, UserId};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tantivy::directory::error::LockError;
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy};
use tantivy::schema::{Field, Value};
use tantivy::{IndexWriter, TantivyDocument, TantivyError, Term};

/// Memory of each thread for documents that are not written yet; when it is full they are, which nobody sees before the
/// commit.
const MEMORY_BYTES: usize = 64 * 1024 * 1024;
/// Where so many changes are ahead two threads make segments, each its own. Else one, so that a small commit makes one
/// segment.
const MANY_AHEAD: u64 = 10_000;
/// Most changes of a commit; a caller may make it larger by not asking.
const CHANGES_MAX: usize = 450_000;
/// Threads that merge segments. One: it must not keep questions from the processors.
const MERGE_THREADS: usize = 1;
/// A segment of which so much is deleted is rewritten by itself.
const DELETED_SHARE_MAX: f32 = 0.3;
/// A segment of so many documents is merged no more: between two segments a question can stop at its deadline, and the
/// newest are looked through first.
const MERGED_DOCUMENTS_MAX: usize = 1_000_000;
/// How often the right to write is asked for: a former writer of this process may be about to end.
const TRIES_MAX: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);
/// Text that was deleted or edited away is gone from the files after that long, in seconds.
pub const PURGED_WITHIN_SECONDS: u64 = 3600;

/// The writer of an index. There is one at a time for a folder, in all processes.
pub struct Writer {
    index: Index,
    /// None before the first change, and after a failure: what was not committed is lost, and the next one begins at the
    /// last commit.
    writer: Option<IndexWriter<Document>>,
    /// How many threads it has, and how many the next one gets.
    threads: usize,
    threads_next: usize,
    /// What the last commit says of itself.
    committed: Payload,
    fresh: Uncommitted,
    /// Deleted text that is being taken out of the files.
    pub(crate) purge: Option<Purge>,
}

/// What is not committed yet, as far as a later change needs it.
#[derive(Default)]
struct Uncommitted {
    changes: usize,
    /// Messages that were said or changed; none for those that are gone.
    messages: HashMap<MessageId, Option<Post>>,
    /// Nicknames of members that were added, by [`pair`].
    members: HashMap<[u8; 32], Option<String>>,
    /// Chats that were added.
    chats: HashSet<ChatId>,
    chats_gone: HashSet<ChatId>,
    users_gone: HashSet<UserId>,
    /// When text that was deleted must be gone from the files.
    purge_by: Option<u64>,
}

impl Writer {
    /// Makes an empty index in that folder, which must not be there.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Index`].
    pub fn create(folder: &Path) -> Result<Writer> {
        Writer::of(Index::create(folder)?)
    }

    /// Opens the index in that folder at its last commit. The first change takes it from everybody else.
    ///
    /// # Errors
    /// [`Error::Index`], [`Error::Damaged`].
    pub fn open(folder: &Path) -> Result<Writer> {
        Writer::of(Index::open(folder)?)
    }

    fn of(index: Index) -> Result<Writer> {
        let (committed, fresh) = (index.payload()?, Uncommitted::default());
        Ok(Writer { index, writer: None, threads: 1, threads_next: 1, committed, fresh, purge: None })
    }

    /// The index, for reading.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// The position that the last commit named.
    pub fn committed(&self) -> u64 {
        self.committed.position
    }

    /// The log's hash there, as the last commit named it.
    pub fn committed_hash(&self) -> [u8; 32] {
        self.committed.hash
    }

    /// Whether it is time to commit, whoever waits: what is not committed is stored in memory.
    pub fn is_full(&self) -> bool {
        self.fresh.changes >= CHANGES_MAX
    }

    /// Gets ready for about that many changes: many are worth a second thread, from the next commit on.
    pub fn prepare_for(&mut self, changes: u64) {
        self.threads_next = if changes < MANY_AHEAD { 1 } else { 2 };
        self.fresh.messages.reserve(usize::try_from(changes).map_or(CHANGES_MAX, |changes| changes.min(CHANGES_MAX)));
    }

    /// Takes the right to write, unless it is held already; after a commit, with as many threads as it is to have.
    ///
    /// # Errors
    /// As [`Writer::change`].
    pub fn hold(&mut self) -> Result<()> {
        if self.threads != self.threads_next && self.fresh.changes == 0 && self.purge.is_none() {
            self.writer = None;
        }
        let held = caught(|| self.writer().map(drop));
        self.or_roll_back(held)
    }

    /// Whether deleted text must be gone from the files by now, and may still be there.
    pub fn is_to_purge(&self) -> bool {
        self.purge.is_some() || self.purge_by().is_some_and(|by| by <= now())
    }

    /// When deleted text must be gone from the files, in seconds since 1970; none when there is none.
    pub fn purge_by(&self) -> Option<u64> {
        self.committed.purge_by
    }

    /// Changes something; nobody sees it before [`Writer::commit`].
    ///
    /// # Errors
    /// [`Error::Index`], [`Error::NotOwner`], [`Error::Damaged`]: then everything since the last commit is lost, and the caller has to begin
    /// again from [`Writer::committed`].
    pub fn change(&mut self, change: Change) -> Result<()> {
        let changed = caught(|| self.try_change(change));
        self.or_roll_back(changed)
    }

    fn try_change(&mut self, change: Change) -> Result<()> {
        self.fresh.changes += 1;
        let fields = fields();
        match change {
            Change::Posted(post, text) => {
                self.fresh.messages.insert(post.message_id, Some(post));
                self.add(change::message(&post, text))
            }
            Change::Edited { message_id, text, at } => self.edit(message_id, text, at),
            Change::Removed(message_id) => {
                self.fresh.messages.insert(message_id, None);
                self.purge_within(PURGED_WITHIN_SECONDS);
                self.delete(fields.message_id, message_id.0.as_bytes())
            }
            Change::Came { chat_id, user_id, nickname } => {
                let key = pair(chat_id, user_id);
                let is_fresh = self.fresh.members.insert(key, nickname.clone()).is_none();
                self.delete_if_there(fields.member, &key, is_fresh)?;
                self.add(change::member(&key, nickname, true))
            }
            Change::Went { chat_id, user_id } => {
                let key = pair(chat_id, user_id);
                let nickname = self.nickname(chat_id, user_id)?;
                self.delete(fields.member, &key)?;
                // Who is gone altogether does not come back as a former member.
                nickname.map_or(Ok(()), |nickname| self.add(change::member(&key, nickname, false)))
            }
            Change::ChatNamed { chat_id, name } => {
                let is_fresh = self.fresh.chats.insert(chat_id);
                self.delete_if_there(fields.known, chat_id.0.as_bytes(), is_fresh)?;
                self.add(change::chat(chat_id, name))
            }
            Change::ChatRemoved(chat_id) => {
                self.fresh.chats_gone.insert(chat_id);
                self.purge_within(PURGED_WITHIN_SECONDS);
                let of_chat = [fields.chat_id, fields.member_chat, fields.known];
                of_chat.into_iter().try_for_each(|field| self.delete(field, chat_id.0.as_bytes()))
            }
            Change::Forgotten(user_id) => {
                self.fresh.users_gone.insert(user_id);
                self.purge_within(0);
                let of_user = [fields.author, fields.member_user];
                of_user.into_iter().try_for_each(|field| self.delete(field, user_id.0.as_bytes()))
            }
        }
    }

    fn edit(&mut self, message_id: MessageId, text: Text, at: Timestamp) -> Result<()> {
        // One that is gone stays gone.
        let Some(post) = self.known(message_id)? else { return Ok(()) };
        let post = Post { edited_at: Some(at), ..post };
        self.fresh.messages.insert(message_id, Some(post));
        self.purge_within(PURGED_WITHIN_SECONDS);
        self.delete(fields().message_id, message_id.0.as_bytes())?;
        self.add(change::message(&post, text))
    }

    /// Where that message stands, as of the last change.
    fn known(&self, message_id: MessageId) -> Result<Option<Post>> {
        let found = match self.fresh.messages.get(&message_id) {
            Some(found) => *found,
            None => {
                let found = self.index.snapshot().by_key(fields().message_id, message_id.0.as_bytes())?;
                found.map(|document| post_of(message_id, &document)).transpose()?
            }
        };
        Ok(found.filter(|post| !self.is_gone(post.chat_id, post.author)))
    }

    /// How that member is called, also a former one; the inner one is none when their name was erased.
    fn nickname(&self, chat_id: ChatId, user_id: UserId) -> Result<Option<Option<String>>> {
        let key = pair(chat_id, user_id);
        let found = match self.fresh.members.get(&key) {
            Some(nickname) => Some(nickname.clone()),
            None => self.index.snapshot().nickname(&key)?,
        };
        Ok(found.filter(|_| !self.is_gone(chat_id, user_id)))
    }

    /// Whether the chat was removed or the person erased since the last commit.
    fn is_gone(&self, chat_id: ChatId, user_id: UserId) -> bool {
        self.fresh.chats_gone.contains(&chat_id) || self.fresh.users_gone.contains(&user_id)
    }

    /// A deletion of nothing is dear: it is kept to the commit, in more than a kilobyte, and looked for in every segment.
    fn delete_if_there(&mut self, field: Field, key: &[u8], is_fresh: bool) -> Result<()> {
        if is_fresh && self.index.snapshot().addresses(field, key)?.is_empty() {
            Ok(())
        } else {
            self.delete(field, key)
        }
    }

    fn add(&mut self, document: Document) -> Result<()> {
        self.writer()?.add_document(document)?;
        Ok(())
    }

    fn delete(&mut self, field: Field, key: &[u8]) -> Result<()> {
        self.writer()?.delete_term(Term::from_field_bytes(field, key));
        Ok(())
    }

    fn purge_within(&mut self, seconds: u64) {
        self.fresh.purge_by = earlier(self.fresh.purge_by, Some(now() + seconds));
    }

    /// Makes all that was changed visible at once, as of that position of a log that has no other history. It is
    /// durable when this returns.
    ///
    /// # Errors
    /// As [`Writer::change`].
    pub fn commit(&mut self, position: u64) -> Result<()> {
        self.commit_as_of(position, [0; 32])
    }

    /// The same as of that position and that hash of the log there, by which its history is known.
    ///
    /// # Errors
    /// As [`Writer::change`].
    pub fn commit_as_of(&mut self, position: u64, hash: [u8; 32]) -> Result<()> {
        let purge_by = earlier(self.committed.purge_by, self.fresh.purge_by);
        let committed = caught(|| self.try_commit(Payload { position, hash, purge_by }));
        self.or_roll_back(committed)
    }

    /// Nothing that is to be gone before `later` is in the files any more.
    pub(crate) fn purged(&mut self, later: Option<u64>) -> Result<()> {
        self.committed.purge_by = later;
        if self.fresh.changes > 0 {
            // The next commit says so.
            return Ok(());
        }
        let committed = self.try_commit(self.committed);
        self.or_roll_back(committed)
    }

    fn try_commit(&mut self, payload: Payload) -> Result<()> {
        let mut prepared = self.writer()?.prepare_commit()?;
        prepared.set_payload(&payload.text());
        prepared.commit()?;
        self.index.look()?;
        self.committed = payload;
        if let Some(purge) = &mut self.purge {
            purge.later = earlier(purge.later, self.fresh.purge_by);
        }
        self.fresh = Uncommitted::default();
        Ok(())
    }

    pub(crate) fn writer(&mut self) -> Result<&mut IndexWriter<Document>> {
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => self.take()?,
        };
        Ok(self.writer.insert(writer))
    }

    /// The right to write, and the threads that do.
    fn take(&mut self) -> Result<IndexWriter<Document>> {
        let writer = open(&self.index, self.threads_next)?;
        if self.index.payload()? != self.committed {
            return Err(Error::NotOwner);
        }
        // A commit before may have failed after it was made.
        self.index.look()?;
        self.index.tidy()?;
        self.threads = self.threads_next;
        Ok(writer)
    }

    fn or_roll_back(&mut self, done: Result<()>) -> Result<()> {
        if done.is_err() {
            self.roll_back();
        }
        done
    }

    /// Drops everything since the last commit.
    pub fn roll_back(&mut self) {
        self.writer = None;
        self.purge = None;
        self.fresh = Uncommitted::default();
        // What fails here fails at the next use as well, which says so.
        if let Ok(payload) = self.index.payload() {
            self.committed = payload;
        }
    }
}

fn open(index: &Index, threads: usize) -> Result<IndexWriter<Document>> {
    let options = IndexWriterOptions::builder()
        .memory_budget_per_thread(MEMORY_BYTES)
        .num_worker_threads(threads)
        .num_merge_threads(MERGE_THREADS)
        .build();
    let mut tries = 1;
    let writer = loop {
        match index.tantivy().writer_with_options(options.clone()) {
            Ok(writer) => break writer,
            Err(TantivyError::LockFailure(LockError::LockBusy, _)) if tries < TRIES_MAX => {
                tries += 1;
                std::thread::sleep(PAUSE);
            }
            Err(TantivyError::LockFailure(LockError::LockBusy, _)) => return Err(Error::NotOwner),
            Err(error) => return Err(error.into()),
        }
    };
    let mut merging = LogMergePolicy::default();
    merging.set_del_docs_ratio_before_merge(DELETED_SHARE_MAX);
    merging.set_max_docs_before_merge(MERGED_DOCUMENTS_MAX);
    writer.set_merge_policy(Box::new(merging));
    Ok(writer)
}

/// Where the message of that document stands.
fn post_of(message_id: MessageId, document: &TantivyDocument) -> Result<Post> {
    let fields = fields();
    let id = |field| document.get_first(field).and_then(|value| value.as_bytes()).and_then(|id| id.try_into().ok());
    let chat_id = id(fields.chat_id).map(|id| ChatId(uuid::Uuid::from_bytes(id)));
    let author = id(fields.author).map(|id| UserId(uuid::Uuid::from_bytes(id)));
    let position = document.get_first(fields.position).and_then(|value| value.as_u64());
    let time = |field| document.get_first(field).and_then(|value| value.as_i64()).map(Timestamp);
    match (chat_id, author, position, time(fields.sent_at)) {
        (Some(chat_id), Some(author), Some(position), Some(sent_at)) => {
            Ok(Post { message_id, chat_id, author, position, sent_at, edited_at: time(fields.edited_at) })
        }
        _ => Err(Error::Damaged { what: "a message lacks a field" }),
    }
}

/// The clock, in seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
