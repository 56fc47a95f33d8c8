//! Where a read model is stored.

use super::schema::{Schema, alone};
use super::{Database, Tx, Writer};
use crate::{Cluster, Error, described};
use std::path::PathBuf;

/// A file, or a schema of a database that several nodes share.
#[derive(Clone)]
pub enum Place {
    /// An SQLite file.
    File(PathBuf),
    /// A schema: [`Place::schema`] makes one.
    Schema(Schema),
}

impl Place {
    /// The schema of that name, of lower-case letters, digits and `_`, at most 63 of them.
    pub fn schema(cluster: &Cluster, name: &str) -> Place {
        Place::Schema(Schema::new(cluster, name))
    }

    /// The schema for what all nodes of a log share beside it and can do without: the catalogue of read models, the
    /// leases, how far the relay is.
    pub fn beside(cluster: &Cluster) -> Place {
        Place::schema(cluster, "letopis_models")
    }

    /// Whether there is something.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Postgres`].
    pub fn exists(&self) -> Result<bool, Error> {
        match self {
            Place::File(path) => Ok(path.exists()),
            Place::Schema(schema) => schema.exists(),
        }
    }

    /// Makes it, without tables, when it is not there.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Database`], [`Error::NotDurable`], [`Error::Unreachable`], [`Error::Postgres`].
    pub fn create(&self) -> Result<Database, Error> {
        match self {
            Place::File(path) => Database::create(path),
            Place::Schema(schema) => {
                schema.create()?;
                Ok(Database::shared(schema.clone()))
            }
        }
    }

    /// Opens what is there.
    ///
    /// # Errors
    /// [`Error::NoData`] when a file is not there, [`Error::Damaged`] when a schema is not; [`Error::Database`],
    /// [`Error::Unreachable`], [`Error::Postgres`].
    pub fn open(&self) -> Result<Database, Error> {
        match self {
            Place::File(path) => Database::open(path),
            Place::Schema(schema) if schema.exists()? => Ok(Database::shared(schema.clone())),
            Place::Schema(_) => Err(Error::Damaged { what: "the schema of a read model is missing" }),
        }
    }

    /// Opens what can be made again, with the tables that `tables` makes where they are missing. A file that is damaged is
    /// thrown away for a new one, and a warning says what that loses: `lost`.
    ///
    /// # Errors
    /// As [`Place::open`] and [`Place::create`]; damage in a schema, which the server looks after.
    pub fn open_or_replace(
        &self,
        tables: impl Fn(&mut Tx<'_>) -> Result<(), Error>,
        lost: &str,
    ) -> Result<(Database, Writer), Error> {
        match self.open_or_make(&tables) {
            Err(error) if error.is_damage() && matches!(self, Place::File(_)) => {
                tracing::warn!(error = described(&error), "a file is damaged, and a new one is made: {lost}");
                self.remove()?;
                self.open_or_make(&tables)
            }
            opened => opened,
        }
    }

    fn open_or_make(&self, tables: impl Fn(&mut Tx<'_>) -> Result<(), Error>) -> Result<(Database, Writer), Error> {
        let database = match self {
            Place::File(path) if path.exists() => self.open()?,
            Place::File(_) | Place::Schema(_) => self.create()?,
        };
        database.check(u64::MAX)?;
        let make = || {
            let mut writer = database.writer()?;
            let mut tx = writer.begin()?;
            tables(&mut tx)?;
            tx.commit()?;
            Ok(writer)
        };
        let writer = make().map_err(|error| database.noted(error))?;
        Ok((database, writer))
    }

    /// Deletes it with all that is in it. It is fine when there is nothing.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Unreachable`], [`Error::Postgres`].
    pub fn remove(&self) -> Result<(), Error> {
        match self {
            Place::File(path) => Database::remove(path),
            Place::Schema(schema) => schema.remove(),
        }
    }
}

/// The names of the schemas that begin with `prefix`, in the order of their bytes.
///
/// # Errors
/// [`Error::Unreachable`], [`Error::Postgres`].
pub fn schemas(cluster: &Cluster, prefix: &str) -> Result<Vec<String>, Error> {
    let sql = "select nspname::text from pg_namespace where starts_with(nspname::text, $1) order by nspname";
    alone(cluster, sql, &[prefix.into()], |row| Ok(row.text(0)?.to_owned()))
}
