//! Comparing two indexes document by document, whatever segments they are stored in.

use crate::error::caught;
use crate::index::Snapshot;
use crate::schema::fields;
use crate::{Error, Result};
use std::collections::BTreeSet;
use tantivy::schema::{Field, OwnedValue, Value};
use tantivy::{DocAddress, TantivyDocument};
use uuid::Uuid;

/// Of every so many blocks of documents one is kept unpacked.
const BLOCKS_KEPT: usize = 8;

/// What the documents of one index have that those of another have not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// How many documents it has.
    pub documents: u64,
    /// The first ones that the other one has not, or has otherwise.
    pub differences: Vec<Difference>,
}

/// A document that the other index has not, or has otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What kind of document.
    pub kind: &'static str,
    /// Its key, and what differs where both have it. What is in it is not told: it may be personal.
    pub document: String,
}

/// A document, as it is compared.
struct Compare {
    kind: &'static str,
    key: (Field, Vec<u8>),
    /// What is stored, in the order of the fields.
    stored: Vec<(Field, OwnedValue)>,
    /// How many words it was cut into, as closely as the index knows.
    words: [Option<u8>; 2],
}

impl Snapshot {
    /// What is here and not in the other one, by the keys of the documents. It reads everything: not for the threads of
    /// async code.
    ///
    /// # Errors
    /// [`Error::Index`], [`Error::Damaged`].
    pub fn compare(&self, other: &Snapshot, told_max: usize) -> Result<Comparison> {
        caught(|| self.compare_all(other, told_max))
    }

    fn compare_all(&self, other: &Snapshot, told_max: usize) -> Result<Comparison> {
        let mut compared = Comparison::default();
        for (segment, reader) in (0..).zip(self.searcher.segment_readers()) {
            let store = reader.get_store_reader(BLOCKS_KEPT).map_err(tantivy::TantivyError::from)?;
            for document in reader.doc_ids_alive() {
                compared.documents += 1;
                let address = DocAddress::new(segment, document);
                let one = self.as_compared(address, &store.get(document)?)?;
                let difference = match self.addresses(one.key.0, &one.key.1)?.as_slice() {
                    [own] if *own == address => one.difference(other)?,
                    _ => Some("is there more than once".to_owned()),
                };
                if let Some(difference) = difference.filter(|_| compared.differences.len() < told_max) {
                    let document = format!("{}: {difference}", one.named());
                    compared.differences.push(Difference { kind: one.kind, document });
                }
            }
        }
        Ok(compared)
    }

    fn as_compared(&self, address: DocAddress, document: &TantivyDocument) -> Result<Compare> {
        let fields = fields();
        let kinds = [(fields.message_id, "message"), (fields.member, "member"), (fields.known, "chat")];
        let found = kinds.into_iter().find_map(|(field, kind)| {
            let key = document.get_first(field)?.as_bytes()?.to_vec();
            Some((kind, (field, key)))
        });
        let (kind, key) = found.ok_or(Error::Damaged { what: "a document has no key" })?;
        let values = document.field_values().map(|(field, value)| (field, OwnedValue::from(value)));
        let mut stored = values.collect::<Vec<_>>();
        stored.sort_by_key(|(field, _)| field.field_id());
        let reader = self.searcher.segment_reader(address.segment_ord);
        let words = |field| {
            let lengths = reader.get_fieldnorms_reader(field).ok()?;
            Some(lengths.fieldnorm_id(address.doc_id))
        };
        Ok(Compare { kind, key, stored, words: [words(fields.exact), words(fields.stems)] })
    }
}

impl Compare {
    /// How the other index differs; none when it has the same document.
    fn difference(&self, other: &Snapshot) -> Result<Option<String>> {
        let addresses = other.addresses(self.key.0, &self.key.1)?;
        let Some(address) = addresses.first() else { return Ok(Some("is missing there".to_owned())) };
        let found = other.as_compared(*address, &other.searcher.doc(*address)?)?;
        let schema = other.searcher.schema();
        let all = self.stored.iter().chain(&found.stored).map(|(field, _)| *field).collect::<BTreeSet<_>>();
        let values = |one: &Compare, field: Field| {
            one.stored.iter().filter(|(of, _)| *of == field).map(|(_, value)| value.clone()).collect::<Vec<_>>()
        };
        let differing = all.into_iter().filter(|field| values(self, *field) != values(&found, *field));
        let mut names = differing.map(|field| schema.get_field_name(field)).collect::<Vec<_>>();
        if self.words != found.words {
            names.push("words");
        }
        Ok((!names.is_empty()).then(|| format!("differs in {}", names.join(", "))))
    }

    fn named(&self) -> String {
        let ids = self.key.1.chunks_exact(16).filter_map(|id| Uuid::from_slice(id).ok());
        let ids = ids.map(|id| id.hyphenated().to_string()).collect::<Vec<_>>();
        match ids.as_slice() {
            [chat_id, user_id] => format!("chat_id={chat_id} user_id={user_id}"),
            ids if self.kind == "chat" => format!("chat_id={}", ids.concat()),
            ids => format!("message_id={}", ids.concat()),
        }
    }
}
