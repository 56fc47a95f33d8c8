//! The operator's console: pages that show what happens, say what is wrong, and have the buttons that mend it.
//!
//! A page reads and changes what the calls under `/v1/admin` (`routes/admin/`) read and change, by the same functions and
//! in the same process; whatever can be done here, a script can do as well. Pages work without their script; with it,
//! parts of them are fetched again while somebody looks.
//!
//! **To add a page**:
//! 1. `console/<noun>.rs`: a `Template` for each page whose first field is `frame: Frame`, the handlers, and
//!    `pages() -> Pages`, which says of each address whether admins or moderators as well may see it; its line below.
//!    A handler takes a `Visitor` and answers `visitor.page(&…)`, or after a form `done(address)`. What fails is an
//!    `Error` as of every route: the frame makes a page of it.
//! 2. `console/templates/<noun>.html`, which extends `frame.html`. Every value is escaped there; `|safe` is only for
//!    what is a template itself.
//! 3. Its words, in both languages, in `console/words.rs`.
//! 4. For a place of its own in the menu a `Tab` in `console/tab.rs`.
//!
//! **Forms of other sites**: browsers send the session cookie with them where the user follows a link, so every address
//! here goes through `admit`, whose look-up of the session refuses a write by cookie that a foreign `Origin` or
//! `Sec-Fetch-Site` comes with (`auth/caller.rs`), as everywhere under `/v1`. No page changes anything by GET.

mod admit;
mod assets;
mod charts;
mod chats;
mod deliveries;
mod events;
pub(crate) mod first;
mod form;
mod frame;
mod home;
mod least;
mod mailings;
mod overview;
mod people;
mod projections;
mod server;
mod show;
mod streams;
mod tab;
mod templates;
mod visitor;
mod words;

use crate::app::App;
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::MethodRouter;
use least::Least;
use node::Module;

/// Where it begins.
pub(crate) const ROOT: &str = "/console";

/// Pages, by who may see them.
#[derive(Default)]
struct Pages {
    admins: Router<App>,
    moderators: Router<App>,
}

impl Pages {
    /// A page for admins.
    fn admin(mut self, path: &str, methods: MethodRouter<App>) -> Pages {
        self.admins = self.admins.route(path, methods);
        self
    }

    /// A page for moderators, and for admins.
    fn moderator(mut self, path: &str, methods: MethodRouter<App>) -> Pages {
        self.moderators = self.moderators.route(path, methods);
        self
    }

    fn merge(self, others: Pages) -> Pages {
        Pages { admins: self.admins.merge(others.admins), moderators: self.moderators.merge(others.moderators) }
    }
}

/// The whole console; nothing where it is switched off.
pub(crate) fn pages(app: &App) -> Router<App> {
    if !app.settings.has_console {
        return Router::new();
    }
    let of = |module, pages: fn() -> Pages| if app.modules.has(module) { pages() } else { Pages::default() };
    let pages = [
        overview::pages(),
        events::pages(),
        streams::pages(),
        projections::pages(),
        people::pages(),
        of(Module::Messenger, chats::pages),
        of(Module::Search, chats::search_pages),
        of(Module::Notifications, deliveries::pages),
        of(Module::Notifications, templates::pages),
        of(Module::Mailings, mailings::pages),
        server::pages(),
    ];
    let Pages { admins, moderators } = pages.into_iter().fold(home::pages(), Pages::merge);
    let for_least = |least: Least| from_fn_with_state((app.clone(), least), admit::admit);
    admins
        .layer(for_least(Least::Admin))
        .merge(moderators.layer(for_least(Least::Moderator)))
        .merge(first::pages())
        .merge(assets::ASSETS.files())
}
