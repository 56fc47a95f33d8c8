//! Every advice says why it matters and names a command that exists or a setting that exists.

use super::Advice;
use crate::arguments::Arguments;
use crate::settings::Layers;
use clap::Parser;
use std::collections::BTreeSet;

/// The place of an advice among the samples. A new one gets a place here, and then needs a sample.
fn place(advice: &Advice) -> usize {
    match advice {
        Advice::FolderMissing => 0,
        Advice::NotReadable { .. } => 1,
        Advice::RightsTooWide { .. } => 2,
        Advice::KeyReadableByOthers { .. } => 3,
        Advice::KeyMissing { .. } => 4,
        Advice::LogUnusable => 5,
        Advice::ReadModelsUnusable => 6,
        Advice::StoppedByEvent { .. } => 7,
        Advice::Stopped { .. } => 8,
        Advice::Paused { .. } => 9,
        Advice::Lagging { .. } => 10,
        Advice::DatabaseUnreachable => 11,
        Advice::DatabaseIsStandby => 12,
        Advice::TablesOlder => 13,
        Advice::TablesNewer => 14,
        Advice::DatabaseLimit { .. } => 15,
        Advice::SqliteUnknown => 16,
        Advice::SqliteOptions => 17,
        Advice::DiskUnknown { .. } => 18,
        Advice::DiskFull { .. } => 19,
        Advice::ClockWrong => 20,
        Advice::MailSettings => 21,
        Advice::MailServer => 22,
        Advice::NatsUnreachable => 23,
        Advice::RelayDisarmed => 24,
        Advice::RedisUnreachable => 25,
        Advice::ProviderSilent { .. } => 26,
        Advice::CannotWrite => 27,
        Advice::OtherVersion => 28,
        Advice::ServerEnded => 29,
        Advice::NotAsked => 30,
        Advice::PortTaken => 31,
        Advice::ListensElsewhere => 32,
        Advice::NotReady => 33,
        Advice::Starting => 34,
    }
}
const PLACES: usize = 35;

fn samples() -> Vec<Advice> {
    let path = || "/var/lib/letopis".to_owned();
    let name = || "messages".to_owned();
    vec![
        Advice::FolderMissing,
        Advice::NotReadable { path: path() },
        Advice::RightsTooWide { path: path() },
        Advice::KeyReadableByOthers { path: path() },
        Advice::KeyMissing { path: path() },
        Advice::LogUnusable,
        Advice::ReadModelsUnusable,
        Advice::StoppedByEvent { name: name(), position: 7 },
        Advice::Stopped { name: name() },
        Advice::Paused { name: name() },
        Advice::Lagging { name: name() },
        Advice::DatabaseUnreachable,
        Advice::DatabaseIsStandby,
        Advice::TablesOlder,
        Advice::TablesNewer,
        Advice::DatabaseLimit { name: "statement_timeout".to_owned() },
        Advice::DatabaseLimit { name: "transaction_timeout".to_owned() },
        Advice::SqliteUnknown,
        Advice::SqliteOptions,
        Advice::DiskUnknown { path: path() },
        Advice::DiskFull { path: path() },
        Advice::ClockWrong,
        Advice::MailSettings,
        Advice::MailServer,
        Advice::NatsUnreachable,
        Advice::RelayDisarmed,
        Advice::RedisUnreachable,
        Advice::ProviderSilent { id: "our-company".to_owned() },
        Advice::CannotWrite,
        Advice::OtherVersion,
        Advice::ServerEnded,
        Advice::NotAsked,
        Advice::PortTaken,
        Advice::ListensElsewhere,
        Advice::NotReady,
        Advice::Starting,
    ]
}

/// The parts of a text between backticks.
fn commands(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn settings(text: &str) -> Vec<&str> {
    let words = text.split(|letter: char| !(letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_'));
    words.filter(|word| word.starts_with("LETOPIS_")).collect()
}

#[test]
fn every_advice_says_why_and_names_a_command_or_a_setting() {
    let samples = samples();
    let places = samples.iter().map(place).collect::<BTreeSet<_>>();
    assert_eq!(places.into_iter().collect::<Vec<_>>(), (0..PLACES).collect::<Vec<_>>(), "an advice has no sample");
    for advice in samples {
        let text = advice.text();
        let (commands, settings) = (commands(&text), settings(&text));
        assert!(!commands.is_empty() || !settings.is_empty(), "{advice:?} has no remedy: {text}");
        assert!(text.ends_with('.') && text.contains(". "), "{advice:?} does not say why and then what to do: {text}");
        for command in commands.iter().filter(|command| command.starts_with("letopis ")) {
            let words = shlex::split(command).unwrap();
            let parsed = Arguments::try_parse_from(words);
            assert!(parsed.is_ok(), "{command}: {parsed:?}");
        }
        for setting in settings {
            let set = std::iter::once((setting, "x"));
            assert!(Layers::load(None, set, &[]).is_ok(), "{advice:?} names {setting}, which is no setting");
        }
    }
}
