//! A database that cannot be reached, or written, or that has settings of its own.
#![allow(clippy::unwrap_used)]

mod common;

use common::ledger::Client;
use common::{Place, fixture};
use servers::{PgBouncer, Postgres, PostgresOptions, Server};
use std::sync::Arc;

#[test]
fn a_connection_that_is_lost_is_no_verdict() {
    if !servers::installed(Server::Postgres) {
        return;
    }
    let mut postgres = Postgres::start(PostgresOptions::default()).unwrap();
    let place = Place::new().with("LETOPIS_DATABASE_URL", &postgres.url());
    place.run(&["migrate"]).ok();
    place.run(&["import", &fixture()]).ok();
    place.run(&["events", "verify"]).ok();
    postgres.stop_immediate();
    for verb in [
        &["events", "verify"][..],
        &["events", "anchor", "--accept"],
        &["projections", "verify", "--all"],
        &["projections", "ls"],
        &["users", "ls"],
        &["doctor"],
    ] {
        let ran = place.run(verb);
        assert_eq!(ran.code, 7, "{verb:?}: {}", ran.err);
        assert!(
            !ran.err.contains("changed from outside") && !ran.out.contains("\"verified\":false"),
            "{}{}",
            ran.out,
            ran.err
        );
    }
}

/// What operators set for a role, a database or a server, and a node inherits.
const INHERITED: [&str; 10] = [
    "default_transaction_isolation = 'serializable'",
    "default_transaction_read_only = on",
    "default_transaction_deferrable = on",
    "search_path = 'nowhere'",
    "synchronous_commit = off",
    "timezone = 'Asia/Kathmandu'",
    "lock_timeout = '1ms'",
    "statement_timeout = '300ms'",
    "idle_in_transaction_session_timeout = '50ms'",
    "datestyle = 'SQL, DMY'",
];

#[test]
fn what_is_inherited_from_the_database_changes_nothing() {
    inherits_nothing(false);
}

/// Behind a pooler each transaction may get another connection, and nothing may be left on one.
#[test]
fn what_is_inherited_changes_nothing_behind_a_pooler_either() {
    inherits_nothing(true);
}

fn inherits_nothing(pooled: bool) {
    if !servers::installed(Server::Postgres) || pooled && !servers::installed(Server::PgBouncer) {
        return;
    }
    let postgres = Postgres::start(PostgresOptions::default()).unwrap();
    let pooler = pooled.then(|| PgBouncer::before(&postgres.url()).unwrap());
    let nodes_url = pooler.as_ref().map_or_else(|| postgres.url(), PgBouncer::url);
    let place = Place::new().with("LETOPIS_DATABASE_URL", &nodes_url);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&postgres.url(), tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let database: String = client.query_one("select current_database()::text", &[]).await.unwrap().get(0);
        for set in INHERITED {
            client.batch_execute(&format!("alter database \"{database}\" set {set}")).await.unwrap();
        }
    });
    place.run(&["migrate"]).ok();
    place.run(&["import", &fixture()]).ok();
    let mut servers = Vec::new();
    for _ in 0..2 {
        let node = Place::new().with("LETOPIS_DATABASE_URL", &nodes_url);
        let key = place.data().join("master.key").display().to_string();
        let node = node.with("LETOPIS_MASTER_KEY_FILE", &key);
        let server = node.serve();
        servers.push((node, server));
    }
    let url = servers[0].1.url.clone();
    runtime.block_on(async {
        let client = Arc::new(Client::signed_in(&url).await);
        let posted = servers.iter().map(|(_, server)| {
            let (client, url) = (Arc::clone(&client), server.url.clone());
            tokio::spawn(async move {
                for number in 0..50 {
                    let (status, body) = client.post(&url, &format!("{url} {number}")).await.unwrap();
                    assert_eq!(status, 201, "{body}");
                }
            })
        });
        for posted in posted.collect::<Vec<_>>() {
            posted.await.unwrap();
        }
    });
    place.run(&["projections", "rebuild", "--all"]).ok();
    place.run(&["projections", "verify", "--all"]).ok();
    place.run(&["events", "verify"]).ok();
    let doctor = place.run(&["doctor", "-o", "json"]).json();
    let database = doctor.as_array().unwrap().iter().find(|check| check["check"] == "database").unwrap().clone();
    for set in INHERITED {
        let name = set.split(' ').next().unwrap();
        // How a date is written concerns nothing that we ask.
        if name != "datestyle" {
            let found = database["found"].as_str().unwrap().to_lowercase();
            assert!(found.contains(&format!("{name} = ")), "{name}: {database}");
        }
    }
    assert_eq!(database["state"], "warning", "{database}");
    for (_, server) in servers {
        assert_eq!(server.stop(), 0);
    }
}

#[test]
fn a_head_that_somebody_holds_is_told_and_passes() {
    if !servers::installed(Server::Postgres) {
        return;
    }
    let postgres = Postgres::start(PostgresOptions::default()).unwrap();
    let place = Place::new().with("LETOPIS_DATABASE_URL", &postgres.url());
    place.run(&["migrate"]).ok();
    let server = place.serve();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let health = || place.run(&["health", "--url", &server.url]);
    assert_eq!(health().code, 0);
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&postgres.url(), tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("begin; select * from letopis.log_head for update").await.unwrap();
        while health().code != 5 {}
        assert_eq!(reqwest::get(format!("{}/livez", server.url)).await.unwrap().status().as_u16(), 200);
        client.batch_execute("rollback").await.unwrap();
    });
    while health().code != 0 {}
    assert_eq!(server.stop(), 0);
}
