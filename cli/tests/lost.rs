//! A database that cannot be reached says nothing of the log that it holds.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{Place, fixture};
use servers::{Postgres, PostgresOptions, Server};

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
            !ran.err.contains("changed the log") && !ran.out.contains("\"verified\":false"),
            "{}{}",
            ran.out,
            ran.err
        );
    }
}
