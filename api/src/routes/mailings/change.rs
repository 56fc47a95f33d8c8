//! What is to be changed of a draft.

use super::request::{AudienceRequest, MailingRequest};
use crate::error::{Code, Error};
use crate::routes::outgoing::{PlainContent, RepeatedBy, TemplateName, channels};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// What is to be changed of a draft: a field that is left out stays, one that is `null` is as if it had never been given.
#[derive(Default, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = MailingChange, example = json!({"name": "Summer news", "per_second_max": null}))]
pub(super) struct MailingChange {
    #[serde(skip_serializing_if = "Field::is_left_out")]
    #[schema(value_type = Option<String>)]
    name: Field,
    #[serde(skip_serializing_if = "Field::is_left_out")]
    #[schema(value_type = Option<TemplateName>)]
    template: Field,
    #[serde(skip_serializing_if = "Field::is_left_out")]
    #[schema(value_type = Option<PlainContent>)]
    content: Field,
    #[serde(skip_serializing_if = "Field::is_left_out")]
    #[schema(value_type = Option<String>)]
    category: Field,
    #[serde(skip_serializing_if = "Field::is_left_out")]
    #[schema(value_type = Option<AudienceRequest>)]
    audience: Field,
    #[serde(skip_serializing_if = "Field::is_left_out")]
    #[schema(schema_with = channels)]
    channels: Field,
    #[serde(skip_serializing_if = "Field::is_left_out")]
    #[schema(value_type = Option<Object>)]
    variables: Field,
    #[serde(skip_serializing_if = "Field::is_left_out")]
    #[schema(value_type = Option<String>)]
    variables_url: Field,
    #[serde(skip_serializing_if = "Field::is_left_out")]
    #[schema(value_type = Option<String>, format = DateTime)]
    send_at: Field,
    #[serde(skip_serializing_if = "Field::is_left_out")]
    #[schema(value_type = Option<RepeatedBy>)]
    schedule: Field,
    #[serde(skip_serializing_if = "Field::is_left_out")]
    #[schema(value_type = Option<u32>)]
    per_second_max: Field,
    #[serde(skip_serializing_if = "Field::is_left_out")]
    #[schema(value_type = Option<u32>)]
    expires_in: Field,
}

/// A field of a change; none where it is left out, which is not the same as `null`.
#[derive(Default, Serialize)]
struct Field(Option<Value>);

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Field, D::Error> {
        Value::deserialize(deserializer).map(|value| Field(Some(value)))
    }
}

impl Field {
    fn is_left_out(&self) -> bool {
        self.0.is_none()
    }
}

/// What takes the place of what: one of each pair is there.
const INSTEAD: [(&str, &str); 2] = [("template", "content"), ("send_at", "schedule")];

impl MailingChange {
    /// The draft with what this says of it.
    ///
    /// # Errors
    /// What of it is not well formed.
    pub(super) fn of(&self, draft: &MailingRequest) -> Result<MailingRequest, Error> {
        let (mut whole, change) = (fields(draft)?, fields(self)?);
        for (one, other) in INSTEAD.into_iter().flat_map(|(one, other)| [(one, other), (other, one)]) {
            if change.get(one).is_some_and(|value| !value.is_null()) {
                whole.remove(other);
            }
        }
        // Its channels and its time to be of use were those of the category, where nothing is said of them.
        for (name, value) in change {
            if value.is_null() {
                whole.remove(&name);
            } else {
                whole.insert(name, value);
            }
        }
        MailingRequest::parse(whole)
    }
}

fn fields(of: &impl Serialize) -> Result<Map<String, Value>, Error> {
    match serde_json::to_value(of) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(Error::other_answer()),
        Err(error) => Err(Error::ours(&error, Code::Internal)),
    }
}
