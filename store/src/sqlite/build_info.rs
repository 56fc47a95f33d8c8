//! Which SQLite this program carries.

use crate::Error;
use rusqlite::Connection;

/// Which SQLite this program carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildInfo {
    /// Its version.
    pub version: &'static str,
    /// What it was compiled with.
    pub options: Vec<String>,
}

/// Asks the SQLite that was compiled in.
///
/// # Errors
/// [`Error::Database`].
pub fn build_info() -> Result<BuildInfo, Error> {
    let connection = Connection::open_in_memory()?;
    let mut statement = connection.prepare("pragma compile_options")?;
    let options = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(BuildInfo { version: rusqlite::version(), options })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_compiled_as_the_decision_says() {
        let build = build_info().unwrap();
        let has = |option: &str| build.options.iter().any(|found| found == option);
        assert!(has("THREADSAFE=1"), "{build:?}");
        assert!(!has("ENABLE_FTS5") && !has("ENABLE_LOAD_EXTENSION"), "{build:?}");
    }
}
