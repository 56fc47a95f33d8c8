//! What a verb works with: the settings, and the data folder opened for reading.

use crate::arguments::{Common, Serve};
use crate::exit::{Code, failure};
use crate::output::Screen;
use crate::settings::{Flag, Layers, Settings};
use anyhow::Result;
use node::{Messaging, Module, NodeOptions, Roles};
use projections::{ProjectionId, Projections};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use store::{Folder, Log};

/// How long a reading verb waits for read models that a running server feeds.
const FOLLOW_WAIT: Duration = Duration::from_secs(1);

/// What a verb works with.
#[derive(Clone)]
pub struct Context {
    /// What is set, checked.
    pub settings: Settings,
    /// What is set, and where.
    pub layers: Layers,
    /// How data is to be shown.
    pub output: Screen,
    /// Whether the clock is right although it has jumped ahead.
    accept_clock: bool,
}

impl Context {
    /// Reads the settings.
    ///
    /// # Errors
    /// When they cannot be used.
    pub fn load(common: &Common, serve: Option<&Serve>) -> Result<Context> {
        let data = common.data.as_ref().map(|data| data.clone().into_os_string());
        let listen = serve.and_then(|serve| serve.listen.clone().map(OsString::from));
        let roles = serve.and_then(|serve| serve.roles.clone().map(OsString::from));
        let database = common.database.clone().map(OsString::from);
        let given: [(&'static str, &'static str, Option<OsString>); 4] = [
            ("data", "data", data),
            ("database", "database_url", database),
            ("listen", "listen", listen),
            ("roles", "roles", roles),
        ];
        let flags = given.into_iter().filter_map(|(flag, key, value)| Some((flag, key, value?)));
        let layers = Layers::load(common.config.as_deref(), std::env::vars_os(), &flags.collect::<Vec<Flag>>())?;
        let accept_clock = serve.is_some_and(|serve| serve.accept_clock);
        Ok(Context {
            settings: Settings::read(&layers)?,
            layers,
            output: Screen { asked: common.output, wide: common.wide },
            accept_clock,
        })
    }

    /// Where the master key of the data folder is, or is to be.
    pub fn master_key(&self) -> PathBuf {
        self.node_options().master_key_file()
    }

    /// Refuses what is made for the embedded log only.
    ///
    /// # Errors
    /// When the log is one that nodes share.
    pub fn embedded_only(&self, verb: &str) -> Result<()> {
        match self.settings.database {
            None => Ok(()),
            Some(_) => Err(failure(
                Code::Usage,
                format!(
                    "{verb} copies the files of the embedded log; for PostgreSQL use pg_dump and pg_restore, or \
                     `letopis events export`"
                ),
            )),
        }
    }

    /// Refuses a verb of a module that is left out.
    ///
    /// # Errors
    /// When it is.
    pub fn check_module(&self, verb: &str) -> Result<()> {
        match Module::of_verb(verb).filter(|module| !self.settings.modules.has(*module)) {
            None => Ok(()),
            Some(module) => {
                let origin = self.layers.get("modules").map_or("default", |set| set.origin.as_str());
                let (module, modules) = (module.name(), self.settings.modules);
                let message = format!(
                    "`letopis {verb}` is of the module {module}, which is left out: modules is {modules} ({origin})"
                );
                Err(failure(Code::Usage, message))
            }
        }
    }

    /// The log, for reading; beside a running server as well.
    ///
    /// # Errors
    /// When there is none, or the master key is not its own.
    pub fn log(&self) -> Result<(Folder, Log)> {
        let Some(cluster) = &self.settings.database else {
            let folder = Folder::existing(&self.settings.data)?;
            let log = Log::open_read_only(&folder, &self.master_key())?;
            return Ok((folder, log));
        };
        // Who only reads makes no folder.
        let folder = Folder::unopened(&self.settings.data);
        let log = Log::open_shared(cluster, &folder, &self.master_key())?;
        Ok((folder, log))
    }

    /// The read models, for reading.
    ///
    /// # Errors
    /// As [`Context::log`], and when they are not built.
    pub fn projections(&self) -> Result<Projections> {
        let (folder, log) = self.log()?;
        Ok(Projections::open_some_read_only(&folder, log, &self.settings.modules.projections())?)
    }

    /// The same when these have seen what is in the log now: what was written right before is shown. Where nothing follows
    /// the log, they are as far as they were when it ended.
    ///
    /// # Errors
    /// As [`Context::projections`].
    pub async fn current(&self, shown: &[ProjectionId]) -> Result<Projections> {
        let projections = self.projections()?;
        let head = self.log()?.1.head()?.position;
        let until = Instant::now() + FOLLOW_WAIT;
        for name in shown {
            let left = until.saturating_duration_since(Instant::now());
            if projections.caught_up(*name, head, left).await.is_err() {
                tracing::debug!(%name, head, "it does not get there; what it has is shown");
            }
        }
        Ok(projections)
    }

    /// How to open the folder for writing. Whatever a server is told of its roles: a verb does all that it needs.
    pub fn node_options(&self) -> NodeOptions {
        let settings = &self.settings;
        NodeOptions {
            data: settings.data.clone(),
            database: settings.database.clone(),
            master_key: settings.master_key_file.clone(),
            erased_list: settings.erased_list.clone(),
            messaging: settings.nats.clone().map_or(Messaging::Off, Messaging::OnRequest),
            roles: Roles::ALL,
            modules: settings.modules,
            passwords: settings.passwords,
            redis: None,
            couriers: None,
            serves: false,
            accept_clock: self.accept_clock,
        }
    }
}
