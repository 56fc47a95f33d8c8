//! `letopis doctor`: checks everything that a server needs, one after the other, and says what to do.
//! It changes nothing.

mod advice;
mod data;
mod database;
mod machine;
mod mail;
mod nats;
mod providers;
mod redis;
mod served;

use self::advice::Advice;
use crate::context::Context;
use crate::exit::{Code, failure};
use crate::output::{self, Column, Listing};
use anyhow::Result;
use serde::Serialize;
use serde_json::Value;
use std::io::Write;

const COLUMNS: &[Column] = &[Column::new("check"), Column::new("state"), Column::new("found").yields(1)];

/// A file of 8 MiB is checked in about 10 ms; there are some fifteen.
const FILE_BYTES_MAX: u64 = 8 << 20;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    /// Nothing to do.
    Ok,
    /// It works, and needs attention.
    Warning,
    /// It does not work, or soon will not.
    Problem,
}

/// What one check found.
#[derive(Clone, Debug, Serialize)]
struct Check {
    check: &'static str,
    state: State,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Value>,
    /// Nobody answers there: nothing is known of what it holds.
    #[serde(skip)]
    is_lost: bool,
}

impl Check {
    fn ok(check: &'static str, found: impl Into<String>) -> Check {
        Check { check, state: State::Ok, found: found.into(), advice: None, details: None, is_lost: false }
    }

    fn warning(check: &'static str, found: impl Into<String>, advice: Advice) -> Check {
        Check { state: State::Warning, advice: Some(advice.text()), ..Check::ok(check, found) }
    }

    fn problem(check: &'static str, found: impl Into<String>, advice: Advice) -> Check {
        Check { state: State::Problem, advice: Some(advice.text()), ..Check::ok(check, found) }
    }

    fn lost(self) -> Check {
        Check { is_lost: true, ..self }
    }

    /// The same, and what is worth knowing beside it.
    fn noting(self, note: &str) -> Check {
        Check { found: format!("{}; {note}", self.found), ..self }
    }

    fn with(self, details: Value) -> Check {
        Check { details: Some(details), ..self }
    }
}

/// Looks at everything.
///
/// # Errors
/// Code 5 when there is a problem, 7 when the database cannot be reached.
pub async fn verb(context: &Context) -> Result<()> {
    let checks = checks(context, u64::MAX).await;
    show(context, &checks)?;
    let code = if checks.iter().any(|check| check.is_lost) { Code::Unreachable } else { Code::Unhealthy };
    let problems = checks.iter().filter(|check| check.state == State::Problem);
    let problems = problems.map(|check| check.check).collect::<Vec<_>>();
    if problems.is_empty() {
        return Ok(());
    }
    Err(failure(code, format!("not well: {}; the advice above says what to do", problems.join(", "))))
}

/// The same, for operators who ask over HTTP: they wait for it, so that long files are not read.
pub async fn shown(context: &Context) -> Vec<api::ShownCheck> {
    let shown = |check: Check| api::ShownCheck {
        check: check.check.to_owned(),
        state: match check.state {
            State::Ok => "ok",
            State::Warning => "warning",
            State::Problem => "problem",
        }
        .to_owned(),
        found: check.found,
        advice: check.advice,
    };
    checks(context, FILE_BYTES_MAX).await.into_iter().map(shown).collect()
}

/// Files of read models, and of what is no fact, that are longer than `bytes_max` are not read.
async fn checks(context: &Context, bytes_max: u64) -> Vec<Check> {
    let mut checks = vec![
        machine::environment(context),
        machine::sqlite(),
        data::folder(context),
        machine::disk(&context.settings.data),
    ];
    checks.push(data::master_key(context));
    let database = database::database(context).await;
    // A database that cannot be reached is reported once.
    let is_there = database.state != State::Problem;
    checks.push(database);
    match is_there {
        true => checks.extend(data::log(context)),
        false => checks.push(machine::clock(store::now(), None)),
    }
    let serves = served::serves(context).await;
    checks.push(served::server(serves));
    if serves {
        checks.push(served::writer(context).await);
    }
    checks.push(served::port(context, serves).await);
    if is_there {
        checks.extend(data::read_models(context, serves, bytes_max));
    }
    checks.push(nats::nats(context).await);
    checks.push(redis::redis(context).await);
    checks.extend(mail::mail(context).await);
    checks.extend(providers::providers(context).await);
    checks
}

fn show(context: &Context, checks: &[Check]) -> Result<()> {
    let mut listing = Listing::new(context.output, COLUMNS);
    for check in checks {
        listing.row(check)?;
    }
    listing.end()?;
    if context.output.is_table() {
        let mut out = output::out();
        for check in checks {
            let Some(advice) = &check.advice else { continue };
            writeln!(out, "\n{}: {}\n  {}", check.check, output::visible(&check.found), output::visible(advice))?;
        }
    }
    Ok(())
}
