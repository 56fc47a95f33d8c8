//! What operations refer to by name: headers, parameters, ways to authenticate, and the words that a value may be.

use crate::auth::credentials::COOKIE_NAME;
use crate::error::Code;
use crate::http::cursor::CURSOR_MAX;
use crate::http::idempotency::KEY_MAX;
use crate::http::params::{LIMIT_DEFAULT, LIMIT_MAX};
use domain::notify::quiet::Day;
use domain::notify::{Channel, Kind, QuietRule, Semantics};
use domain::session::Way;
use domain::suppression::Reason;
use domain::{chat, report, token, user};
use projections::State as ProjectionState;
use serde_json::{Value, json};
use std::fmt::Write;

/// What the `Authorization` header holds.
const BEARER: &str = "The `session_id` of a session, or a service token (`letopis_…`). A service token with the scope \
                      `read` may GET, one with `write` may do the rest; what secures an account takes sessions only. \
                      `Authorization: session_id <token>` works as well.";
const COOKIE: &str = "Set by signing in with `\"cookie\": true`. A page of another site cannot write with it.";

/// All of them, but for the schemas of bodies.
pub(super) fn components() -> Value {
    json!({
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer", "description": BEARER},
            "cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE_NAME, "description": COOKIE},
        },
        "headers": headers(),
        "parameters": parameters(),
        "responses": {},
        "schemas": words(),
    })
}

fn headers() -> Value {
    json!({
        "X-Request-Id": {
            "description": "The id of the request, to quote when asking for help.",
            "required": true,
            "schema": request_id(),
            "example": "0197c1a2-7d3e-7b6a-9c55-2f8e4c1d0a77",
        },
        "Letopis-Position": {
            "description": "After a write: the log position of the last event written. After a read: how far the read \
                            model is.",
            "required": true,
            "schema": position(),
            "example": 42,
        },
        "ETag": {
            "description": "The version that is shown or was written, for `If-Match` and `If-None-Match`.",
            "schema": {"type": "string"},
            "example": "\"3\"",
        },
        "Idempotency-Replayed": {
            "description": "Present when this is the first answer again, to a repeated `Idempotency-Key`.",
            "schema": {"type": "string", "enum": ["true"]},
        },
        "Retry-After": {
            "description": "Seconds to wait before the next try.",
            "schema": {"type": "integer", "minimum": 0},
            "example": 1,
        },
        "RateLimit": {
            "description": "How many requests are left (`r`) of the limit that counted this one, and in how many seconds (`t`) \
                            all of it is free again. Absent when the server limits nothing.",
            "schema": {"type": "string"},
            "example": "\"caller\";r=199;t=1",
        },
        "RateLimit-Policy": {
            "description": "That limit: how many requests at once (`q`), and in how many seconds (`w`) it fills up again.",
            "schema": {"type": "string"},
            "example": "\"caller\";q=200;w=2",
        },
        "WWW-Authenticate": {
            "description": "How to authenticate, and what was wrong with the token (RFC 6750).",
            "schema": {"type": "string"},
            "example": "Bearer realm=\"letopis\", error=\"invalid_token\"",
        },
    })
}

fn parameters() -> Value {
    let id = json!({"type": "string", "format": "uuid"});
    json!({
        "chat_id": {
            "name": "chat_id", "in": "path", "required": true, "schema": id,
            "description": "The chat.",
        },
        "message_id": {
            "name": "message_id", "in": "path", "required": true, "schema": id,
            "description": "A message of this chat.",
        },
        "user_id": {
            "name": "user_id", "in": "path", "required": true, "schema": id,
            "description": "The user.",
        },
        "task_id": {
            "name": "task_id", "in": "path", "required": true, "schema": id,
            "description": "The task's id, from the answer that created it.",
        },
        "limit": {
            "name": "limit", "in": "query",
            "schema": {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT},
            "description": "Most entries on one page.",
        },
        "from": {
            "name": "from", "in": "query",
            "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$", "maxLength": CURSOR_MAX},
            "description": "`next.iterator` of the page before. It belongs to this list in this order.",
        },
        "min_position": {
            "name": "min_position", "in": "query", "schema": position(),
            "description": "The answer must include at least this log position: the server waits for it, at most \
                            2 s.",
        },
        "Letopis-Min-Position": {
            "name": "Letopis-Min-Position", "in": "header", "schema": position(),
            "description": "The same as `min_position`.",
        },
        "Idempotency-Key": {
            "name": "Idempotency-Key", "in": "header",
            "schema": {"type": "string", "minLength": 1, "maxLength": KEY_MAX},
            "description": "Makes a repeat safe: the same key with the same request gets the first answer again, for at \
                            least 24 hours. Any text that you use once, such as a UUID.",
        },
        "If-Match": {
            "name": "If-Match", "in": "header", "schema": {"type": "string"},
            "description": "The `ETag` of the version that you have read, several of them, or `*`. If none is current, \
                            nothing is changed and the answer is 412.",
        },
        "If-None-Match": {
            "name": "If-None-Match", "in": "header", "schema": {"type": "string"},
            "description": "The `ETag` of your copy. If it is current, the answer is 304 without a body.",
        },
        "X-Request-Id": {
            "name": "X-Request-Id", "in": "header", "schema": request_id(),
            "description": "An id of your own for this request. It comes back in the answer and is kept with the events \
                            that the request causes.",
        },
    })
}

fn position() -> Value {
    json!({"type": "integer", "format": "int64", "minimum": 0})
}

fn request_id() -> Value {
    json!({"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"})
}

/// Schemas of values that are one of a few words.
fn words() -> Value {
    let word =
        |description: &str, words: Vec<&str>| json!({"type": "string", "description": description, "enum": words});
    let building = ["building"].into_iter();
    json!({
        "ErrorCode": word(&codes(), Code::ALL.iter().map(|code| code.text()).collect()),
        "ChatRole": word(
            "`owner` can do everything; `admin` renames, archives, adds, removes, mutes; `member` reads and writes; \
             `muted` reads.",
            chat::Role::ALL.map(chat::Role::name).to_vec(),
        ),
        "ReportState": word("`open`, or `resolved`.", vec!["open", "resolved"]),
        "ReportAction": word(
            "`dismiss`: everybody sees the message; `hide`: only those who can resolve reports see it; `delete`: it is \
             deleted; `ban`: it is hidden, and its author banned from the chat.",
            report::Action::ALL.map(report::Action::name).to_vec(),
        ),
        "UserRole": word(
            "`user` for most people; `notifier` may send notifications; `moderator` sees and \
             resolves reports, and suspends accounts; `admin` may do everything that HTTP allows.",
            user::Role::ALL.map(user::Role::name).to_vec(),
        ),
        "TokenScope": word(
            "`read` allows GET, `write` every other method, `notify` sending notifications.",
            token::Scope::ALL.map(token::Scope::name).to_vec(),
        ),
        "Day": word("A day of the week.", Day::ALL.iter().map(|day| day.name()).collect()),
        "NotificationChannel": word(
            "`email` to your confirmed address; `inbox` here; `live` to open streams, as the inbox changes; `webhook` to \
             the one address of the settings.",
            Channel::ALL.iter().map(|channel| channel.name()).collect(),
        ),
        "NotificationKind": word(
            "`security` so that you notice when somebody else acts in your name; `transactional` because you or people \
             whom you deal with caused it; `marketing` because somebody wants you to know.",
            Kind::ALL.iter().map(|kind| kind.name()).collect(),
        ),
        "QuietRule": word(
            "`defer` waits for the end of quiet hours, `bypass` does not.",
            QuietRule::ALL.iter().map(|rule| rule.name()).collect(),
        ),
        "DeliverySemantics": word(
            "`at-least-once`: nobody is skipped; `at-most-once`: nobody gets it twice.",
            Semantics::ALL.iter().map(|semantics| semantics.name()).collect(),
        ),
        "SuppressionCause": word(
            "`hard-bounce`: there is no such address; `repeated-soft-bounces`: it takes nothing for long; `complaint`: its \
             owner says that it is spam; `manual`: somebody who may has said so.",
            Reason::ALL.iter().map(|reason| reason.name()).collect(),
        ),
        "Way": word(
            "`password`; `mail`, by a code or link that was mailed; `external`, by another service; `passkey`; and beside one \
             of them `totp`, a code that a device makes, or `recovery-code`.",
            Way::ALL.map(Way::name).to_vec(),
        ),
        "NodeRole": word("What a node does of the work.", node::Role::ALL.map(node::Role::name).to_vec()),
        "ProjectionState": word(
            "`running` is well; `stopped` has met an event that it cannot apply; an operator has `paused` it or is \
             `rebuilding` it; `building` happens before the node serves.",
            ProjectionState::ALL.map(ProjectionState::as_str).into_iter().chain(building).collect(),
        ),
    })
}

/// The table of codes.
fn codes() -> String {
    let mut text = String::from(
        "What went wrong, for programs. Codes are stable.\n\n| code | status | meaning |\n|---|---|---|\n",
    );
    for code in Code::ALL {
        // Writing into a string does not fail.
        let _ = writeln!(text, "| `{}` | {} | {} |", code.text(), code.status().as_u16(), code.title());
    }
    text
}
