//! All that is known of one person, as lines of JSON. It is read and sent page by page: it may be more than fits
//! into memory.

use crate::app::App;
use crate::error::{Code, Error};
use crate::http::address::ClientAddress;
use crate::http::ndjson::{self, EndedEarly, Lines};
use axum::response::Response;
use domain::{Personal, Timestamp, UserId, VERIFIERS, totp};
use projections::deliveries::DeliveryFilter;
use projections::{
    ProjectionId, Projections, chats, deliveries, identities, mailings, passkeys, sessions, sign_ins, tokens, users,
};
use serde_json::{Value, json};
use std::sync::Arc;
use store::sql::Database;
use store::{Filter, Log, Record, now};
use tokio::sync::Semaphore;

/// Rows that are read at once.
const PAGE: u32 = 500;
/// Events that are read at once: each has at most 64 KiB, and six times that as JSON.
const EVENTS_PAGE: u32 = 20;
/// What an export counts of the bytes of answers, from its beginning to its end: a page of events, and the parts.
const BYTES_HELD: usize = 8 * 1024 * 1024;
/// Each reads through the whole log once: so many at a time, one more is refused as overloaded.
static PLACES: Semaphore = Semaphore::const_new(2);

/// The answer; it goes on being written after it is returned.
pub(crate) async fn of(
    app: App,
    user_id: UserId,
    ClientAddress(address): ClientAddress,
    min_position: u64,
) -> Result<Response, Error> {
    let place = PLACES.try_acquire();
    let place =
        place.map_err(|_| Error::new(Code::Overloaded, "too many exports are running; try again in a moment"))?;
    let held = app.budget.take(address, BYTES_HELD, Some(place))?;
    let users = app.read(ProjectionId::Users, min_position).await?;
    let account = users::by_id(&users.database, user_id).await?.ok_or_else(Error::gone)?;
    let read = [
        ProjectionId::Sessions,
        ProjectionId::Tokens,
        ProjectionId::Passkeys,
        ProjectionId::Identities,
        ProjectionId::SignIns,
        ProjectionId::Chats,
        ProjectionId::Deliveries,
        ProjectionId::Mailings,
    ];
    for name in read.into_iter().filter(|name| app.projections.has(*name)) {
        app.read(name, min_position).await?;
    }
    let factor = app.totp(user_id).await?.factor;
    let up_to = app.log.head()?.position;
    let (mut lines, body) = ndjson::channel();
    // Until both the last part is taken and nothing more is read.
    let until_read = Arc::clone(&held);
    tokio::spawn(async move {
        let _held = until_read;
        let written = write(&app, &account, factor.as_ref(), up_to, &mut lines).await;
        lines.end(written);
    });
    Ok(ndjson::answer(body, "letopis.ndjson", up_to, held))
}

async fn write(
    app: &App,
    account: &users::Account,
    factor: Option<&totp::Factor>,
    up_to: u64,
    out: &mut Lines,
) -> Result<(), EndedEarly> {
    let user_id = account.user_id;
    out.say([profile(account)]).await?;
    let database = app.projections.database(ProjectionId::Sessions);
    write_sessions(&database, user_id, out).await?;
    let database = app.projections.database(ProjectionId::Tokens);
    out.say(tokens::of_user(&database, user_id, now()).await?.iter().map(token)).await?;
    out.say(factor.map(second_factor)).await?;
    if app.projections.has(ProjectionId::Identities) {
        let database = app.projections.database(ProjectionId::Identities);
        out.say(identities::of_user(&database, user_id).await?.iter().map(identity)).await?;
    }
    let database = app.projections.database(ProjectionId::Passkeys);
    out.say(passkeys::of_user(&database, user_id).await?.iter().map(passkey)).await?;
    write_sign_ins(&app.projections.database(ProjectionId::SignIns), user_id, out).await?;
    if app.projections.has(ProjectionId::Chats) {
        write_chats(&app.projections.database(ProjectionId::Chats), user_id, out).await?;
    }
    write_deliveries(&app.projections, user_id, out).await?;
    write_events(&app.log, user_id, up_to, out).await?;
    out.say([json!({"kind": "end", "position": up_to})]).await
}

async fn write_sessions(db: &Database, user_id: UserId, out: &mut Lines) -> Result<(), EndedEarly> {
    let mut before = None;
    loop {
        let page = sessions::of_user(db, user_id, Timestamp(0), before).await?;
        out.say(page.iter().map(session)).await?;
        before = page.last().map(|row| (row.created_at, row.session_id));
        if page.len() < sessions::LISTED_MAX {
            return Ok(());
        }
    }
}

async fn write_sign_ins(db: &Database, user_id: UserId, out: &mut Lines) -> Result<(), EndedEarly> {
    let mut before = None;
    loop {
        let page = sign_ins::of_user(db, user_id, before, PAGE).await?;
        out.say(page.iter().map(sign_in)).await?;
        match page.last() {
            Some(last) if page.len() == PAGE as usize => before = Some(last.position),
            Some(_) | None => return Ok(()),
        }
    }
}

async fn write_chats(db: &Database, user_id: UserId, out: &mut Lines) -> Result<(), EndedEarly> {
    let mut after = 0;
    loop {
        let page = chats::joined(db, user_id, after, PAGE).await?;
        let mut lines = Vec::with_capacity(page.len());
        for (_, chat_id, role) in &page {
            let Some(chat) = chats::by_id(db, *chat_id).await? else { continue };
            let me = chats::member(db, *chat_id, user_id).await?;
            let direct = chats::direct(db, *chat_id, user_id).await?;
            lines.push(json!({
                "kind": "chat", "chat_id": chat_id, "chat_name": chat.chat_name, "private": chat.private, "role": role,
                "direct_with": direct.map(|with| with.user_id),
                "user_name": me.as_ref().and_then(|me| me.user_name.as_deref()),
                "joined_at": me.as_ref().map(|me| me.joined_at),
            }));
        }
        out.say(lines).await?;
        match page.last() {
            Some((position, ..)) if page.len() == PAGE as usize => after = *position,
            Some(_) | None => return Ok(()),
        }
    }
}

/// What they were told, and by which mailing.
async fn write_deliveries(projections: &Projections, user_id: UserId, out: &mut Lines) -> Result<(), EndedEarly> {
    let db = projections.database(ProjectionId::Deliveries);
    let of_mailings = projections.has(ProjectionId::Mailings).then(|| projections.database(ProjectionId::Mailings));
    let filter = DeliveryFilter { user_id: Some(user_id), ..DeliveryFilter::default() };
    let mut before = None;
    loop {
        let page = deliveries::list(&db, filter, before, PAGE).await?;
        let mut lines = Vec::with_capacity(page.len());
        for row in &page {
            let mailing = match &of_mailings {
                Some(db) => mailings::name_of(db, row.notification_id).await?,
                None => None,
            };
            lines.push(json!({
                "kind": "delivery", "delivery_id": row.delivery_id, "notification_id": row.notification_id,
                "mailing": mailing, "category": row.category, "channel": row.channel, "state": row.status,
                "at": row.requested_at,
            }));
        }
        out.say(lines).await?;
        match page.last() {
            Some(last) if page.len() == PAGE as usize => before = Some(last.position),
            Some(_) | None => return Ok(()),
        }
    }
}

async fn write_events(log: &Log, user_id: UserId, up_to: u64, out: &mut Lines) -> Result<(), EndedEarly> {
    let mut after = 0;
    while after < up_to {
        let filter = Filter { after, up_to: Some(up_to), user: Some(user_id), ..Filter::default() };
        let log = log.clone();
        let read = tokio::task::spawn_blocking(move || -> Result<(Vec<Value>, u64), store::Error> {
            let records = log.read_filtered(&filter, EVENTS_PAGE as usize)?;
            let last =
                records.last().filter(|_| records.len() == EVENTS_PAGE as usize).map_or(up_to, |last| last.position);
            let lines = records.iter().map(|record| event(&log, user_id, record)).collect::<Result<_, _>>()?;
            Ok((lines, last))
        });
        let (lines, last) = read.await.map_err(|_| EndedEarly::Panicked)??;
        out.say(lines).await?;
        after = last;
    }
    Ok(())
}

fn profile(account: &users::Account) -> Value {
    json!({
        "kind": "profile", "user_id": account.user_id, "user_name": account.user_name,
        "display_name": account.display_name, "email": account.email, "time_zone": account.time_zone,
        "locale": account.locale, "role": account.role, "created_at": account.created_at,
    })
}

fn session(session: &sessions::Session) -> Value {
    json!({
        "kind": "session", "id": session.session_id, "device": session.device, "address": session.address,
        "created_at": session.created_at, "expires_at": session.expires_at, "proofs": session.proofs,
    })
}

fn token(token: &tokens::Token) -> Value {
    json!({
        "kind": "token", "id": token.token_id, "name": token.name, "scopes": token.scopes,
        "created_at": token.created_at, "expires_at": token.expires_at,
    })
}

fn second_factor(factor: &totp::Factor) -> Value {
    json!({
        "kind": "second-factor", "factor": "totp", "since": factor.since, "recovery_codes_left": factor.codes.len(),
    })
}

fn identity(identity: &identities::Identity) -> Value {
    json!({
        "kind": "identity", "id": identity.identity_id, "provider": identity.provider, "issuer": identity.issuer,
        "subject": identity.subject, "email": identity.email, "name": identity.name, "linked_at": identity.linked_at,
    })
}

fn passkey(passkey: &passkeys::Passkey) -> Value {
    json!({
        "kind": "second-factor", "factor": "passkey", "id": passkey.passkey_id, "name": passkey.name,
        "since": passkey.created_at,
    })
}

fn sign_in(sign_in: &sign_ins::SignIn) -> Value {
    json!({
        "kind": "sign-in", "at": sign_in.at, "succeeded": sign_in.succeeded, "count": sign_in.count,
        "device": sign_in.device, "address": sign_in.address, "session_id": sign_in.session_id,
        "proofs": sign_in.proofs,
    })
}

/// An event that is about me or was done by me. What is sealed in it is told when it is mine: who adds another to a
/// chat does not own that one's name. What a password or a token is checked against is told to nobody.
fn event(log: &Log, user_id: UserId, record: &Record) -> Result<Value, store::Error> {
    let mut payload: Value = serde_json::from_str(&record.payload).unwrap_or_default();
    if let Some(fields) = payload.as_object_mut() {
        fields.remove("token_hash");
        if record.name.starts_with("totp.") {
            fields.remove("code");
            fields.remove("codes");
        }
    }
    let mine = record.subject == Some(user_id) && !VERIFIERS.contains(&record.name.as_str());
    let personal = if mine { log.personal(record)?.and_then(Personal::into_known) } else { None };
    let mut line = json!({
        "kind": "event", "position": record.position, "type": record.name, "stream": record.stream,
        "at": record.recorded_at, "payload": payload,
    });
    if let (Some(personal), Some(line)) = (personal, line.as_object_mut()) {
        // A message's text is sealed as it stands, everything else as JSON.
        let value = if record.name.starts_with("message.") {
            Value::String(personal)
        } else {
            serde_json::from_str(&personal).unwrap_or_default()
        };
        line.insert("personal".to_owned(), value);
    }
    Ok(line)
}
