//! Whether the database that nodes share is there, where one is set.

use super::{Advice, Check};
use crate::context::Context;
use serde_json::json;
use store::described;
use store::postgres::{DatabaseReport, ListenEnd};

pub(super) async fn database(context: &Context) -> Check {
    let Some(cluster) = &context.settings.database else {
        return Check::ok("database", "not set: the log is in the data folder");
    };
    match store::postgres::probe(cluster) {
        Ok(looked) => {
            let check = told(&cluster.to_string(), &looked);
            match cluster.check_listening().await {
                Err(ListenEnd::Unheard) => check.noting(
                    "notifications do not arrive (a pooler in transaction mode?): a node without NATS sees what \
                     other nodes append up to 250 ms later",
                ),
                Ok(()) | Err(ListenEnd::Lost(_)) => check,
            }
        }
        Err(error) => {
            let found = format!("{cluster}: {}", described(&error));
            let check = Check::problem("database", found, Advice::DatabaseUnreachable);
            if error.is_lost() { check.lost() } else { check }
        }
    }
}

/// What bounds a single question or a connection at rest from outside, and so every node.
const HURTFUL: [&str; 3] = ["statement_timeout", "idle_session_timeout", "transaction_timeout"];

fn told(shown: &str, looked: &DatabaseReport) -> Check {
    let DatabaseReport { server, found, known, is_standby, inherited } = looked;
    let of_tables = format!("{shown} answers (PostgreSQL {server}); its tables are of version {found}");
    let check = if *is_standby {
        Check::problem("database", format!("{shown} is a standby"), Advice::DatabaseIsStandby)
    } else if found < known {
        Check::problem("database", format!("{of_tables}, this program needs {known}"), Advice::TablesOlder)
    } else if found > known {
        Check::problem("database", format!("{of_tables}, this program knows {known}"), Advice::TablesNewer)
    } else if inherited.is_empty() {
        Check::ok("database", of_tables)
    } else {
        let settings = inherited.iter().map(|(name, value)| format!("{name} = {value}"));
        let found = format!("{of_tables}; it sets {}", settings.collect::<Vec<_>>().join(", "));
        match inherited.iter().find(|(name, _)| HURTFUL.contains(&name.as_str())) {
            // Each transaction says in its place what it needs.
            None => Check::ok("database", found),
            Some((name, _)) => Check::warning("database", found, Advice::DatabaseLimit { name: name.clone() }),
        }
    };
    check.with(json!({"server": server, "version": found}))
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn tables_of_another_version_and_a_standby_are_found() {
        let looked = |found, is_standby| DatabaseReport {
            server: "17.1".to_owned(),
            found,
            known: 2,
            is_standby,
            inherited: Vec::new(),
        };
        let check = |found, is_standby| told("letopis at db:5432", &looked(found, is_standby));
        assert_eq!(check(2, false).state, State::Ok);
        for (found, is_standby, says) in [(0, false, "migrate"), (3, false, "newer"), (2, true, "primary")] {
            let check = check(found, is_standby);
            assert_eq!(check.state, State::Problem);
            assert!(check.advice.is_some_and(|advice| advice.contains(says)), "{found} {is_standby}");
        }
    }
}
