//! What a read model is, as one value: everything that the engine must know about it.

use crate::ProjectionId;
use crate::engine::fold::Fold;
use crate::engine::generation::CHECKPOINT_VERSION;
use crate::engine::table::Table;
use domain::Category;
use search::Change;
use store::Fact;
use store::sql::Tx;

/// A read model. Each file in `models` has one, and the list there names it.
pub(crate) struct Definition {
    pub(crate) id: ProjectionId,
    /// The name on the command line, in metrics and in file names.
    pub(crate) name: &'static str,
    /// The version of its tables and folds, or of its index. Raise it when either changes what is stored: the next start
    /// builds a new generation from the log.
    pub(crate) version: u32,
    /// What makes its tables, with the indexes that its folds need. Empty for an index in a folder of each node's own.
    pub(crate) tables: &'static str,
    /// What makes the indexes that only its queries need: made last on a rebuild.
    pub(crate) indexes: &'static str,
    /// Its tables as `verify` compares them.
    pub(crate) compared: &'static [Table],
    /// Whether it says who may come in: a server that crashes must not let anybody in again.
    pub(crate) guards: bool,
    /// One for each aggregate that it is built from.
    pub(crate) folds: &'static [Fold],
}

impl Definition {
    /// Whether it is stored in tables, which nodes may share; else in an index of each node's own.
    pub(crate) fn has_tables(&self) -> bool {
        !self.tables.is_empty()
    }

    /// With the version of what the tables of all read models share.
    pub(crate) fn version(&self) -> u32 {
        if self.has_tables() { self.version + CHECKPOINT_VERSION } else { self.version }
    }

    /// The categories of streams whose facts change it.
    pub(crate) fn follows(&self) -> Vec<Category> {
        self.folds.iter().map(|fold| fold.category()).collect()
    }

    /// Whether facts of that category change it.
    pub(crate) fn is_about(&self, category: Category) -> bool {
        self.folds.iter().any(|fold| fold.category() == category)
    }

    /// Folds the facts of a page into its tables.
    pub(crate) fn write(&self, tx: &mut Tx<'_>, facts: &[&Fact]) -> Result<(), store::Error> {
        for fact in facts {
            self.folds.iter().try_for_each(|fold| fold.write(tx, fact))?;
        }
        self.folds.iter().try_for_each(|fold| fold.write_page(tx, facts))
    }

    /// What facts change in its index, in their order. Cutting the texts is most of the work of following.
    pub(crate) fn changes(&self, facts: &[&Fact]) -> Vec<Change> {
        let mut changes = Vec::with_capacity(facts.len());
        changes.extend(facts.iter().filter_map(|fact| self.folds.iter().find_map(|fold| fold.change(fact))));
        changes
    }
}
