//! The menu.

use super::least::Least;
use super::words::Words;
use node::Module;

/// A place in the menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tab {
    Overview,
    Events,
    Streams,
    Projections,
    People,
    Chats,
    Reports,
    Search,
    Templates,
    Notifications,
    Deliveries,
    Mailings,
    Schedules,
    Suppressions,
    Mailbox,
    Settings,
    Doctor,
}

impl Tab {
    /// The menu, in its order.
    pub(super) const ALL: &[Tab] = &[
        Tab::Overview,
        Tab::Events,
        Tab::Streams,
        Tab::Projections,
        Tab::People,
        Tab::Chats,
        Tab::Reports,
        Tab::Search,
        Tab::Templates,
        Tab::Notifications,
        Tab::Deliveries,
        Tab::Mailings,
        Tab::Schedules,
        Tab::Suppressions,
        Tab::Mailbox,
        Tab::Settings,
        Tab::Doctor,
    ];

    /// Where it leads.
    pub(super) fn path(self) -> &'static str {
        match self {
            Tab::Overview => "/console",
            Tab::Events => "/console/events",
            Tab::Streams => "/console/streams",
            Tab::Projections => "/console/projections",
            Tab::People => "/console/people",
            Tab::Chats => "/console/chats",
            Tab::Reports => "/console/reports",
            Tab::Search => "/console/search",
            Tab::Templates => "/console/templates",
            Tab::Notifications => "/console/notifications",
            Tab::Deliveries => "/console/deliveries",
            Tab::Mailings => "/console/mailings",
            Tab::Schedules => "/console/schedules",
            Tab::Suppressions => "/console/suppressions",
            Tab::Mailbox => "/mailbox",
            Tab::Settings => "/console/settings",
            Tab::Doctor => "/console/doctor",
        }
    }

    /// What it is called.
    pub(super) fn title(self, words: &Words) -> &'static str {
        match self {
            Tab::Overview => words.overview,
            Tab::Events => words.events,
            Tab::Streams => words.streams,
            Tab::Projections => words.projections,
            Tab::People => words.people,
            Tab::Chats => words.chats,
            Tab::Reports => words.reports,
            Tab::Search => words.search,
            Tab::Templates => words.templates,
            Tab::Notifications => words.notifications,
            Tab::Deliveries => words.deliveries,
            Tab::Mailings => words.mailings,
            Tab::Schedules => words.schedules,
            Tab::Suppressions => words.suppressions,
            Tab::Mailbox => words.mailbox,
            Tab::Settings => words.settings,
            Tab::Doctor => words.doctor,
        }
    }

    /// Whom it is for.
    pub(super) fn least(self) -> Least {
        match self {
            Tab::People | Tab::Reports => Least::Moderator,
            Tab::Overview
            | Tab::Events
            | Tab::Streams
            | Tab::Projections
            | Tab::Chats
            | Tab::Search
            | Tab::Templates
            | Tab::Notifications
            | Tab::Deliveries
            | Tab::Mailings
            | Tab::Schedules
            | Tab::Suppressions
            | Tab::Mailbox
            | Tab::Settings
            | Tab::Doctor => Least::Admin,
        }
    }

    /// The module that it belongs to; none for what is always there.
    pub(super) fn module(self) -> Option<Module> {
        match self {
            Tab::Chats | Tab::Reports => Some(Module::Messenger),
            Tab::Search => Some(Module::Search),
            Tab::Mailings => Some(Module::Mailings),
            Tab::Templates | Tab::Notifications | Tab::Deliveries | Tab::Schedules | Tab::Suppressions => {
                Some(Module::Notifications)
            }
            Tab::Overview
            | Tab::Events
            | Tab::Streams
            | Tab::Projections
            | Tab::People
            | Tab::Mailbox
            | Tab::Settings
            | Tab::Doctor => None,
        }
    }
}
