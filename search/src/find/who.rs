//! Who may see what, and who is called how: from the same snapshot as the messages.

use crate::schema::fields;
use crate::{Error, Result, Snapshot};
use domain::{ChatId, UserId, id};
use tantivy::collector::DocSetCollector;
use tantivy::query::{BooleanQuery, Occur, Query, TermQuery, TermSetQuery};
use tantivy::schema::{Field, IndexRecordOption, Value};
use tantivy::{TantivyDocument, Term};
use uuid::Uuid;

/// Most members, and most chats, that one name may stand for.
const NAMED_MAX: usize = 5_000;

/// The chats that somebody is in.
pub(super) fn chats_of(snapshot: &Snapshot, user_id: UserId) -> Result<Vec<ChatId>> {
    let query = bytes(fields().present_user, user_id.0.as_bytes());
    let keys = keys(snapshot, query.as_ref(), fields().present, usize::MAX)?;
    keys.iter().map(|key| Ok(ChatId(uuid(key.get(..16))?))).collect()
}

/// The nickname of a chat's member, also of a former one; none when it was erased.
pub(super) fn name_of(snapshot: &Snapshot, member: [u8; 32]) -> Result<Option<String>> {
    let document = snapshot.by_key(fields().named, &member)?;
    let nickname = document.as_ref().and_then(|document| document.get_first(fields().nickname));
    Ok(nickname.and_then(|value| value.as_str()).map(str::to_owned))
}

/// What finds the messages of everybody of that name, in these chats; or of the account of that id.
pub(super) fn said_by(snapshot: &Snapshot, name: &str, chats: Option<&[ChatId]>) -> Result<Box<dyn Query>> {
    let mut named: Vec<(Occur, Box<dyn Query>)> = vec![(Occur::Must, text(fields().nickname_key, name))];
    if let Some(chats) = chats {
        named.push((Occur::Must, set(fields().named_chat, chats.iter().map(|chat| chat.0.as_bytes().to_vec()))));
    }
    let members = keys(snapshot, &BooleanQuery::new(named), fields().named, NAMED_MAX)?;
    let by_name = set(fields().said_by, members.into_iter());
    Ok(match id::parse_uuid(name) {
        None => by_name,
        Some(user) => Box::new(BooleanQuery::union(vec![by_name, bytes(fields().author, user.as_bytes())])),
    })
}

/// What finds the messages in the chats of that name or id.
pub(super) fn in_chat(snapshot: &Snapshot, name: &str) -> Result<Box<dyn Query>> {
    let mut chats = keys(snapshot, text(fields().chat_name_key, name).as_ref(), fields().known, NAMED_MAX)?;
    chats.extend(id::parse_uuid(name).map(|chat| chat.as_bytes().to_vec()));
    Ok(set(fields().chat_id, chats.into_iter()))
}

/// The stored keys of the documents that a query matches.
fn keys(snapshot: &Snapshot, query: &dyn Query, field: Field, max: usize) -> Result<Vec<Vec<u8>>> {
    let mut keys = Vec::new();
    for address in snapshot.searcher.search(query, &DocSetCollector)?.into_iter().take(max) {
        let document: TantivyDocument = snapshot.searcher.doc(address)?;
        let key = document.get_first(field).and_then(|value| value.as_bytes());
        keys.push(key.ok_or(Error::Damaged { what: "a document has no key" })?.to_vec());
    }
    Ok(keys)
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
