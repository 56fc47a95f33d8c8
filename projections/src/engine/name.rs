//! Which projections there are. A new read model is one file and one line in each list here.

use crate::engine::generation::CHECKPOINT_VERSION;
use crate::engine::table::Table;
use crate::models::{chats, messages, sessions, sign_ins, texts, tokens, users};
use domain::Category;
use store::{Fact, sql::Tx};

/// A projection: it follows the log and keeps one read model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Name {
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

impl Name {
    /// Every projection.
    pub const ALL: [Name; 7] =
        [Name::Users, Name::Sessions, Name::Tokens, Name::SignIns, Name::Chats, Name::Messages, Name::Search];

    /// Its name on the command line, in metrics and in file names.
    pub fn as_str(self) -> &'static str {
        match self {
            Name::Users => "users",
            Name::Sessions => "sessions",
            Name::Tokens => "tokens",
            Name::SignIns => "sign-ins",
            Name::Chats => "chats",
            Name::Messages => "messages",
            Name::Search => "search",
        }
    }

    /// The projection of that name.
    pub fn parse(text: &str) -> Option<Name> {
        Name::ALL.into_iter().find(|name| name.as_str() == text)
    }

    /// Whether its read model lies in tables, which nodes may share; else in an index of each node's own.
    pub fn has_tables(self) -> bool {
        self != Name::Search
    }

    /// The version of its tables and of its `apply`. Raise it when either changes what a row holds: the next start
    /// builds a new generation from the log.
    pub fn version(self) -> u32 {
        let of_tables = |version| version + CHECKPOINT_VERSION;
        match self {
            Name::Users => of_tables(users::VERSION),
            Name::Sessions => of_tables(sessions::VERSION),
            Name::Tokens => of_tables(tokens::VERSION),
            Name::SignIns => of_tables(sign_ins::VERSION),
            Name::Chats => of_tables(chats::VERSION),
            Name::Messages => of_tables(messages::VERSION),
            Name::Search => search::schema::VERSION,
        }
    }

    /// The categories of streams that it is built from.
    pub fn follows(self) -> &'static [Category] {
        match self {
            Name::Users => users::FOLLOWS,
            Name::Sessions => sessions::FOLLOWS,
            Name::Tokens => tokens::FOLLOWS,
            Name::SignIns => sign_ins::FOLLOWS,
            Name::Chats => chats::FOLLOWS,
            Name::Messages => messages::FOLLOWS,
            Name::Search => texts::FOLLOWS,
        }
    }

    /// What makes its tables, with the indexes that `apply` itself needs.
    pub fn tables(self) -> &'static str {
        match self {
            Name::Users => users::TABLES,
            Name::Sessions => sessions::TABLES,
            Name::Tokens => tokens::TABLES,
            Name::SignIns => sign_ins::TABLES,
            Name::Chats => chats::TABLES,
            Name::Messages => messages::TABLES,
            Name::Search => "",
        }
    }

    /// What makes the indexes that only its queries need: made last on a rebuild.
    pub fn indexes(self) -> &'static str {
        match self {
            Name::Users => users::INDEXES,
            Name::Sessions => sessions::INDEXES,
            Name::Tokens => tokens::INDEXES,
            Name::SignIns => sign_ins::INDEXES,
            Name::Chats => chats::INDEXES,
            Name::Messages => messages::INDEXES,
            Name::Search => "",
        }
    }

    /// Its tables as `verify` compares them.
    pub fn table_names(self) -> &'static [Table] {
        match self {
            Name::Users => users::COMPARED,
            Name::Sessions => sessions::COMPARED,
            Name::Tokens => tokens::COMPARED,
            Name::SignIns => sign_ins::COMPARED,
            Name::Chats => chats::COMPARED,
            Name::Messages => messages::COMPARED,
            Name::Search => &[],
        }
    }

    /// Whether facts of that category change its read model.
    pub(crate) fn is_about(self, category: Category) -> bool {
        self.follows().contains(&category)
    }

    /// Whether it says who may come in: a server that crashes must not let anybody in again.
    pub(crate) fn guards(self) -> bool {
        match self {
            Name::Sessions | Name::Tokens => true,
            Name::Users | Name::SignIns | Name::Chats | Name::Messages | Name::Search => false,
        }
    }

    /// Folds one fact into its tables.
    pub(crate) fn apply(self, tx: &mut Tx<'_>, fact: &Fact) -> Result<(), store::Error> {
        match self {
            Name::Users => users::apply(tx, fact),
            Name::Sessions => sessions::apply(tx, fact),
            Name::Tokens => tokens::apply(tx, fact),
            Name::SignIns => sign_ins::apply(tx, fact),
            Name::Chats => chats::apply(tx, fact),
            Name::Messages => messages::apply(tx, fact),
            // What comes of it is in `texts`.
            Name::Search => Ok(()),
        }
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_are_all_different() {
        for name in Name::ALL {
            assert_eq!(Name::parse(name.as_str()), Some(name));
        }
        assert_eq!(Name::parse("message"), None);
    }

    #[test]
    fn every_table_is_compared() {
        for name in Name::ALL {
            let made = name.tables().matches("create table ").count();
            assert_eq!(made, name.table_names().len(), "{name}");
            for table in name.table_names() {
                assert!(name.tables().contains(&format!("create table {} (", table.name)), "{}", table.name);
            }
        }
    }
}
