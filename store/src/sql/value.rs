//! What is put into a statement.

use domain::{
    ChatId, IdentityId, InvitationId, MessageId, PasskeyId, SessionId, TemplateId, Timestamp, TokenId, UserId,
};
use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{self, IsNull, Type};
use uuid::Uuid;

/// A parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Nothing.
    Null,
    /// A number, an instant in µs.
    Int(i64),
    /// Yes or no.
    Bool(bool),
    /// Text.
    Text(&'a str),
    /// Bytes; an id is its 16.
    Bytes(&'a [u8]),
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Value::Null => ValueRef::Null,
            Value::Int(number) => ValueRef::Integer(number),
            Value::Bool(yes) => ValueRef::Integer(i64::from(yes)),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl types::ToSql for Value<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match *self {
            Value::Null => Ok(IsNull::Yes),
            Value::Int(number) => types::ToSql::to_sql(&number, &Type::INT8, out),
            Value::Bool(yes) => types::ToSql::to_sql(&yes, &Type::BOOL, out),
            // No text in PostgreSQL holds a NUL. What is looked for may: it is found no better as another character
            // that no name and no text of ours holds.
            Value::Text(text) if text.contains('\0') => {
                types::ToSql::to_sql(&text.replace('\0', "\u{fffe}").as_str(), &Type::TEXT, out)
            }
            Value::Text(text) => types::ToSql::to_sql(&text, &Type::TEXT, out),
            Value::Bytes(bytes) => types::ToSql::to_sql(&bytes, &Type::BYTEA, out),
        }
    }

    /// The server is told the kind of each value.
    fn accepts(_: &Type) -> bool {
        true
    }

    types::to_sql_checked!();
}

impl Value<'_> {
    /// Its type for PostgreSQL, which finds out by itself what a null is to be.
    pub(super) fn kind(&self) -> Type {
        match self {
            Value::Null => Type::UNKNOWN,
            Value::Int(_) => Type::INT8,
            Value::Bool(_) => Type::BOOL,
            Value::Text(_) => Type::TEXT,
            Value::Bytes(_) => Type::BYTEA,
        }
    }
}

/// A parameter that waits to be sent.
pub(super) enum OwnedValue {
    Null,
    Int(i64),
    Bool(bool),
    Text(String),
    Bytes(Vec<u8>),
}

impl OwnedValue {
    pub(super) fn value(&self) -> Value<'_> {
        match self {
            OwnedValue::Null => Value::Null,
            OwnedValue::Int(number) => Value::Int(*number),
            OwnedValue::Bool(yes) => Value::Bool(*yes),
            OwnedValue::Text(text) => Value::Text(text),
            OwnedValue::Bytes(bytes) => Value::Bytes(bytes),
        }
    }

    /// About how many bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        match self {
            OwnedValue::Null | OwnedValue::Int(_) | OwnedValue::Bool(_) => 8,
            OwnedValue::Text(text) => text.len(),
            OwnedValue::Bytes(bytes) => bytes.len(),
        }
    }
}

impl From<&Value<'_>> for OwnedValue {
    fn from(value: &Value<'_>) -> OwnedValue {
        match *value {
            Value::Null => OwnedValue::Null,
            Value::Int(number) => OwnedValue::Int(number),
            Value::Bool(yes) => OwnedValue::Bool(yes),
            Value::Text(text) => OwnedValue::Text(text.to_owned()),
            Value::Bytes(bytes) => OwnedValue::Bytes(bytes.to_owned()),
        }
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Value::Int(number)
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Value::Int(number.into())
    }
}

/// For positions and versions, which never come near the limit; a larger number is taken for `i64::MAX`.
impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<bool> for Value<'_> {
    fn from(yes: bool) -> Self {
        Value::Bool(yes)
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(instant: Timestamp) -> Self {
        Value::Int(instant.0)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::Text(text)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Value::Text(text)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Value::Bytes(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for Value<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Value::Bytes(bytes)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Value<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Value::Bytes(bytes)
    }
}

impl<'a> From<&'a Uuid> for Value<'a> {
    fn from(id: &'a Uuid) -> Self {
        Value::Bytes(id.as_bytes())
    }
}

impl<'a> From<&'a UserId> for Value<'a> {
    fn from(id: &'a UserId) -> Self {
        Value::from(&id.0)
    }
}

impl<'a> From<&'a SessionId> for Value<'a> {
    fn from(id: &'a SessionId) -> Self {
        Value::from(&id.0)
    }
}

impl<'a> From<&'a TemplateId> for Value<'a> {
    fn from(value: &'a TemplateId) -> Value<'a> {
        Value::Bytes(value.0.as_bytes())
    }
}

impl<'a> From<&'a PasskeyId> for Value<'a> {
    fn from(id: &'a PasskeyId) -> Self {
        Value::from(&id.0)
    }
}

impl<'a> From<&'a TokenId> for Value<'a> {
    fn from(id: &'a TokenId) -> Self {
        Value::from(&id.0)
    }
}

impl<'a> From<&'a IdentityId> for Value<'a> {
    fn from(id: &'a IdentityId) -> Self {
        Value::from(&id.0)
    }
}

impl<'a> From<&'a ChatId> for Value<'a> {
    fn from(id: &'a ChatId) -> Self {
        Value::from(&id.0)
    }
}

impl<'a> From<&'a InvitationId> for Value<'a> {
    fn from(id: &'a InvitationId) -> Value<'a> {
        (&id.0).into()
    }
}

impl<'a> From<&'a MessageId> for Value<'a> {
    fn from(id: &'a MessageId) -> Self {
        Value::from(&id.0)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(maybe: Option<T>) -> Self {
        maybe.map_or(Value::Null, T::into)
    }
}
