//! Which projections there are. A new read model is one file and one line in each list here.

use crate::engine::generation::CHECKPOINT_VERSION;
use crate::engine::table::Table;
use crate::models::{chats, messages, sessions, sign_ins, texts, tokens, users};
use domain::Category;
use store::{Fact, sql::Tx};

/// A projection: it follows the log and keeps one read model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProjectionId {
    /// Accounts and what their passwords are checked against.
    Users,
    /// Sessions that go on.
    Sessions,
    /// Service tokens that were not revoked.
    Tokens,
    /// Who signed in, and who failed to.
    SignIns,
    /// Chats and their members.
    Chats,
    /// Messages and who may read them.
    Messages,
    /// The text index; it lies in a folder of each node, and not in tables.
    Search,
}

impl ProjectionId {
    /// Every projection.
    pub const ALL: [ProjectionId; 7] = [
        ProjectionId::Users,
        ProjectionId::Sessions,
        ProjectionId::Tokens,
        ProjectionId::SignIns,
        ProjectionId::Chats,
        ProjectionId::Messages,
        ProjectionId::Search,
    ];

    /// Its name on the command line, in metrics and in file names.
    pub fn as_str(self) -> &'static str {
        match self {
            ProjectionId::Users => "users",
            ProjectionId::Sessions => "sessions",
            ProjectionId::Tokens => "tokens",
            ProjectionId::SignIns => "sign-ins",
            ProjectionId::Chats => "chats",
            ProjectionId::Messages => "messages",
            ProjectionId::Search => "search",
        }
    }

    /// The projection of that name.
    pub fn parse(text: &str) -> Option<ProjectionId> {
        ProjectionId::ALL.into_iter().find(|name| name.as_str() == text)
    }

    /// Whether its read model lies in tables, which nodes may share; else in an index of each node's own.
    pub fn has_tables(self) -> bool {
        self != ProjectionId::Search
    }

    /// The version of its tables and of its `apply`. Raise it when either changes what a row holds: the next start
    /// builds a new generation from the log.
    pub fn version(self) -> u32 {
        let of_tables = |version| version + CHECKPOINT_VERSION;
        match self {
            ProjectionId::Users => of_tables(users::VERSION),
            ProjectionId::Sessions => of_tables(sessions::VERSION),
            ProjectionId::Tokens => of_tables(tokens::VERSION),
            ProjectionId::SignIns => of_tables(sign_ins::VERSION),
            ProjectionId::Chats => of_tables(chats::VERSION),
            ProjectionId::Messages => of_tables(messages::VERSION),
            ProjectionId::Search => search::schema::VERSION,
        }
    }

    /// The categories of streams that it is built from.
    pub fn follows(self) -> &'static [Category] {
        match self {
            ProjectionId::Users => users::FOLLOWS,
            ProjectionId::Sessions => sessions::FOLLOWS,
            ProjectionId::Tokens => tokens::FOLLOWS,
            ProjectionId::SignIns => sign_ins::FOLLOWS,
            ProjectionId::Chats => chats::FOLLOWS,
            ProjectionId::Messages => messages::FOLLOWS,
            ProjectionId::Search => texts::FOLLOWS,
        }
    }

    /// What makes its tables, with the indexes that `apply` itself needs.
    pub fn tables(self) -> &'static str {
        match self {
            ProjectionId::Users => users::TABLES,
            ProjectionId::Sessions => sessions::TABLES,
            ProjectionId::Tokens => tokens::TABLES,
            ProjectionId::SignIns => sign_ins::TABLES,
            ProjectionId::Chats => chats::TABLES,
            ProjectionId::Messages => messages::TABLES,
            ProjectionId::Search => "",
        }
    }

    /// What makes the indexes that only its queries need: made last on a rebuild.
    pub fn indexes(self) -> &'static str {
        match self {
            ProjectionId::Users => users::INDEXES,
            ProjectionId::Sessions => sessions::INDEXES,
            ProjectionId::Tokens => tokens::INDEXES,
            ProjectionId::SignIns => sign_ins::INDEXES,
            ProjectionId::Chats => chats::INDEXES,
            ProjectionId::Messages => messages::INDEXES,
            ProjectionId::Search => "",
        }
    }

    /// Its tables as `verify` compares them.
    pub fn table_names(self) -> &'static [Table] {
        match self {
            ProjectionId::Users => users::COMPARED,
            ProjectionId::Sessions => sessions::COMPARED,
            ProjectionId::Tokens => tokens::COMPARED,
            ProjectionId::SignIns => sign_ins::COMPARED,
            ProjectionId::Chats => chats::COMPARED,
            ProjectionId::Messages => messages::COMPARED,
            ProjectionId::Search => &[],
        }
    }

    /// Whether facts of that category change its read model.
    pub(crate) fn is_about(self, category: Category) -> bool {
        self.follows().contains(&category)
    }

    /// Whether it says who may come in: a server that crashes must not let anybody in again.
    pub(crate) fn guards(self) -> bool {
        match self {
            ProjectionId::Sessions | ProjectionId::Tokens => true,
            ProjectionId::Users
            | ProjectionId::SignIns
            | ProjectionId::Chats
            | ProjectionId::Messages
            | ProjectionId::Search => false,
        }
    }

    /// Folds one fact into its tables.
    pub(crate) fn apply(self, tx: &mut Tx<'_>, fact: &Fact) -> Result<(), store::Error> {
        match self {
            ProjectionId::Users => users::apply(tx, fact),
            ProjectionId::Sessions => sessions::apply(tx, fact),
            ProjectionId::Tokens => tokens::apply(tx, fact),
            ProjectionId::SignIns => sign_ins::apply(tx, fact),
            ProjectionId::Chats => chats::apply(tx, fact),
            ProjectionId::Messages => messages::apply(tx, fact),
            // What comes of it is in `texts`.
            ProjectionId::Search => Ok(()),
        }
    }
}

impl std::fmt::Display for ProjectionId {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_are_all_different() {
        for name in ProjectionId::ALL {
            assert_eq!(ProjectionId::parse(name.as_str()), Some(name));
        }
        assert_eq!(ProjectionId::parse("message"), None);
    }

    #[test]
    fn every_table_is_compared() {
        for name in ProjectionId::ALL {
            let made = name.tables().matches("create table ").count();
            assert_eq!(made, name.table_names().len(), "{name}");
            for table in name.table_names() {
                assert!(name.tables().contains(&format!("create table {} (", table.name)), "{}", table.name);
            }
        }
    }
}
