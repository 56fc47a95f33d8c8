//! How SQLite and PostgreSQL would answer a query of a read model: tests only.

use crate::engine::definition::Definition;
use store::Cluster;
use store::sql::{Database, Place, Value};

/// Most parameters of a query.
const PARAMETERS_MAX: usize = 9;
/// Of the schema with the tables, in PostgreSQL.
const SCHEMA: &str = "letopis_plans";

/// Asserts that none of these queries reads one of these tables from its beginning to its end. An index that has but a part of
/// the rows may be read whole.
pub(in crate::models) async fn assert_no_scans(
    definition: &'static Definition,
    tables: &[&str],
    queries: &[(&str, &'static str)],
) {
    let place = tempfile::tempdir().expect("a temporary folder can be made");
    let file = Database::create(&place.path().join("model.db")).expect("a file can be made there");
    made(&file, definition);
    for (name, sql) in queries {
        let parameters = vec![Value::from(0_i64); parameters(sql)];
        let explained = format!("explain query plan {sql}");
        let plan = file.rows(explained.leak(), &parameters, |row| Ok(row.text(3)?.to_owned())).await;
        let plan = plan.unwrap_or_else(|error| panic!("{name}: {error}"));
        for step in &plan {
            let words = step.split_whitespace().collect::<Vec<_>>();
            let is_scan = words.first() == Some(&"SCAN") && words.get(1).is_some_and(|table| tables.contains(table));
            let is_partial = words.last().is_some_and(|index| is_partial(definition, index));
            assert!(!is_scan || is_partial, "{name}: {plan:#?}");
        }
        assert!(!plan.is_empty(), "{name}");
    }
    assert_no_scans_in_postgres(definition, tables, queries).await;
}

/// The same in PostgreSQL, where there is one.
async fn assert_no_scans_in_postgres(
    definition: &'static Definition,
    tables: &[&str],
    queries: &[(&str, &'static str)],
) {
    let Some(database) = servers::postgres().await else { return };
    let cluster = Cluster::new(&database.url()).expect("it is a URL");
    let place = Place::schema(&cluster, SCHEMA);
    let making = move || made(&place.create().expect("the database is ours"), definition);
    tokio::task::spawn_blocking(making).await.expect("its tables are SQL there as well");
    let client = cluster.connect_in(&tokio::runtime::Handle::current()).await.expect("it is reached");
    // Of an empty table everything is best read whole: it is, where there is no other way.
    let settings =
        format!("set search_path = {SCHEMA}; set enable_seqscan = off; set plan_cache_mode = force_generic_plan");
    client.batch_execute(&settings).await.expect("these can be set");
    for (name, sql) in queries {
        client
            .batch_execute(&format!("prepare query as {sql}"))
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let parameters = vec!["null"; parameters(sql)].join(", ");
        let parameters = if parameters.is_empty() { parameters } else { format!("({parameters})") };
        let plan = client.query(&format!("explain (costs off) execute query{parameters}"), &[]).await;
        let plan = plan.expect("what is prepared can be explained");
        let plan = plan.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>();
        for (at, step) in plan.iter().enumerate() {
            let is_searched = plan.get(at + 1).is_some_and(|next| next.contains("Index Cond: "));
            let is_walk = match (step.split_once("Seq Scan on "), step.split_once(" using ")) {
                (Some((_, table)), _) => table.split(' ').next().is_some_and(|table| tables.contains(&table)),
                // A walk through a whole index is one through the table.
                (None, Some((_, index))) if !is_searched => {
                    index.split_once(" on ").is_some_and(|(index, _)| !is_partial(definition, index))
                }
                (None, _) => false,
            };
            assert!(!is_walk, "{name}, on PostgreSQL: {plan:#?}");
        }
        client.batch_execute("deallocate query").await.expect("it is there");
    }
}

/// Makes its tables and indexes.
fn made(db: &Database, definition: &Definition) {
    let mut writer = db.writer().expect("it is new");
    let mut tx = writer.begin().expect("nobody else writes");
    tx.batch(definition.tables).expect("its tables are SQL");
    tx.batch(definition.indexes).expect("its indexes are SQL");
    tx.commit().expect("there is room");
}

/// Whether that index has but a part of the rows.
fn is_partial(definition: &Definition, index: &str) -> bool {
    let made = definition.indexes.split(';').chain(definition.tables.split(';'));
    made.filter(|sql| sql.contains(" where ")).any(|sql| sql.split_whitespace().nth(5) == Some(index))
}

/// How many parameters a query has.
fn parameters(sql: &str) -> usize {
    (1..=PARAMETERS_MAX).filter(|number| sql.contains(&format!("${number}"))).count()
}
