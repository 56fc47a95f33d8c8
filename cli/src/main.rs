//! The binary `letopis`: the server, and one file for each noun of its command line.
//!
//! Verbs that read open the data folder read-only. Verbs that change something hand an [`node::operations::Request`] to
//! the running server over its control socket, or carry it out themselves when none runs. Data goes to standard
//! output, everything else to standard error. This room decides nothing about what may happen.

mod arguments;
mod backup;
mod banner;
mod bench;
mod chats;
mod completions;
mod config;
mod context;
mod control;
mod doctor;
mod events;
mod exit;
mod health;
mod http;
mod import;
mod keys;
mod logging;
mod mail;
mod mailings;
mod migrate;
mod moderation;
mod notifications;
mod output;
mod progress;
mod projections;
mod relay;
mod report;
mod search;
mod serve;
mod sessions;
mod settings;
mod streams;
mod supervisor;
mod templates;
mod users;
mod version;

use anyhow::{Context as _, Result};
use arguments::{Arguments, Common, Config, Serve, Verb};
use clap::{CommandFactory, FromArgMatches};
use context::Context;
use std::process::ExitCode;
use std::time::Duration;

/// A tenth of the time of a busy server went into the system's allocator (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    leave_no_core();
    let (arguments, verb) = parsed();
    let code = match run(arguments, verb.as_deref()) {
        Ok(()) => exit::Code::Done,
        Err(error) => {
            if !exit::is_reader_gone(&error) {
                let told = output::visible(&format!("{error:#}"));
                logging::last_words(&(told + about_short_ids()));
            }
            exit::code_of(&error)
        }
    };
    logging::flush();
    code.into()
}

/// Advice for who took an id out of a table.
fn about_short_ids() -> &'static str {
    let is_short = std::env::args_os().any(|argument| argument.to_string_lossy().contains('…'));
    if is_short { "; tables shorten ids to their end (…), and --wide shows them whole" } else { "" }
}

/// The arguments of this process, and the verb's name; help, the version and errors of usage end it here.
fn parsed() -> (Arguments, Option<String>) {
    let matches = arguments::grouped(Arguments::command()).get_matches();
    let verb = matches.subcommand_name().map(str::to_owned);
    (Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()), verb)
}

/// Keys and texts in memory are not for a file that a crash leaves behind, nor for other processes of the same user. Where
/// the system does not allow that, everything works all the same.
fn leave_no_core() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

fn run(arguments: Arguments, name: Option<&str>) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("could not start the threads of the process")?;
    let result = runtime.block_on(dispatch(arguments, name));
    // Whatever still runs on a blocking thread (a password's hash, say) must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

async fn dispatch(arguments: Arguments, name: Option<&str>) -> Result<()> {
    let common = &arguments.common;
    let verb = arguments.verb.unwrap_or(Verb::Serve(Serve::default()));
    let serve = if let Verb::Serve(serve) = &verb { Some(serve) } else { None };
    // Some verbs work where the settings are wrong: whoever needs them says so.
    let context = begin(common, serve);
    if let (Ok(context), Some(name)) = (&context, name) {
        context.check_module(name)?;
    }
    match verb {
        Verb::Serve(_) => serve::run(&context?).await,
        Verb::Import(import) => import::verb(&context?, &import).await,
        Verb::Events(events) => events::verb(&context?, events).await,
        Verb::Streams(streams) => streams::verb(&context?, &streams),
        Verb::Projections(verb) => projections::verb(&context?, &verb).await,
        Verb::Relay(asked) => relay::verb(&context?, &asked).await,
        Verb::Keys(arguments::Keys::Rotate) => keys::verb(&context?).await,
        Verb::Search(asked) => search::verb(&context?, &asked).await,
        Verb::Moderation(moderation) => moderation::verb(&context?, moderation).await,
        Verb::Users(users) => users::verb(&context?, users).await,
        Verb::Sessions(asked) => sessions::verb(&context?, &asked).await,
        Verb::Chats(asked) => chats::verb(&context?, &asked).await,
        Verb::Notifications(asked) => notifications::verb(&context?, asked).await,
        Verb::Mailings(asked) => mailings::verb(&context?, asked).await,
        Verb::Mail(asked) => mail::verb(&context?, asked).await,
        Verb::Templates(asked) => templates::verb(&context?, asked).await,
        Verb::Backup(asked) => backup::backup(&context?, &asked),
        Verb::Restore(asked) => backup::restore(&context?, &asked).await,
        Verb::Config(Config::Show) => config::show(&context?),
        Verb::Config(Config::Init) => config::init(common),
        Verb::Health(health) => health::verb(&context?, &health).await,
        Verb::Migrate(asked) => migrate::verb(&context?, &asked),
        Verb::Doctor => doctor::verb(&context?).await,
        Verb::Completions(asked) => completions::completions(&asked),
        Verb::Man(asked) => completions::man(&asked),
        Verb::Status(health) => health::status(&context?, &health).await,
        Verb::Version => version::verb(&context?),
        Verb::Bench(bench) => bench::verb(&context?, &bench).await,
    }
}

fn begin(common: &Common, serve: Option<&Serve>) -> Result<Context> {
    logging::prepare(serve.is_some());
    let context = Context::load(common, serve)?;
    logging::begin(&context, serve.is_some())?;
    Ok(context)
}
