//! How SQLite would answer a query of a read model: tests only.

use crate::engine::definition::Definition;
use store::sql::{Database, Value};

/// Most parameters of a query.
const PARAMETERS_MAX: usize = 9;

/// Asserts that none of these queries reads one of these tables from its beginning to its end. An index that has but a part of
/// the rows may be read whole.
pub(in crate::models) async fn assert_no_scans(
    definition: &Definition,
    tables: &[&str],
    queries: &[(&str, &'static str)],
) {
    let place = tempfile::tempdir().expect("a temporary folder can be made");
    let db = Database::create(&place.path().join("model.db")).expect("a file can be made there");
    let mut writer = db.writer().expect("it is new");
    let mut tx = writer.begin().expect("nobody else writes");
    tx.batch(definition.tables).expect("its tables are SQL");
    tx.batch(definition.indexes).expect("its indexes are SQL");
    tx.commit().expect("there is room");
    let partial = definition.indexes.split(';').chain(definition.tables.split(';'));
    let partial = partial.filter(|sql| sql.contains(" where ")).filter_map(|sql| sql.split_whitespace().nth(5));
    let partial = partial.map(str::to_owned).collect::<Vec<_>>();
    for (name, sql) in queries {
        let wanted = (1..=PARAMETERS_MAX).filter(|number| sql.contains(&format!("${number}"))).count();
        let parameters = vec![Value::from(0_i64); wanted];
        let explained = format!("explain query plan {sql}");
        let plan = db.rows(explained.leak(), &parameters, |row| Ok(row.text(3)?.to_owned())).await;
        let plan = plan.unwrap_or_else(|error| panic!("{name}: {error}"));
        for step in &plan {
            let words = step.split_whitespace().collect::<Vec<_>>();
            let is_scan = words.first() == Some(&"SCAN") && words.get(1).is_some_and(|table| tables.contains(table));
            let is_partial = words.last().is_some_and(|index| partial.iter().any(|one| one == index));
            assert!(!is_scan || is_partial, "{name}: {plan:#?}");
        }
        assert!(!plan.is_empty(), "{name}");
    }
}
