//! The other profile: the same stories on a log in PostgreSQL.

use servers::Database;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use store::Cluster;
use tempfile::TempDir;

/// The databases of the folders of this process: a server that is started over a folder again finds its own. They go
/// with the process.
static DATABASES: LazyLock<Mutex<HashMap<PathBuf, Arc<Database>>>> = LazyLock::new(Mutex::default);

/// The shared log that belongs to a folder, in a test program whose name begins with `shared`; none in any other, and
/// none where nobody provides a PostgreSQL: then the stories run on the embedded log once more.
pub(crate) async fn of(folder: &TempDir) -> Option<Cluster> {
    let program = std::env::current_exe().ok()?;
    if !program.file_stem()?.to_string_lossy().starts_with("shared") {
        return None;
    }
    let path = folder.path().to_owned();
    let known = DATABASES.lock().unwrap_or_else(PoisonError::into_inner).get(&path).cloned();
    if let Some(database) = known {
        return Some(cluster(&database));
    }
    let database = Arc::new(servers::postgres().await?);
    let cluster = cluster(&database);
    store::postgres::migrate(&cluster, None).expect("an empty database gets its tables");
    DATABASES.lock().unwrap_or_else(PoisonError::into_inner).insert(path, database);
    Some(cluster)
}

fn cluster(database: &Database) -> Cluster {
    Cluster::new(&database.url()).expect("a throwaway database has an address")
}
