//! All projections of a log.

use crate::engine::caches::Caches;
use crate::engine::catalog::{Catalog, Entry};
use crate::engine::fan_out;
use crate::engine::handle::Handle;
use crate::engine::lease::Leases;
use crate::engine::locations::Locations;
use crate::engine::open;
use crate::engine::runner::{Runner, Shared};
use crate::{Behind, Error, Progress, ProjectionId, Result};
use std::sync::Arc;
use std::time::Duration;
use store::sql::Database;
use store::{Folder, Log, Mark};
use tokio::sync::watch;

/// How often a read looks whether another node has caught up.
const LOOK: Duration = Duration::from_millis(10);

/// All projections of a log. A cheap handle.
#[derive(Clone)]
pub struct Projections {
    inner: Arc<Inner>,
}

struct Inner {
    log: Log,
    locations: Locations,
    catalog: Catalog,
    /// None when no other node can write.
    leases: Option<Arc<Leases>>,
    runners: Vec<Runner>,
    caches: Caches,
    /// Changes whenever somebody waits for a projection with tables.
    awaited: watch::Sender<u64>,
    /// Why nothing here can follow the log any more.
    failure: watch::Sender<Option<String>>,
}

impl Projections {
    /// Opens the read models for writing: those of the folder, or beside a log that several nodes share; what is
    /// missing, of another version or ahead of the log is built from the log first, by one node. The caller holds the
    /// folder's lock.
    pub fn open(folder: &Folder, log: Log) -> Result<Projections> {
        Projections::open_telling(folder, log, (true, &ProjectionId::ALL), &|_, _| {})
    }

    /// The same for a node that feeds none of them, now or later: it follows what other nodes feed, and waits for one
    /// that builds what is missing. An embedded log has no other nodes: then it is the same as [`Projections::open`].
    ///
    /// # Errors
    /// [`Error::NobodyBuilds`] when no node has built it, and none begins to in a while.
    pub fn open_following(folder: &Folder, log: Log) -> Result<Projections> {
        Projections::open_telling(folder, log, (false, &ProjectionId::ALL), &|_, _| {})
    }

    /// One of the two by whether it feeds them, with these read models only, and `tell` is told how far each is that is built.
    /// Those that are left out go: nothing would take out of them who is erased. Where nodes share them they stay while another
    /// node feeds them.
    ///
    /// # Errors
    /// As those.
    pub fn open_telling(
        folder: &Folder,
        log: Log,
        (feeds, names): (bool, &[ProjectionId]),
        tell: &(dyn Fn(ProjectionId, Progress) + Sync),
    ) -> Result<Projections> {
        let locations = Locations::of(folder, &log);
        locations.prepare(folder)?;
        locations.remove_abandoned()?;
        let catalog = Catalog::open(&locations)?;
        let leases = match &locations {
            Locations::Folder(_) => None,
            Locations::Shared(_) => Some(Arc::new(Leases::open(&catalog, feeds)?)),
        };
        // The index is each node's own, also where they share the other read models.
        let own = Locations::Folder(folder.read_models());
        own.prepare(folder)?;
        own.remove_abandoned()?;
        let own_catalog = match &locations {
            Locations::Folder(_) => catalog.clone(),
            Locations::Shared(_) => Catalog::open(&own)?,
        };
        let shared = Shared { locations: &locations, log: &log, catalog: &catalog, leases: leases.as_ref(), tell };
        let of_node = Shared { locations: &own, log: &log, catalog: &own_catalog, leases: None, tell };
        for name in ProjectionId::ALL.into_iter().filter(|name| !names.contains(name)) {
            open::leave_out(if name.has_tables() { &shared } else { &of_node }, name)?;
        }
        let opened = fan_out::over(&log, names, |name, pages| {
            open::runner(if name.has_tables() { &shared } else { &of_node }, name, pages)
        });
        let runners = opened.into_iter().map(|(_, runner)| runner).collect::<Result<Vec<_>>>()?;
        Projections::of(log, locations, catalog, leases, runners)
    }

    /// Opens the read models for reading, also beside the process that writes them.
    pub fn open_read_only(folder: &Folder, log: Log) -> Result<Projections> {
        Projections::open_some_read_only(folder, log, &ProjectionId::ALL)
    }

    /// The same with these only.
    pub fn open_some_read_only(folder: &Folder, log: Log, names: &[ProjectionId]) -> Result<Projections> {
        let locations = Locations::of(folder, &log);
        let catalog = Catalog::open_read_only(&locations)?;
        let shared = Shared { locations: &locations, log: &log, catalog: &catalog, leases: None, tell: &|_, _| {} };
        let tables = names.iter().filter(|name| name.has_tables());
        let mut runners = tables.map(|name| open::to_read(&shared, *name)).collect::<Result<Vec<_>>>()?;
        let own = Locations::Folder(folder.read_models());
        let own_catalog = match Catalog::open_read_only(&own) {
            // This machine serves nothing.
            Err(Error::NotBuilt) => catalog.clone(),
            opened => opened?,
        };
        let shared = Shared { locations: &own, log: &log, catalog: &own_catalog, leases: None, tell: &|_, _| {} };
        if names.contains(&ProjectionId::Search) {
            runners.push(open::to_read_if_there(&shared, ProjectionId::Search)?);
        }
        Projections::of(log, locations, catalog, None, runners)
    }

    fn of(
        log: Log,
        locations: Locations,
        catalog: Catalog,
        leases: Option<Arc<Leases>>,
        runners: Vec<Runner>,
    ) -> Result<Projections> {
        let caches = Caches::new(&log, &runners)?;
        let (awaited, failure) = (watch::Sender::new(0), watch::Sender::new(None));
        let inner = Inner { log, locations, catalog, leases, runners, caches, awaited, failure };
        Ok(Projections { inner: Arc::new(inner) })
    }

    /// The read model that serves now. Ask again for each request: a rebuild puts another in its place.
    ///
    /// # Panics
    /// Of a projection that has no tables ([`ProjectionId::has_tables`]); that one is asked by [`Projections::index`].
    pub fn database(&self, name: ProjectionId) -> Database {
        let handle = self.runner(name).handle();
        handle.database().expect("only projections with tables are asked for them").clone()
    }

    /// The projections that there are.
    pub fn names(&self) -> Vec<ProjectionId> {
        self.runners().iter().map(|runner| runner.name).collect()
    }

    /// Whether that projection is there. What is left out must not be asked for.
    pub fn has(&self, name: ProjectionId) -> bool {
        self.runners().iter().any(|runner| runner.name == name)
    }

    /// How far that projection is; of one that is open for reading only, how far it was when it was opened.
    pub fn position(&self, name: ProjectionId) -> u64 {
        self.runner(name).position()
    }

    /// The files of read models, and of the catalogue, in which something was found damaged since they were opened.
    pub fn damaged(&self) -> Vec<String> {
        let handles = self.runners().iter().map(Runner::handle).collect::<Vec<_>>();
        let catalogs =
            self.runners().iter().map(|runner| runner.catalog().database()).chain([self.catalog().database()]);
        let files = handles.iter().filter_map(Handle::database).chain(catalogs).filter_map(Database::damaged);
        let mut files = files.map(|path| path.display().to_string()).collect::<Vec<_>>();
        files.sort();
        files.dedup();
        files
    }

    /// Looks whether the files of that projection and of the catalogue are whole, unless they are longer than `bytes_max`;
    /// answers whether it did. An index looks at its own in [`Projections::verify`].
    ///
    /// # Errors
    /// [`store::Error::DamagedFile`], which names the file.
    pub fn check_files(&self, name: ProjectionId, bytes_max: u64) -> Result<bool> {
        let runner = self.runner(name);
        let is_known = runner.catalog().database().check(bytes_max)?;
        match self.present(name)?.1 {
            Handle::Tables(database) => Ok(is_known && database.check(bytes_max)?),
            Handle::Index(_) | Handle::Elsewhere => Ok(is_known),
        }
    }

    /// The last event of that projection that whoever reads it finds.
    pub fn mark(&self, name: ProjectionId) -> Mark {
        self.runner(name).mark()
    }

    /// Resolves when nothing here can follow the log any more, because the log came back with another history: the
    /// process must end. Says why.
    pub async fn failed(&self) -> String {
        let mut failure = self.inner.failure.subscribe();
        // The sender is here as well, so that it waits for ever at worst.
        let failed = failure.wait_for(Option::is_some).await;
        failed.ok().and_then(|why| why.clone()).unwrap_or_default()
    }

    pub(crate) fn fail(&self, why: String) {
        self.inner.failure.send_if_modified(|failure| {
            let is_first = failure.is_none();
            if is_first {
                tracing::error!(why, "the read models can no longer follow the log: the process must stop");
                *failure = Some(why);
            }
            is_first
        });
    }

    /// Waits until the projection has folded in the event at `position`. Answers how far it is. One that stands is
    /// not waited for.
    pub async fn caught_up(&self, name: ProjectionId, position: u64, wait: Duration) -> Result<u64, Behind> {
        let runner = self.runner(name);
        let reached = runner.position();
        if reached >= position {
            return Ok(reached);
        }
        if runner.stands() {
            return Err(Behind { name, position: reached });
        }
        if name.has_tables() {
            self.inner.awaited.send_modify(|times| *times = times.wrapping_add(1));
        } else {
            runner.want(position);
        }
        let mut watch = runner.watch();
        let reached = async {
            loop {
                let told = async {
                    watch.wait_for(|reached| reached.position >= position).await.map(|reached| reached.position).ok()
                };
                match tokio::time::timeout(LOOK, told).await {
                    Ok(reached) => return reached,
                    // Another node may feed it: nobody here is told how far that is.
                    Err(_) => runner.look().await,
                }
            }
        };
        match tokio::time::timeout(wait, reached).await {
            Ok(Some(reached)) => Ok(reached),
            Ok(None) | Err(_) => Err(Behind { name, position: self.position(name) }),
        }
    }

    /// Changes when somebody begins to wait for a projection with tables.
    pub(crate) fn awaited(&self) -> watch::Receiver<u64> {
        self.inner.awaited.subscribe()
    }

    pub(crate) fn caches(&self) -> &Caches {
        &self.inner.caches
    }

    pub(crate) fn runner(&self, name: ProjectionId) -> &Runner {
        let runner = self.inner.runners.iter().find(|runner| runner.name == name);
        runner.expect("nobody asks for a projection that is left out")
    }

    pub(crate) fn runners(&self) -> &[Runner] {
        &self.inner.runners
    }

    pub(crate) fn log(&self) -> &Log {
        &self.inner.log
    }

    pub(crate) fn locations(&self) -> &Locations {
        &self.inner.locations
    }

    /// Whether an operator may have this node do something to that projection.
    pub(crate) fn check_feeds(&self, name: ProjectionId) -> Result<()> {
        match self.leases() {
            Some(leases) if name.has_tables() && !leases.feeds() => Err(Error::FeedsNone { name }),
            Some(_) | None => Ok(()),
        }
    }

    pub(crate) fn leases(&self) -> Option<&Leases> {
        self.inner.leases.as_deref()
    }

    /// The projection's row and its read model as they are now, whoever writes them.
    pub(crate) fn present(&self, name: ProjectionId) -> Result<(Entry, Handle)> {
        let runner = self.runner(name);
        if self.may_write() && runner.epoch().is_some() {
            return Ok((runner.entry(), runner.handle()));
        }
        let entry = runner.catalog().entry(name)?.unwrap_or_else(|| runner.entry());
        let handle = runner.place(entry.version, entry.generation).open()?;
        Ok((entry, handle))
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.inner.catalog
    }

    pub(crate) fn may_write(&self) -> bool {
        self.inner.catalog.may_write()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::Appender;

    #[tokio::test]
    async fn who_waits_for_tables_is_heard_and_nobody_else() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::create(place.path()).unwrap();
        let appender = Appender::open(&folder, &folder.master_key()).unwrap();
        let projections = Projections::open(&folder, appender.log(&folder).unwrap()).unwrap();
        let awaited = projections.awaited();
        assert_eq!(projections.caught_up(ProjectionId::Chats, 0, Duration::ZERO).await, Ok(0));
        assert!(projections.caught_up(ProjectionId::Search, 1, Duration::ZERO).await.is_err());
        assert!(!awaited.has_changed().unwrap(), "there is nothing to wait for, or it is fed by itself");
        assert!(projections.caught_up(ProjectionId::Chats, 1, Duration::ZERO).await.is_err());
        assert!(awaited.has_changed().unwrap());
    }
}
