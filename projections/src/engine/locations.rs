//! Where read models are stored: files in a folder of this node, or schemas beside a log that several nodes share.

use crate::engine::handle::{Location, remove_folder};
use crate::{Error, ProjectionId, Result};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use store::sql::{self, Place};
use store::{Cluster, Folder, Log};
use uuid::Uuid;

/// Scratch space that is so old was left by a crash.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);
/// What the names of scratch spaces begin with.
const SCRATCH_FOLDER: &str = "scratch-";
const SCRATCH_SCHEMA: &str = "letopis_scratch_";

/// Where all read models of a log are stored.
#[derive(Clone)]
pub(crate) enum Locations {
    /// Each generation is a file.
    Folder(PathBuf),
    /// Each generation is a schema.
    Shared(Cluster),
}

/// A generation that is there.
pub(crate) struct GenerationEntry {
    pub(crate) number: u64,
    pub(crate) place: Location,
}

impl Locations {
    /// Beside that log.
    pub(crate) fn of(folder: &Folder, log: &Log) -> Locations {
        match log.cluster() {
            None => Locations::Folder(folder.read_models()),
            Some(cluster) => Locations::Shared(cluster.clone()),
        }
    }

    /// Makes the folder.
    pub(crate) fn prepare(&self, folder: &Folder) -> Result<()> {
        match self {
            Locations::Folder(_) => Ok(folder.make_read_models()?),
            Locations::Shared(_) => Ok(()),
        }
    }

    /// Of the catalogue, and of what changes without a fact.
    pub(crate) fn catalog(&self) -> Place {
        match self {
            Locations::Folder(folder) => Place::File(folder.join("catalog.db")),
            Locations::Shared(cluster) => Place::beside(cluster),
        }
    }

    /// Of a generation.
    pub(crate) fn generation(&self, name: ProjectionId, version: u32, number: u64) -> Location {
        match self {
            Locations::Folder(folder) => {
                location(name, folder.join(format!("{name}-v{version}-{number}{}", ending(name))))
            }
            Locations::Shared(cluster) => {
                Location::Tables(Place::schema(cluster, &format!("{}{version}_{number}", beginning(name))))
            }
        }
    }

    /// Every generation of that projection that is there.
    pub(crate) fn generations(&self, name: ProjectionId) -> Result<Vec<GenerationEntry>> {
        match self {
            Locations::Folder(folder) => {
                let failed = || Error::file("read the folder", folder);
                let mut found = Vec::new();
                for file in std::fs::read_dir(folder).map_err(failed())? {
                    let path = file.map_err(failed())?.path();
                    if let Some(number) = number_of(&path, name) {
                        found.push(GenerationEntry { number, place: location(name, path) });
                    }
                }
                Ok(found)
            }
            Locations::Shared(cluster) => {
                let beginning = beginning(name);
                let schemas = sql::schemas(cluster, &beginning)?;
                let found = schemas.iter().filter_map(|schema| {
                    let number = numbered(schema.strip_prefix(&beginning)?, '_')?;
                    Some(GenerationEntry { number, place: Location::Tables(Place::schema(cluster, schema)) })
                });
                Ok(found.collect())
            }
        }
    }

    /// Removes scratch space that a crash left behind.
    pub(crate) fn remove_abandoned(&self) -> Result<()> {
        match self {
            Locations::Folder(folder) => {
                let failed = || Error::file("tidy the folder", folder);
                for file in std::fs::read_dir(folder).map_err(failed())? {
                    let file = file.map_err(failed())?;
                    if file.file_name().to_str().is_some_and(|name| abandoned(name, SCRATCH_FOLDER)) {
                        std::fs::remove_dir_all(file.path()).map_err(failed())?;
                    }
                }
                Ok(())
            }
            Locations::Shared(cluster) => {
                let schemas = sql::schemas(cluster, SCRATCH_SCHEMA)?;
                let abandoned = schemas.iter().filter(|schema| abandoned(schema, SCRATCH_SCHEMA));
                abandoned.into_iter().try_for_each(|schema| Ok(Place::schema(cluster, schema).remove()?))
            }
        }
    }
}

/// Tables are a file, an index is a folder.
fn location(name: ProjectionId, path: PathBuf) -> Location {
    if name.has_tables() { Location::Tables(Place::File(path)) } else { Location::Folder(path) }
}

/// What the names of those files end in.
fn ending(name: ProjectionId) -> &'static str {
    if name.has_tables() { ".db" } else { "" }
}

/// What the schemas of a projection's generations begin with.
fn beginning(name: ProjectionId) -> String {
    format!("letopis_{}_v", name.as_str().replace('-', "_"))
}

/// The generation's number, when the file is `<name>-v<version>-<number>.db`, or the folder the same without `.db`.
fn number_of(path: &Path, name: ProjectionId) -> Option<u64> {
    let stem = path.file_name()?.to_str()?.strip_suffix(ending(name))?;
    numbered(stem.strip_prefix(name.as_str())?.strip_prefix("-v")?, '-')
}

/// The second of two numbers.
fn numbered(text: &str, between: char) -> Option<u64> {
    let (version, number) = text.split_once(between)?;
    version.parse::<u32>().ok()?;
    number.parse().ok()
}

/// Whether it is scratch space that is so old: its name ends in an id that tells when it was made (RFC 9562, UUIDv7).
fn abandoned(name: &str, beginning: &str) -> bool {
    let id = name.strip_prefix(beginning).and_then(|rest| Uuid::try_parse(rest.rsplit('-').next()?).ok());
    let Some(made) = id.and_then(|id| id.get_timestamp()) else { return false };
    let (seconds, nanos) = made.to_unix();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(Duration::new(seconds, nanos)) > ABANDONED
}

/// Space for one generation that is removed when it is no longer needed, also after an error.
pub(crate) struct Scratch {
    pub(crate) place: Location,
    /// The folder of the file.
    folder: Option<PathBuf>,
}

impl Scratch {
    pub(crate) fn make(locations: &Locations, name: ProjectionId) -> Result<Scratch> {
        let id = Uuid::now_v7().simple();
        match locations {
            Locations::Folder(folder) => {
                let folder = folder.join(format!("{SCRATCH_FOLDER}{name}-{id}"));
                std::fs::create_dir(&folder).map_err(Error::file("make the folder", &folder))?;
                Ok(Scratch { place: location(name, folder.join("fold.db")), folder: Some(folder) })
            }
            Locations::Shared(cluster) => {
                let place = Location::Tables(Place::schema(cluster, &format!("{SCRATCH_SCHEMA}{id}")));
                Ok(Scratch { place, folder: None })
            }
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let removed = match &self.folder {
            // A merge that an erasure has asked for may still write into it.
            Some(folder) => remove_folder(folder),
            None => self.place.remove(),
        };
        if let Err(error) = removed {
            tracing::warn!(error = store::described(&error), "scratch space is left; a start a day later removes it");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_generations_of_that_projection_are_found() {
        let of = |file: &str| number_of(Path::new(file), ProjectionId::SignIns);
        assert_eq!(of("/m/sign-ins-v1-12.db"), Some(12));
        for other in ["sign-ins-v1-12.db-wal", "sign-ins-v1.db", "sign-ins-vx-1.db", "users-v1-1.db", "catalog.db"] {
            assert_eq!(of(other), None, "{other}");
        }
        assert_eq!(number_of(Path::new("/m/search-v1-12"), ProjectionId::Search), Some(12));
        assert_eq!(number_of(Path::new("/m/search-v1-12.db"), ProjectionId::Search), None);
        assert_eq!(beginning(ProjectionId::SignIns), "letopis_sign_ins_v");
        assert_eq!((numbered("1_12", '_'), numbered("1_12_3", '_'), numbered("1", '_')), (Some(12), None, None));
    }

    #[test]
    fn only_old_scratch_space_is_abandoned() {
        let old = Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, 1_700_000_000, 0)).simple();
        let new = Uuid::now_v7().simple();
        assert!(abandoned(&format!("scratch-sign-ins-{old}"), SCRATCH_FOLDER));
        assert!(!abandoned(&format!("scratch-sign-ins-{new}"), SCRATCH_FOLDER));
        assert!(abandoned(&format!("letopis_scratch_{old}"), SCRATCH_SCHEMA));
        assert!(!abandoned(&format!("letopis_scratch_{new}"), SCRATCH_SCHEMA));
        assert!(!abandoned("scratch-of-mine", SCRATCH_FOLDER));
    }
}
