//! Which messages of a notice its recipient can read now and has not.

use crate::courier::Courier;
use crate::error::Result;
use domain::UserId;
use domain::digest::ForThem;
use domain::notify::notices::Reference;
use projections::deliveries::Delivery;
use projections::{ProjectionId, chats, messages};
use serde_json::{Map, Value, json};

/// The variable of the template that names them, and the one that counts all of them.
const ITEMS: &str = "items";
const TOTAL: &str = "total";
/// So many characters of each are told.
const CHARACTERS_MAX: usize = 500;

/// Whether a notice of what is unread has become one of nothing: all that it names was read or is gone.
pub(crate) async fn is_read(courier: &Courier, delivery: &Delivery) -> Result<bool> {
    let Some(details) = &delivery.details else { return Ok(false) };
    match details.variables.get(ITEMS).and_then(Reference::of) {
        Some((Reference::Messages, list)) => Ok(left(courier, delivery.user_id, list).await?.is_empty()),
        Some(_) | None => Ok(false),
    }
}

/// The variables with those messages in place of the reference, and without the others in their number.
pub(crate) async fn resolved(
    courier: &Courier,
    user_id: UserId,
    mut variables: Map<String, Value>,
) -> Result<Map<String, Value>> {
    let Some((Reference::Messages, list)) = variables.get(ITEMS).and_then(Reference::of) else {
        return Ok(variables);
    };
    let named = named(list).len() as u64;
    let left = left(courier, user_id, list).await?;
    let gone = named - left.len() as u64;
    let total = variables.get(TOTAL).and_then(Value::as_u64).unwrap_or(named);
    variables.insert(TOTAL.to_owned(), json!(total.saturating_sub(gone)));
    variables.insert(ITEMS.to_owned(), Value::Array(left));
    Ok(variables)
}

fn named(list: &Value) -> Vec<ForThem> {
    serde_json::from_value(list.clone()).unwrap_or_default()
}

async fn left(courier: &Courier, user_id: UserId, list: &Value) -> Result<Vec<Value>> {
    if !courier.projections.has(ProjectionId::Chats) {
        return Ok(Vec::new());
    }
    let chats = courier.caught_up(ProjectionId::Chats, 0).await?;
    let texts = courier.caught_up(ProjectionId::Messages, 0).await?;
    let mut left = Vec::new();
    for ForThem { why, chat_id, message_id } in named(list) {
        let Some(read_up_to) = chats::read_up_to(&chats, chat_id, user_id).await? else { continue };
        let Some(message) = messages::one(&texts, chat_id, message_id).await? else { continue };
        // What is hidden is told to nobody, and leaves the house least of all.
        if message.hidden || message.position <= read_up_to {
            continue;
        }
        let author = message.user_name.or(message.display_name).unwrap_or_default();
        let text = message.text.chars().take(CHARACTERS_MAX).collect::<String>();
        let mut item = json!({"kind": why, "author": author, "text": text});
        if let Some(chat) = chats::by_id(&chats, chat_id).await?.filter(|chat| !chat.direct) {
            item["chat"] = Value::String(chat.chat_name);
        }
        left.push(item);
    }
    Ok(left)
}
