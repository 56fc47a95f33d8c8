//! One file for each noun: its addresses, its bodies, its handlers. A handler parses, asks, renders.

mod auth;
mod chats;
pub(crate) mod export;
mod forgetting;
#[cfg(test)]
mod fuzz;
pub(crate) mod health;
mod ids;
pub(crate) mod mailbox;
mod me;
mod members;
mod messages;
mod page;
mod preferences;
pub(crate) mod search;
pub(crate) mod search_tasks;
mod sessions;
pub(crate) mod spec;
mod suppressions;
mod tokens;
mod users;

use spec::Routes;

/// Every route under `/v1`.
pub(crate) fn all() -> Routes {
    auth::routes()
        .merge(me::routes())
        .merge(forgetting::routes())
        .merge(sessions::routes())
        .merge(tokens::routes())
        .merge(users::routes())
        .merge(chats::routes())
        .merge(members::routes())
        .merge(messages::routes())
        .merge(search::routes())
        .merge(search_tasks::routes())
        .merge(preferences::routes())
        .merge(suppressions::routes())
}
