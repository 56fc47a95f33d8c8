//! Who may see what, and who is called how: from the same snapshot as the messages.

use super::query::Scope;
use crate::question::Note;
use crate::schema::fields;
use crate::{Error, Result, Snapshot};
use domain::{ChatId, UserId, id};
use tantivy::query::{AllQuery, BooleanQuery, EmptyQuery, EnableScoring, Occur, Query, TermQuery, TermSetQuery};
use tantivy::schema::{Field, IndexRecordOption, Value};
use tantivy::{DocAddress, DocSet, TERMINATED, TantivyDocument, Term};
use uuid::Uuid;

/// Most members, and most chats, that one name may stand for.
const NAMED_MAX: usize = 5_000;
/// What the caller is called in a question.
const ME: &str = "me";

/// The chats that somebody is in.
pub(super) fn chats_of(snapshot: &Snapshot, user_id: UserId) -> Result<Vec<ChatId>> {
    let query = bytes(fields().present_user, user_id.0.as_bytes());
    let (keys, _) = keys(snapshot, query.as_ref(), fields().member, usize::MAX)?;
    keys.iter().map(|key| Ok(ChatId(uuid(key.get(..16))?))).collect()
}

/// What finds the messages of everybody of that name, in these chats; or of the account of that id. A name is known with
/// `@` and without.
pub(super) fn said_by(scope: &Scope<'_>, name: &str, notes: &mut Vec<Note>) -> Result<Box<dyn Query>> {
    let of_chats = fields().member_chat;
    let members = called(scope, ('@', name), fields().nickname_key, (of_chats, fields().member))?;
    let account = match id::parse_uuid(name) {
        None => None,
        Some(user) => {
            let member = bytes(fields().member_user, user.as_bytes());
            let is_known = !named(scope, member, of_chats, fields().member)?.is_empty();
            is_known.then(|| bytes(fields().author, user.as_bytes()))
        }
    };
    if members.is_empty() && account.is_none() {
        notes.push(Note::UnknownPerson(name.to_owned()));
    }
    let by_name = set(fields().said_by, members.into_iter());
    Ok(match account {
        None => by_name,
        Some(account) => Box::new(BooleanQuery::union(vec![by_name, account])),
    })
}

/// What finds the messages of the caller.
pub(super) fn said_by_me(scope: &Scope<'_>, notes: &mut Vec<Note>) -> Box<dyn Query> {
    match scope.me {
        Some(user_id) => bytes(fields().author, user_id.0.as_bytes()),
        None => {
            notes.push(Note::NobodyAsks);
            Box::new(EmptyQuery)
        }
    }
}

/// What finds the messages in the chats of that name or id; of `me`, where no chat is called so, in all of mine. A name is
/// known with `#` and without.
pub(super) fn in_chat(scope: &Scope<'_>, name: &str, notes: &mut Vec<Note>) -> Result<Box<dyn Query>> {
    let mut chats = called(scope, ('#', name), fields().chat_name_key, (fields().known, fields().known))?;
    if let Some(chat) = id::parse_uuid(name) {
        let known = bytes(fields().known, chat.as_bytes());
        chats.extend(named(scope, known, fields().known, fields().known)?);
    }
    if !chats.is_empty() {
        return Ok(set(fields().chat_id, chats.into_iter()));
    }
    if name == ME && scope.me.is_some() {
        return Ok(Box::new(AllQuery));
    }
    notes.push(Note::UnknownChat(name.to_owned()));
    Ok(Box::new(EmptyQuery))
}

/// The keys of what is called so; where nothing is, of what is called so behind that sign: `in:ubuntu` means the chat `#ubuntu`.
fn called(
    scope: &Scope<'_>,
    (sign, name): (char, &str),
    field: Field,
    (chat, key): (Field, Field),
) -> Result<Vec<Vec<u8>>> {
    let found = named(scope, by_name(field, name), chat, key)?;
    if !found.is_empty() || name.starts_with(['@', '#']) {
        return Ok(found);
    }
    named(scope, text(field, &format!("{sign}{name}")), chat, key)
}

/// What has that name, or the name that follows its sign.
fn by_name(field: Field, name: &str) -> Box<dyn Query> {
    match name.strip_prefix(['@', '#']) {
        None => text(field, name),
        Some(plain) => Box::new(BooleanQuery::union(vec![text(field, name), text(field, plain)])),
    }
}

/// The keys of what has that name and, by the field `chat`, is of a chat that is asked about. What is left out is told.
fn named(scope: &Scope<'_>, name: Box<dyn Query>, chat: Field, key: Field) -> Result<Vec<Vec<u8>>> {
    let mut all: Vec<(Occur, Box<dyn Query>)> = vec![(Occur::Must, name)];
    if let Some(chats) = scope.chats {
        all.push((Occur::Must, set(chat, chats.iter().map(|chat| chat.0.as_bytes().to_vec()))));
    }
    let (keys, more) = keys(scope.snapshot, &BooleanQuery::new(all), key, NAMED_MAX)?;
    if more {
        scope.limit.cut();
    }
    Ok(keys)
}

/// The stored keys of the documents that a query matches, in the order of the documents, and whether there are more.
fn keys(snapshot: &Snapshot, query: &dyn Query, field: Field, max: usize) -> Result<(Vec<Vec<u8>>, bool)> {
    let weight = query.weight(EnableScoring::disabled_from_searcher(&snapshot.searcher))?;
    let mut keys = Vec::new();
    for (segment, reader) in (0..).zip(snapshot.searcher.segment_readers()) {
        let mut found = weight.scorer(reader, 1.0)?;
        while found.doc() != TERMINATED {
            if !reader.is_deleted(found.doc()) {
                if keys.len() == max {
                    return Ok((keys, true));
                }
                let document: TantivyDocument = snapshot.searcher.doc(DocAddress::new(segment, found.doc()))?;
                let key = document.get_first(field).and_then(|value| value.as_bytes());
                keys.push(key.ok_or(Error::Damaged { what: "a document has no key" })?.to_vec());
            }
            found.advance();
        }
    }
    Ok((keys, false))
}

fn uuid(bytes: Option<&[u8]>) -> Result<Uuid> {
    bytes.and_then(|bytes| Uuid::from_slice(bytes).ok()).ok_or(Error::Damaged { what: "a membership names no chat" })
}

fn set(field: Field, keys: impl Iterator<Item = Vec<u8>>) -> Box<dyn Query> {
    Box::new(TermSetQuery::new(keys.map(|key| Term::from_field_bytes(field, &key))))
}

fn bytes(field: Field, key: &[u8]) -> Box<dyn Query> {
    Box::new(TermQuery::new(Term::from_field_bytes(field, key), IndexRecordOption::Basic))
}

fn text(field: Field, key: &str) -> Box<dyn Query> {
    Box::new(TermQuery::new(Term::from_field_text(field, key), IndexRecordOption::Basic))
}
