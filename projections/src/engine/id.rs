//! Which projections there are.

use crate::engine::definition::Definition;
use crate::models::DEFINITIONS;
use domain::Category;
use std::collections::HashMap;
use std::sync::LazyLock;

/// A projection: it follows the log and keeps one read model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProjectionId {
    /// Accounts and what their passwords are checked against.
    Users,
    /// Sessions that go on.
    Sessions,
    /// Service tokens that were not revoked.
    Tokens,
    /// Whom other services know people as.
    Identities,
    /// What people sign in by instead of a password.
    Passkeys,
    /// Who signed in, and who failed to.
    SignIns,
    /// Chats and their members.
    Chats,
    /// Messages and who may read them.
    Messages,
    /// Deliveries with their history, and the notifications that they are parts of.
    Deliveries,
    /// What is in people's inboxes.
    Inbox,
    /// Whom can be told what, and which addresses get nothing.
    Recipients,
    /// Short links.
    Links,
    /// Templates and all their versions.
    Templates,
    /// Mailings and their runs.
    Mailings,
    /// The text index; it is stored in a folder of each node, and not in tables.
    Search,
}

impl ProjectionId {
    /// Every projection.
    pub const ALL: [ProjectionId; DEFINITIONS.len()] = {
        let mut all = [ProjectionId::Users; DEFINITIONS.len()];
        let mut place = 0;
        while place < all.len() {
            all[place] = DEFINITIONS[place].id;
            place += 1;
        }
        all
    };

    /// What it is.
    pub(crate) fn definition(self) -> &'static Definition {
        let listed = DEFINITIONS.iter().find(|definition| definition.id == self);
        listed.expect("every projection is listed: a test asks for each")
    }

    /// Its name on the command line, in metrics and in file names.
    pub fn as_str(self) -> &'static str {
        self.definition().name
    }

    /// The projection of that name.
    pub fn parse(text: &str) -> Option<ProjectionId> {
        DEFINITIONS.iter().find(|definition| definition.name == text).map(|definition| definition.id)
    }

    /// Whether its read model is stored in tables, which nodes may share; else in an index of each node's own.
    pub fn has_tables(self) -> bool {
        self.definition().has_tables()
    }

    /// The version of its tables and folds, or of its index.
    pub fn version(self) -> u32 {
        self.definition().version()
    }

    /// The categories of streams that it is built from: those of its folds.
    pub fn follows(self) -> &'static [Category] {
        static FOLLOWED: LazyLock<HashMap<ProjectionId, Vec<Category>>> =
            LazyLock::new(|| DEFINITIONS.iter().map(|definition| (definition.id, definition.follows())).collect());
        FOLLOWED.get(&self).map_or(&[], Vec::as_slice)
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
    fn every_projection_is_listed_once() {
        // Whoever adds one must name it here as well.
        let listed = |id| DEFINITIONS.iter().filter(|definition| definition.id == id).count();
        for id in ProjectionId::ALL {
            match id {
                ProjectionId::Users
                | ProjectionId::Sessions
                | ProjectionId::Tokens
                | ProjectionId::Identities
                | ProjectionId::Passkeys
                | ProjectionId::SignIns
                | ProjectionId::Chats
                | ProjectionId::Messages
                | ProjectionId::Links
                | ProjectionId::Deliveries
                | ProjectionId::Inbox
                | ProjectionId::Recipients
                | ProjectionId::Templates
                | ProjectionId::Mailings
                | ProjectionId::Search => assert_eq!(listed(id), 1, "{id:?}"),
            }
        }
        assert_eq!(DEFINITIONS.len(), 15);
    }

    #[test]
    fn every_table_is_compared() {
        for Definition { name, tables, compared, .. } in DEFINITIONS {
            assert_eq!(tables.matches("create table ").count(), compared.len(), "{name}");
            for table in *compared {
                assert!(tables.contains(&format!("create table {} (", table.name)), "{}", table.name);
            }
        }
    }

    #[test]
    fn an_aggregate_is_folded_once_and_where_the_read_model_is() {
        for definition in DEFINITIONS {
            let follows = definition.follows();
            for fold in definition.folds {
                let category = fold.category();
                assert_eq!(follows.iter().filter(|followed| **followed == category).count(), 1, "{}", definition.name);
                assert_eq!(fold.is_of_index(), !definition.has_tables(), "{}", definition.name);
            }
        }
    }
}
