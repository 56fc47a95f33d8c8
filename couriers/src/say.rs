//! What a delivery says: its template found, what it refers to looked up, its secrets derived, all of it rendered.

use crate::courier::Courier;
use crate::error::Result;
use crate::render::{BuiltIn, Context, Rendered, Source, render};
use crate::unread;
use domain::delivery::{Content, Plain};
use domain::id::parse_uuid;
use domain::notify::notices::Reference;
use domain::notify::template;
use domain::{ChatId, TemplateId, UserId};
use projections::deliveries::Delivery;
use projections::recipients::Recipient;
use projections::{ProjectionId, chats, templates, users};
use serde_json::{Map, Value};
use store::MailedPurpose;

/// Names as they are shown of whom and what is not there any more.
const GONE: &str = "—";

/// What a delivery says to that person, or why it says nothing, for an operator.
pub(crate) async fn say(
    courier: &Courier,
    delivery: &Delivery,
    recipient: Option<&Recipient>,
    unsubscribe_url: Option<&str>,
) -> Result<std::result::Result<Rendered, String>> {
    let Some(details) = &delivery.details else { return Ok(Err("its details are forgotten".to_owned())) };
    let locale = details.locale.as_deref().or(recipient.map(|one| one.locale.as_str())).unwrap_or("en");
    let settings = &courier.settings;
    let context = Context {
        product: &settings.product,
        public_url: &settings.public_url,
        unsubscribe_url,
        time_zone: recipient.map_or("UTC", |one| one.time_zone.as_str()),
    };
    let variables = unread::resolved(courier, delivery.user_id, details.variables.clone()).await?;
    let variables = resolved(courier, &variables).await?;
    let rendered = match &delivery.content {
        Content::BuiltIn { template } => match BuiltIn::parse(template) {
            Some(built_in) => render(&Source::BuiltIn(built_in), locale, &variables, &context),
            None => return Ok(Err(format!("this version has no template {template}"))),
        },
        Content::Template { .. } if !courier.projections.has(ProjectionId::Templates) => {
            return Ok(Err("this server has no templates: its modules leave notifications out".to_owned()));
        }
        Content::Template { template_id, version } => {
            let db = courier.caught_up(ProjectionId::Templates, 0).await?;
            match templates::version(&db, TemplateId(*template_id), *version).await? {
                Some(found) => render(&Source::Template(&found.definition), locale, &variables, &context),
                None => return Ok(Err(format!("there is no version {version} of the template {template_id}"))),
            }
        }
        Content::Plain => match details.plain.as_ref().map(plain) {
            Some(content) => render(&Source::Plain(&content), locale, &variables, &context),
            None => return Ok(Err("it has neither a template nor a text".to_owned())),
        },
    };
    Ok(rendered.map_err(|error| error.to_string()))
}

fn plain(plain: &Plain) -> template::Content {
    let Plain { subject, text, html } = plain.clone();
    template::Content { subject, text: Some(text), html }
}

/// The variables with what they refer to.
async fn resolved(courier: &Courier, variables: &Map<String, Value>) -> Result<Map<String, Value>> {
    let mut all = Map::with_capacity(variables.len());
    for (name, value) in variables {
        let value = match Reference::of(value) {
            None => value.clone(),
            Some((reference, argument)) => Value::String(looked_up(courier, reference, argument).await?),
        };
        all.insert(name.clone(), value);
    }
    Ok(all)
}

async fn looked_up(courier: &Courier, reference: Reference, argument: &Value) -> Result<String> {
    let id = argument.as_str().and_then(parse_uuid);
    let found = match (reference, id) {
        (Reference::User, Some(id)) => {
            let db = courier.caught_up(ProjectionId::Users, 0).await?;
            users::by_id(&db, UserId(id)).await?.map(|account| account.display_name)
        }
        // Chats may be left out of this server.
        (Reference::Chat, Some(_)) if !courier.projections.has(ProjectionId::Chats) => None,
        (Reference::Chat, Some(id)) => {
            let db = courier.caught_up(ProjectionId::Chats, 0).await?;
            chats::by_id(&db, ChatId(id)).await?.map(|chat| chat.chat_name)
        }
        (Reference::Code, Some(id)) => Some(courier.keys.mailed_code(MailedPurpose::SignIn, id)),
        (Reference::Link, _) => link(courier, argument),
        // They are listed above, where there are any.
        (Reference::Messages, _) => None,
        (Reference::User | Reference::Chat | Reference::Code, None) => None,
    };
    Ok(found.unwrap_or_else(|| GONE.to_owned()))
}

/// `["c", "<hex of the payload>"]`
fn link(courier: &Courier, argument: &Value) -> Option<String> {
    let [letter, payload] = argument.as_array()?.as_slice() else { return None };
    let purpose = MailedPurpose::parse(letter.as_str()?)?;
    let payload = bytes(payload.as_str()?)?;
    Some(courier.link(purpose, &payload))
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.as_bytes();
    let byte = |two: &[u8]| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok();
    if digits.len().is_multiple_of(2) { digits.chunks_exact(2).map(byte).collect() } else { None }
}
