//! How people want to be called everywhere: a table of its own in each read model that shows people.

use crate::engine::table::{Key, Table};
use domain::{Personal, UserId, user};
use store::sql::Tx;

/// As `verify` compares it.
pub(super) const COMPARED: Table = Table { name: "person", key: &[Key::Id("user_id")], columns: &["display_name"] };

/// Makes the table.
macro_rules! person {
    () => {
        "
    create table person (
        user_id bytea primary key,
        display_name text not null
    ) without rowid;
"
    };
}
pub(super) use person;

/// Folds one event of an account into the table.
pub(super) fn apply(tx: &mut Tx<'_>, user_id: UserId, event: &user::Event) -> Result<(), store::Error> {
    match event {
        user::Event::SignedUp(signed_up) => match &signed_up.personal {
            Personal::Known(names) => set(tx, user_id, names.user_name.as_str()),
            // They are erased further on in the log.
            Personal::Erased => Ok(()),
        },
        user::Event::ProfileChanged(changed) => match &changed.display_name {
            Personal::Known(name) => set(tx, user_id, name.as_str()),
            Personal::Erased => Ok(()),
        },
        user::Event::Erased => tx.queue("delete from person where user_id = $1", &[(&user_id).into()]),
        user::Event::NameGiven
        | user::Event::NameChosen(_)
        | user::Event::EmailChangeRequested(_)
        | user::Event::EmailConfirmed(_)
        | user::Event::PasswordChanged(_)
        | user::Event::VerifierReplaced(_)
        | user::Event::SignInsFailed(_)
        | user::Event::SessionsEnded(_)
        | user::Event::TokensRevoked
        | user::Event::RoleSet(_)
        | user::Event::Suspended(_)
        | user::Event::Unsuspended(_) => Ok(()),
    }
}

fn set(tx: &mut Tx<'_>, user_id: UserId, display_name: &str) -> Result<(), store::Error> {
    tx.queue(
        "insert into person (user_id, display_name) values ($1, $2)
         on conflict (user_id) do update set display_name = excluded.display_name",
        &[(&user_id).into(), display_name.into()],
    )
}
