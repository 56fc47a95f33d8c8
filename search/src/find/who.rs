//! Who may see what, and who is called how: from the same snapshot as the messages.

use super::query::Scope;
use crate::schema::fields;
use crate::{Error, Result, Snapshot};
use domain::{ChatId, UserId, id};
use tantivy::query::{BooleanQuery, EnableScoring, Occur, Query, TermQuery, TermSetQuery};
use tantivy::schema::{Field, IndexRecordOption, Value};
use tantivy::{DocAddress, DocSet, TERMINATED, TantivyDocument, Term};
use uuid::Uuid;

/// Most members, and most chats, that one name may stand for.
const NAMED_MAX: usize = 5_000;

/// The chats that somebody is in.
pub(super) fn chats_of(snapshot: &Snapshot, user_id: UserId) -> Result<Vec<ChatId>> {
    let query = bytes(fields().present_user, user_id.0.as_bytes());
    let (keys, _) = keys(snapshot, query.as_ref(), fields().member, usize::MAX)?;
    keys.iter().map(|key| Ok(ChatId(uuid(key.get(..16))?))).collect()
}

/// What finds the messages of everybody of that name, in these chats; or of the account of that id.
pub(super) fn said_by(scope: &Scope<'_>, name: &str) -> Result<Box<dyn Query>> {
    let members = named(scope, text(fields().nickname_key, name), fields().member_chat, fields().member)?;
    let by_name = set(fields().said_by, members.into_iter());
    Ok(match id::parse_uuid(name) {
        None => by_name,
        Some(user) => Box::new(BooleanQuery::union(vec![by_name, bytes(fields().author, user.as_bytes())])),
    })
}

/// What finds the messages in the chats of that name or id.
pub(super) fn in_chat(scope: &Scope<'_>, name: &str) -> Result<Box<dyn Query>> {
    let mut chats = named(scope, text(fields().chat_name_key, name), fields().known, fields().known)?;
    chats.extend(id::parse_uuid(name).map(|chat| chat.as_bytes().to_vec()));
    Ok(set(fields().chat_id, chats.into_iter()))
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
