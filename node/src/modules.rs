//! Which parts of the product a server has. What is left out has no routes, no verbs and no read models; its facts stay in the
//! log, and a part that comes back is built from there.

use projections::ProjectionId;
use std::fmt;

/// A part of the product that can be left out. Accounts, sessions, their mail and short links always are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Module {
    /// Chats, their members and messages.
    Messenger,
    /// Finding messages.
    Search,
    /// The inbox, preferences, templates, and notifications to others.
    Notifications,
    /// Mailings to many.
    Mailings,
    /// Signing in by another service.
    External,
}

/// What belongs to a module.
pub struct Part {
    pub module: Module,
    /// It has no meaning without these.
    pub needs: &'static [Module],
    /// Its routes: these paths, and all that are below them.
    pub paths: &'static [&'static str],
    /// Its read models.
    pub projections: &'static [ProjectionId],
    /// Its verbs of the command line.
    pub verbs: &'static [&'static str],
}

/// Every module, in the order in which they are shown.
pub const PARTS: [Part; 5] = [
    Part {
        module: Module::Messenger,
        needs: &[],
        paths: &[
            "/v1/chats",
            "/v1/direct",
            "/v1/invitations",
            "/v1/reports",
            "/v1/live",
            "/v1/ws",
            "/v1/admin/chats",
            "/i",
        ],
        projections: &[ProjectionId::Chats, ProjectionId::Messages],
        verbs: &["import", "chats", "moderation"],
    },
    Part {
        module: Module::Search,
        needs: &[Module::Messenger],
        paths: &["/v1/search", "/v1/chats/search", "/v1/admin/search"],
        projections: &[ProjectionId::Search],
        verbs: &["search"],
    },
    Part {
        module: Module::Notifications,
        needs: &[],
        paths: &[
            "/v1/inbox",
            "/v1/me/preferences",
            "/v1/notification-categories",
            "/v1/templates",
            "/v1/notifications",
            "/v1/deliveries",
            "/v1/suppressions",
        ],
        projections: &[ProjectionId::Inbox, ProjectionId::Templates],
        verbs: &["templates"],
    },
    Part {
        module: Module::Mailings,
        needs: &[Module::Notifications],
        paths: &["/v1/mailings"],
        projections: &[ProjectionId::Mailings],
        verbs: &["mailings"],
    },
    Part {
        module: Module::External,
        needs: &[],
        paths: &["/v1/auth/external", "/v1/auth/providers", "/v1/me/identities"],
        projections: &[ProjectionId::Identities],
        verbs: &[],
    },
];

/// What no module can take away: paths, and all that are below them.
pub const ALWAYS: &[&str] = &[
    "/v1/auth",
    "/v1/me",
    "/v1/admin",
    "/v1/users",
    "/v1/links",
    "/v1/webhooks",
    "/s",
    "/c",
    "/r",
    "/m",
    "/u",
    "/mailbox",
    "/ping",
    "/ping_db",
    "/livez",
    "/readyz",
    "/metrics",
];

impl Module {
    /// Every one.
    pub const ALL: [Module; PARTS.len()] =
        [Module::Messenger, Module::Search, Module::Notifications, Module::Mailings, Module::External];

    /// As it is written in settings and shown.
    pub fn name(self) -> &'static str {
        match self {
            Module::Messenger => "messenger",
            Module::Search => "search",
            Module::Notifications => "notifications",
            Module::Mailings => "mailings",
            Module::External => "external",
        }
    }

    /// The module of that name.
    pub fn parse(name: &str) -> Option<Module> {
        Module::ALL.into_iter().find(|module| module.name() == name)
    }

    /// Which one a route belongs to; none for what is always there. The longest path that fits decides.
    pub fn of_path(path: &str) -> Option<Module> {
        let fits =
            |prefix: &&str| path.strip_prefix(*prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let of_part = |part: &Part| {
            let longest = part.paths.iter().copied().filter(fits).map(str::len).max();
            longest.map(|length| (length, Some(part.module)))
        };
        let always = ALWAYS.iter().copied().filter(fits).map(|prefix| (prefix.len(), None));
        let longest = PARTS.iter().filter_map(of_part).chain(always).max_by_key(|(length, _)| *length);
        longest.and_then(|(_, module)| module)
    }

    /// Which one a verb belongs to; none for what is always there.
    pub fn of_verb(verb: &str) -> Option<Module> {
        PARTS.iter().find(|part| part.verbs.contains(&verb)).map(|part| part.module)
    }

    fn of_projection(projection: ProjectionId) -> Option<Module> {
        PARTS.iter().find(|part| part.projections.contains(&projection)).map(|part| part.module)
    }
}

/// The modules of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modules {
    /// Whether it has it, for each of [`Module::ALL`].
    has: [bool; Module::ALL.len()],
}

/// A module is there without one that it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} needs {}", .module.name(), .needs.name())]
pub struct MissingModule {
    pub module: Module,
    pub needs: Module,
}

impl Modules {
    /// All of them.
    pub const ALL: Modules = Modules { has: [true; Module::ALL.len()] };

    /// These ones.
    ///
    /// # Errors
    /// When one of them needs another.
    pub fn of(modules: &[Module]) -> Result<Modules, MissingModule> {
        let has = Module::ALL.map(|module| modules.contains(&module));
        let parts = PARTS.iter().filter(|part| modules.contains(&part.module));
        for (part, needs) in parts.flat_map(|part| part.needs.iter().map(move |needs| (part, *needs))) {
            if !modules.contains(&needs) {
                return Err(MissingModule { module: part.module, needs });
            }
        }
        Ok(Modules { has })
    }

    /// Whether it is one of them.
    pub fn has(self, module: Module) -> bool {
        Module::ALL.into_iter().zip(self.has).any(|(one, has)| one == module && has)
    }

    /// Whether a route is there.
    pub fn has_path(self, path: &str) -> bool {
        Module::of_path(path).is_none_or(|module| self.has(module))
    }

    /// The read models, in the order in which they are shown and built.
    pub fn projections(self) -> Vec<ProjectionId> {
        let is_there = |name: &ProjectionId| Module::of_projection(*name).is_none_or(|module| self.has(module));
        ProjectionId::ALL.into_iter().filter(is_there).collect()
    }
}

impl fmt::Display for Modules {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Module::ALL.into_iter().filter(|module| self.has(*module)).map(Module::name);
        out.write_str(&names.collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_is_in_the_table_once_and_reads_back() {
        for module in Module::ALL {
            assert_eq!(PARTS.iter().filter(|part| part.module == module).count(), 1, "{module:?}");
            assert_eq!(Module::parse(module.name()), Some(module));
        }
        assert_eq!(Module::parse("Search"), None);
        assert_eq!(Modules::of(&Module::ALL), Ok(Modules::ALL));
    }

    #[test]
    fn a_path_belongs_to_the_longest_that_fits() {
        let table = [
            ("/v1/chats", Some(Module::Messenger)),
            ("/v1/chats/{chat_id}/messages", Some(Module::Messenger)),
            ("/v1/chats/search", Some(Module::Search)),
            ("/v1/chats/search/status/{task_id}", Some(Module::Search)),
            ("/v1/me", None),
            ("/v1/me/preferences", Some(Module::Notifications)),
            ("/v1/auth/external/{provider}", Some(Module::External)),
            ("/v1/auth/login", None),
            ("/v1/chatsearch", None),
            ("/ping", None),
        ];
        for (path, module) in table {
            assert_eq!(Module::of_path(path), module, "{path}");
        }
    }

    #[test]
    fn the_documents_say_what_the_table_says() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations.md");
        let text = std::fs::read_to_string(path).unwrap();
        for Part { module, needs, paths, projections, verbs } in PARTS {
            let list = |words: Vec<&str>| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
            let cell = |words: Vec<&str>| if words.is_empty() { " ".to_owned() } else { format!(" {} ", list(words)) };
            let projections = projections.iter().map(|name| name.as_str()).collect();
            let needs = needs.iter().map(|module| module.name()).collect();
            let cells = [vec![module.name()], paths.to_vec(), projections, verbs.to_vec(), needs].map(cell);
            let row = format!("|{}|", cells.join("|"));
            assert!(text.contains(&row), "docs/operations.md lacks {row}");
        }
    }

    #[test]
    fn what_is_needed_must_be_there() {
        let missing = MissingModule { module: Module::Search, needs: Module::Messenger };
        assert_eq!(Modules::of(&[Module::Search, Module::Notifications]), Err(missing));
        assert_eq!(missing.to_string(), "search needs messenger");
        let modules = Modules::of(&[Module::Notifications, Module::Messenger]).unwrap();
        assert_eq!(modules.to_string(), "messenger,notifications");
        assert!(!modules.has_path("/v1/search") && modules.has_path("/v1/chats") && modules.has_path("/v1/me"));
        assert!(!modules.projections().contains(&ProjectionId::Search));
        assert_eq!(Modules::ALL.projections(), ProjectionId::ALL);
    }
}
