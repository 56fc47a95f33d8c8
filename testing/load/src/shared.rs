//! Appends to a log in PostgreSQL: through the writers of one node and of two, and the yardstick, one INSERT a
//! transaction by the same driver.

use crate::appends::{RECORD, gathered, through_the_writers};
use crate::plan::Plan;
use crate::{Measured, Rated};
use anyhow::{Context, Result};
use commands::Writer;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Appender, Cluster, Folder};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// Connections of the yardstick, which its callers share: more do not fit into a server as it is installed.
const CONNECTIONS_MAX: u16 = 64;
/// What the yardstick writes into: about what one event takes, and the same two indexes.
const TABLE: &str = "create table bench_event (position bigserial primary key, stream text collate \"C\" not null,
    version bigint not null, payload text not null, unique (stream, version))";

/// A database that is made for one measurement, beside the one that is set.
pub(super) struct Throwaway {
    pub(super) cluster: Cluster,
    beside: Cluster,
    name: String,
}

impl Throwaway {
    /// Makes it, with the log's tables; the role that is set must be allowed to.
    pub(super) async fn make(beside: &Cluster, name: &str) -> Result<Throwaway> {
        let allowed =
            "could not make a throwaway database; bench needs a role with CREATEDB, best on a server of its own";
        run(beside, &format!("create database {name}")).await.context(allowed)?;
        let mut config = beside.config().clone();
        config.dbname(name);
        let made = Throwaway { cluster: Cluster::of(config)?, beside: beside.clone(), name: name.to_owned() };
        let cluster = made.cluster.clone();
        tokio::task::spawn_blocking(move || store::postgres::migrate(&cluster, None)).await??;
        Ok(made)
    }

    /// Drops it, whoever is still connected.
    pub(super) async fn end(self) -> Result<()> {
        let dropped = run(&self.beside, &format!("drop database {} (force)", self.name)).await;
        dropped.with_context(|| format!("could not drop the database {}; drop it by hand", self.name))
    }
}

async fn run(cluster: &Cluster, sql: &str) -> Result<()> {
    Ok(cluster.connect_in(&Handle::current()).await?.batch_execute(sql).await?)
}

/// One node, two nodes with the same callers between them and with as many at each, and single INSERTs.
pub(super) async fn measure(place: &Path, cluster: &Cluster, plan: &Plan) -> Result<Vec<Measured>> {
    let callers = plan.callers;
    let what = |what: &str| format!("{what}, {callers} callers");
    let folders = [Folder::create(&place.join("one"))?, Folder::create(&place.join("two"))?];
    let one = through_nodes(cluster, &folders[..1], plan).await?.of(&what("append through one node"));
    let two = through_nodes(cluster, &folders, plan).await?.of(&what("append through two nodes"));
    let loaded = Plan { callers: 2 * callers, ..plan.clone() };
    let each = through_nodes(cluster, &folders, &loaded).await?;
    let each = each.of(&format!("append through two nodes, {callers} callers at each"));
    let insert = single_inserts(cluster, plan).await?.of(&what("one INSERT a transaction"));
    Ok(vec![one, two, each, insert])
}

async fn through_nodes(cluster: &Cluster, folders: &[Folder], plan: &Plan) -> Result<Rated> {
    let (mut writers, mut runnings, mut keys) = (Vec::new(), Vec::new(), None);
    let master_key = folders.first().context("there is a folder")?.master_key();
    for folder in folders {
        let (cluster, folder, master_key) = (cluster.clone(), folder.clone(), master_key.clone());
        let opening = move || Appender::open_shared(&cluster, &folder, &master_key);
        let appender = tokio::task::spawn_blocking(opening).await??;
        keys.get_or_insert(appender.keys());
        let (writer, running) = Writer::start(appender, commands::ClockGuard::unkept());
        writers.push(writer);
        runnings.push(running);
    }
    let rated = through_the_writers(&writers, &*keys.context("there is a node")?, plan).await;
    for running in runnings {
        running.stop().await;
    }
    rated
}

async fn single_inserts(cluster: &Cluster, plan: &Plan) -> Result<Rated> {
    let mut clients = Vec::new();
    for _ in 0..plan.callers.min(CONNECTIONS_MAX) {
        // Their tasks run here, beside the callers, as those of a program that has only the driver.
        clients.push(Arc::new(cluster.connect_in(&Handle::current()).await?));
    }
    clients.first().context("there is a caller")?.batch_execute(TABLE).await?;
    let payload = String::from_utf8_lossy(&RECORD).into_owned();
    let deadline = Instant::now() + Duration::from_secs(plan.seconds.into());
    let began = Instant::now();
    let mut calling = JoinSet::new();
    for (number, client) in clients.iter().cycle().take(plan.callers.into()).enumerate() {
        let (client, payload) = (Arc::clone(client), payload.clone());
        calling.spawn(async move {
            let sql = "insert into bench_event (stream, version, payload) values ($1, $2, $3)";
            let insert = client.prepare(sql).await?;
            let (stream, mut waits_us) = (format!("caller-{number}"), Vec::new());
            for version in 1_i64.. {
                if Instant::now() >= deadline {
                    break;
                }
                let sent = Instant::now();
                client.execute(&insert, &[&stream, &version, &payload]).await?;
                waits_us.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
            }
            anyhow::Ok(waits_us)
        });
    }
    gathered(calling, began).await
}
