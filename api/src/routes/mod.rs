//! One file for each noun: its addresses, its bodies, its handlers. A handler parses, asks, renders.

pub(crate) mod admin;
mod auth;
mod bans;
mod chat_export;
mod chats;
mod codes;
mod deliveries;
mod direct;
mod edits;
mod email;
pub(crate) mod export;
mod external;
mod forgetting;
#[cfg(test)]
mod fuzz;
pub(crate) mod health;
mod identities;
mod ids;
pub(crate) mod inbox;
pub(crate) mod invitations;
pub(crate) mod links;
mod live;
pub(crate) mod mailbox;
pub(crate) mod mailings;
mod me;
mod members;
mod message_pages;
pub(crate) mod message_shown;
mod messages;
pub(crate) mod notifications;
pub(crate) mod outgoing;
pub(crate) mod page;
mod pages;
mod passkeys;
mod pins;
mod preferences;
mod proofs;
mod reactions;
mod read_marks;
mod reports;
pub(crate) mod reset;
pub(crate) mod search;
pub(crate) mod search_tasks;
mod sendgrid;
mod sessions;
pub(crate) mod spec;
pub(crate) mod suppressions;
mod suspension;
pub(crate) mod templates;
mod tokens;
mod totp;
mod unsubscribe;
mod users;

use spec::Routes;

/// Every route under `/v1`, and those that mailed links lead to.
pub(crate) fn all() -> Routes {
    auth::routes()
        .merge(codes::routes())
        .merge(reset::routes())
        .merge(external::routes())
        .merge(identities::routes())
        .merge(me::routes())
        .merge(email::routes())
        .merge(forgetting::routes())
        .merge(sessions::routes())
        .merge(passkeys::routes())
        .merge(tokens::routes())
        .merge(templates::routes())
        .merge(totp::routes())
        .merge(users::routes())
        .merge(chats::routes())
        .merge(direct::routes())
        .merge(chat_export::routes())
        .merge(members::routes())
        .merge(bans::routes())
        .merge(invitations::routes())
        .merge(messages::routes())
        .merge(reactions::routes())
        .merge(edits::routes())
        .merge(pins::routes())
        .merge(read_marks::routes())
        .merge(search::routes())
        .merge(search_tasks::routes())
        .merge(links::routes())
        .merge(preferences::routes())
        .merge(suppressions::routes())
        .merge(reports::routes())
        .merge(suspension::routes())
        .merge(notifications::routes())
        .merge(deliveries::routes())
        .merge(mailings::routes())
        .merge(inbox::routes())
        .merge(live::routes())
        .merge(admin::routes())
        .merge(unsubscribe::routes())
        .merge(sendgrid::routes())
}
