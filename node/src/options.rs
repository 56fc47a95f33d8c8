//! How a node is opened.

use crate::passwords::PasswordPolicy;
use crate::{Messaging, Modules, Roles, redis};
use couriers::CourierSettings;
use std::path::PathBuf;
use store::Cluster;

/// Where a node keeps its data, and what it does of the work.
#[derive(Clone)]
pub struct NodeOptions {
    /// The data folder; it is made when it is not there.
    pub data: PathBuf,
    /// The database that several nodes share; without one the log is in the data folder.
    pub database: Option<Cluster>,
    /// The master key's file; by default `master.key` in the data folder.
    pub master_key: Option<PathBuf>,
    /// The file of who was erased; by default `erased` beside the master key.
    pub erased_list: Option<PathBuf>,
    /// What this process does with NATS.
    pub messaging: Messaging,
    /// What this process does of the work. All of it, where the log is in the data folder.
    pub roles: Roles,
    /// Which parts of the product there are.
    pub modules: Modules,
    /// What is asked of passwords, and what their hashes cost.
    pub passwords: PasswordPolicy,
    /// The Redis that nodes share; none when there is none.
    pub redis: Option<redis::Address>,
    /// What the couriers work by; none: nobody is told anything from here.
    pub couriers: Option<CourierSettings>,
    /// Whether it serves callers. One that carries out what one verb asks takes up no search tasks.
    pub serves: bool,
    /// Whether the clock is right although it has jumped ahead since the folder was last served.
    pub accept_clock: bool,
}

impl NodeOptions {
    /// Where the master key of the data folder is, or is to be.
    pub fn master_key_file(&self) -> PathBuf {
        self.master_key.clone().unwrap_or_else(|| self.data.join("master.key"))
    }

    /// Where it is kept who was erased.
    pub fn erased_list_file(&self) -> PathBuf {
        self.erased_list.clone().unwrap_or_else(|| self.master_key_file().with_file_name("erased"))
    }

    /// A node that does everything over that folder, alone.
    pub fn new(data: PathBuf) -> NodeOptions {
        NodeOptions {
            data,
            database: None,
            master_key: None,
            erased_list: None,
            messaging: Messaging::Off,
            roles: Roles::ALL,
            modules: Modules::ALL,
            passwords: PasswordPolicy::default(),
            redis: None,
            couriers: None,
            serves: true,
            accept_clock: false,
        }
    }
}
