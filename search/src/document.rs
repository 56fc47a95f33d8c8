//! What is put into an index: fields and what they hold, in a form that tantivy takes without another copy.
//!
//! Tantivy's own document would hand a text that is cut already from one thread to another as JSON.

use std::iter::{Empty, Map};
use std::slice::Iter;
use tantivy::schema::document::{ReferenceValue, ReferenceValueLeaf};
use tantivy::schema::{Field, Value};

/// One document on its way into an index.
#[derive(Debug, Default)]
pub(crate) struct Document {
    values: Vec<(Field, FieldContent)>,
}

/// What a field holds.
#[derive(Debug)]
pub(crate) enum FieldContent {
    Bytes(Box<[u8]>),
    U64(u64),
    I64(i64),
    Bool(bool),
    /// A text, or words as [`crate::words::Words`] writes them.
    Text(String),
}

impl Document {
    /// One with room for so many fields.
    pub(crate) fn of(fields: usize) -> Document {
        Document { values: Vec::with_capacity(fields) }
    }

    /// Adds what a field holds.
    pub(crate) fn with(mut self, field: Field, held: impl Into<FieldContent>) -> Document {
        self.values.push((field, held.into()));
        self
    }

    /// The same where there is anything.
    pub(crate) fn with_any(self, field: Field, held: Option<impl Into<FieldContent>>) -> Document {
        match held {
            Some(held) => self.with(field, held),
            None => self,
        }
    }
}

impl From<&[u8]> for FieldContent {
    fn from(bytes: &[u8]) -> FieldContent {
        FieldContent::Bytes(bytes.into())
    }
}

impl<const N: usize> From<&[u8; N]> for FieldContent {
    fn from(bytes: &[u8; N]) -> FieldContent {
        FieldContent::Bytes(Box::from(bytes.as_slice()))
    }
}

impl From<u64> for FieldContent {
    fn from(number: u64) -> FieldContent {
        FieldContent::U64(number)
    }
}

impl From<i64> for FieldContent {
    fn from(number: i64) -> FieldContent {
        FieldContent::I64(number)
    }
}

impl From<bool> for FieldContent {
    fn from(is: bool) -> FieldContent {
        FieldContent::Bool(is)
    }
}

impl From<String> for FieldContent {
    fn from(text: String) -> FieldContent {
        FieldContent::Text(text)
    }
}

impl tantivy::Document for Document {
    type Value<'a> = &'a FieldContent;
    type FieldsValuesIter<'a> =
        Map<Iter<'a, (Field, FieldContent)>, fn(&(Field, FieldContent)) -> (Field, &FieldContent)>;

    fn iter_fields_and_values(&self) -> Self::FieldsValuesIter<'_> {
        self.values.iter().map(|(field, held)| (*field, held))
    }
}

impl<'a> Value<'a> for &'a FieldContent {
    type ArrayIter = Empty<Self>;
    type ObjectIter = Empty<(&'a str, Self)>;

    fn as_value(&self) -> ReferenceValue<'a, Self> {
        ReferenceValue::Leaf(match self {
            FieldContent::Bytes(bytes) => ReferenceValueLeaf::Bytes(bytes),
            FieldContent::U64(number) => ReferenceValueLeaf::U64(*number),
            FieldContent::I64(number) => ReferenceValueLeaf::I64(*number),
            FieldContent::Bool(is) => ReferenceValueLeaf::Bool(*is),
            FieldContent::Text(text) => ReferenceValueLeaf::Str(text),
        })
    }
}
