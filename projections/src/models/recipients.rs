//! Recipients: of each person all that is needed to tell them something or to leave it, in one row; which chats they are
//! in; and the addresses that get nothing.

mod queries;

pub use queries::{
    Audience, IDS_MAX, Recipient, Suppressed, by_id, by_ids, count, page, suppressed, suppressions, which_in_chat,
    which_suppressed,
};

use crate::ProjectionId;
use crate::engine::definition::Definition;
use crate::engine::fold::Fold;
use crate::engine::table::{Key, Table};
use domain::notify::Preferences;
use domain::notify::preferences::{self, Preferred};
use domain::text::Email;
use domain::{
    ChatId, Personal, PreferencesId, SessionId, SuppressionId, Timestamp, UserId, chat, session, suppression, user,
};
use store::sql::{Tx, Value};
use store::{Fact, Keys};

pub(crate) const DEFINITION: Definition = Definition {
    id: ProjectionId::Recipients,
    name: "recipients",
    version: 2,
    tables: TABLES,
    indexes: INDEXES,
    compared: COMPARED,
    guards: false,
    folds: &[
        Fold::User(apply_user),
        Fold::Session(apply_session),
        Fold::Chat(apply_chat),
        Fold::Preferences(apply_preferences),
        Fold::Suppression(apply_suppression),
    ],
};

const TABLES: &str = "
    create table recipient (
        user_id bytea primary key,
        user_name text not null,
        display_name text not null,
        email text,
        email_confirmed boolean not null,
        time_zone text not null,
        locale text not null,
        role text not null,
        created_at bigint not null,
        signed_in_at bigint,
        suspended_until bigint,
        preferences text not null,
        preferences_version bigint not null
    ) without rowid;
    create table chat_member (
        chat_id bytea not null,
        user_id bytea not null,
        primary key (chat_id, user_id)
    ) without rowid;
    create index if not exists chat_member_by_user on chat_member (user_id);
    create table suppressed (
        address_hash bytea primary key,
        address text,
        note text,
        reason text not null,
        at bigint not null,
        version bigint not null,
        position bigint not null
    );
";

const INDEXES: &str = "
    create index if not exists recipient_by_role on recipient (role, user_id);
    create unique index if not exists suppressed_by_position on suppressed (position);
";

const COMPARED: &[Table] = &[
    Table {
        name: "recipient",
        key: &[Key::Id("user_id")],
        columns: &[
            "user_name",
            "display_name",
            "email",
            "email_confirmed",
            "time_zone",
            "locale",
            "role",
            "created_at",
            "signed_in_at",
            "suspended_until",
            "preferences",
            "preferences_version",
        ],
    },
    Table { name: "chat_member", key: &[Key::Id("chat_id"), Key::Id("user_id")], columns: &[] },
    Table {
        name: "suppressed",
        key: &[Key::Number("position")],
        columns: &["address_hash", "address", "note", "reason", "at", "version"],
    },
];

/// Under what an address is suppressed: upper and lower case are one.
pub fn suppression_id(keys: &Keys, address: &Email) -> SuppressionId {
    SuppressionId(keys.keyed_hash("suppressed address", &[address.canonical().as_bytes()]))
}

fn apply_user(tx: &mut Tx<'_>, _: &Fact, user_id: UserId, event: &user::Event) -> Result<(), store::Error> {
    match event {
        user::Event::SignedUp(signed_up) => insert(tx, user_id, signed_up),
        user::Event::ProfileChanged(changed) => tx.queue(
            "update recipient set display_name = coalesce($2, display_name), time_zone = $3, locale = $4
             where user_id = $1",
            &[
                (&user_id).into(),
                changed.display_name.known().map(|name| name.as_str()).into(),
                changed.time_zone.as_str().into(),
                changed.locale.as_str().into(),
            ],
        ),
        user::Event::RoleSet(set) => {
            tx.queue("update recipient set role = $2 where user_id = $1", &[(&user_id).into(), set.role.name().into()])
        }
        user::Event::Erased => {
            tx.queue("delete from chat_member where user_id = $1", &[(&user_id).into()])?;
            tx.queue("delete from recipient where user_id = $1", &[(&user_id).into()])
        }
        user::Event::NameChosen(chosen) => tx.queue(
            "update recipient set user_name = coalesce($2, user_name) where user_id = $1",
            &[(&user_id).into(), chosen.user_name.known().map(|name| name.as_str()).into()],
        ),
        // The confirmed address counts until the other one is confirmed too.
        user::Event::EmailChangeRequested(requested) => tx.queue(
            "update recipient set email = case when email_confirmed then email else $2 end where user_id = $1",
            &[(&user_id).into(), requested.email.known().map(|email| email.as_str()).into()],
        ),
        user::Event::EmailConfirmed(confirmed) => tx.queue(
            "update recipient set email = $2, email_confirmed = $3 where user_id = $1",
            &[(&user_id).into(), confirmed.personal.known().map(|known| known.email.as_str()).into(), true.into()],
        ),
        user::Event::Suspended(suspended) => {
            // Where somebody has to lift it, it ends with time itself.
            let until = suspended.until.unwrap_or(Timestamp(i64::MAX));
            tx.queue("update recipient set suspended_until = $2 where user_id = $1", &[(&user_id).into(), until.into()])
        }
        user::Event::Unsuspended(_) => {
            tx.queue("update recipient set suspended_until = null where user_id = $1", &[(&user_id).into()])
        }
        user::Event::NameGiven
        | user::Event::PasswordChanged(_)
        | user::Event::VerifierReplaced(_)
        | user::Event::SignInsFailed(_)
        | user::Event::SessionsEnded(_)
        | user::Event::TokensRevoked => Ok(()),
    }
}

fn insert(tx: &mut Tx<'_>, user_id: UserId, signed_up: &user::SignedUp) -> Result<(), store::Error> {
    // A person whose names are erased is erased further on in the log.
    let Personal::Known(names) = &signed_up.personal else {
        return Ok(());
    };
    tx.queue(
        "insert into recipient (user_id, user_name, display_name, email, email_confirmed, time_zone, locale, role,
             created_at, signed_in_at, suspended_until, preferences, preferences_version)
         values ($1, $2, $2, $3, $4, $5, $6, $7, $8, null, null, $9, 0)",
        &[
            (&user_id).into(),
            names.user_name.as_str().into(),
            names.email.as_ref().map(|email| email.as_str()).into(),
            false.into(),
            domain::text::TimeZone::default().as_str().into(),
            domain::text::Locale::default().as_str().into(),
            user::Role::default().name().into(),
            signed_up.at.into(),
            json(&Preferences::default()).as_str().into(),
        ],
    )
}

fn apply_session(tx: &mut Tx<'_>, _: &Fact, _: SessionId, event: &session::Event) -> Result<(), store::Error> {
    match event {
        session::Event::SignedIn(signed_in) => tx.queue(
            "update recipient set signed_in_at = $2 where user_id = $1",
            &[(&signed_in.user_id).into(), signed_in.at.into()],
        ),
        session::Event::Ended(_) => Ok(()),
    }
}

fn apply_chat(tx: &mut Tx<'_>, _: &Fact, chat_id: ChatId, event: &chat::Event) -> Result<(), store::Error> {
    let (come, gone) = match event {
        chat::Event::MemberJoined(joined) => (Some(joined.user_id), None),
        chat::Event::MemberAdded(added) => (Some(added.user_id), None),
        chat::Event::MemberLeft(left) => (None, Some(left.user_id)),
        chat::Event::MemberRemoved(removed) => (None, Some(removed.user_id)),
        chat::Event::Deleted(_) => {
            return tx.queue("delete from chat_member where chat_id = $1", &[(&chat_id).into()]);
        }
        chat::Event::Created(_)
        | chat::Event::Banned(_)
        | chat::Event::Unbanned(_)
        | chat::Event::InvitationMade(_)
        | chat::Event::InvitationWithdrawn(_)
        | chat::Event::DirectOpened(_)
        | chat::Event::Hidden(_)
        | chat::Event::Shown(_)
        | chat::Event::Renamed(_)
        | chat::Event::Archived(_)
        | chat::Event::Unarchived(_)
        | chat::Event::NicknameChanged(_)
        | chat::Event::RoleChanged(_) => (None, None),
    };
    if let Some(user_id) = come {
        tx.queue(
            "insert into chat_member (chat_id, user_id) values ($1, $2) on conflict (chat_id, user_id) do nothing",
            &[(&chat_id).into(), (&user_id).into()],
        )?;
    }
    if let Some(user_id) = gone {
        tx.queue(
            "delete from chat_member where chat_id = $1 and user_id = $2",
            &[(&chat_id).into(), (&user_id).into()],
        )?;
    }
    Ok(())
}

fn apply_preferences(
    tx: &mut Tx<'_>,
    fact: &Fact,
    id: PreferencesId,
    event: &preferences::Event,
) -> Result<(), store::Error> {
    let user_id = UserId::from(id);
    let params: [Value<'_>; 2] = [(&user_id).into(), fact.version.into()];
    tx.queue("update recipient set preferences_version = $2 where user_id = $1", &params)?;
    // The rules of the aggregate say what a fact makes of what was wanted so far.
    let sql = "select preferences from recipient where user_id = $1";
    let known = tx.row(sql, &[(&user_id).into()], |row| Ok(read(row.text(0)?)))?;
    let Some(known) = known else { return Ok(()) };
    let mut state = preferences::State { preferences: known };
    preferences::evolve(&mut state, event);
    match event {
        preferences::Event::TimeZoneChanged | preferences::Event::Set(Preferred { preferences: Personal::Erased }) => {
            Ok(())
        }
        preferences::Event::Set(_) | preferences::Event::Unsubscribed(_) => tx.queue(
            "update recipient set preferences = $2 where user_id = $1",
            &[(&user_id).into(), json(&state.preferences).as_str().into()],
        ),
    }
}

fn apply_suppression(
    tx: &mut Tx<'_>,
    fact: &Fact,
    id: SuppressionId,
    event: &suppression::Event,
) -> Result<(), store::Error> {
    match event {
        suppression::Event::Suppressed(suppressed) => {
            let address = suppressed.address.known();
            // One of before keeps its place in the list, so that it does not move under who pages through it.
            tx.queue(
                "insert into suppressed (address_hash, address, note, reason, at, version, position)
                 values ($1, $2, $3, $4, $5, $6, $7)
                 on conflict (address_hash) do update set address = excluded.address, note = excluded.note,
                     reason = excluded.reason, at = excluded.at, version = excluded.version",
                &[
                    (&id.0).into(),
                    address.map(|address| address.email.as_str()).into(),
                    address.and_then(|address| address.note.as_ref()).map(|note| note.as_str()).into(),
                    suppressed.reason.name().into(),
                    suppressed.at.into(),
                    fact.version.into(),
                    fact.position.into(),
                ],
            )
        }
        suppression::Event::Unsuppressed(_) => {
            tx.queue("delete from suppressed where address_hash = $1", &[(&id.0).into()])
        }
        suppression::Event::AddressForgotten => tx.queue(
            "update suppressed set address = null, note = null, version = $2 where address_hash = $1",
            &[(&id.0).into(), fact.version.into()],
        ),
    }
}

fn json(preferences: &Preferences) -> String {
    serde_json::to_string(preferences).expect("preferences have string keys and no floats: they always serialise")
}

/// What [`json`] has written. What cannot be read is as if nothing had been said.
fn read(text: &str) -> Preferences {
    serde_json::from_str(text).unwrap_or_default()
}
