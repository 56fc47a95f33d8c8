//! The first page of the help: verbs in groups. And names that shells complete.

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command};
use std::ffi::OsStr;

const GROUPS: &[(&str, &[&str])] = &[
    ("Server", &["serve", "status", "health", "doctor", "config", "migrate"]),
    ("Log", &["events", "streams", "import"]),
    ("Built from the log", &["projections", "search", "relay"]),
    ("People", &["users", "sessions", "chats", "moderation", "notifications", "mailings", "templates", "mail"]),
    ("Copies and keys", &["backup", "restore", "keys"]),
    ("Tools", &["bench", "completions", "man", "version"]),
];

/// The command with its verbs in groups on the first page.
pub fn grouped(command: Command) -> Command {
    let about = |name: &str| command.find_subcommand(name).and_then(Command::get_about).map(ToString::to_string);
    let line = |name: &&str| format!("  {name:<12} {}\n", about(name).unwrap_or_default());
    let group = |(heading, verbs): &(&str, &[&str])| {
        format!("\u{1b}[1m\u{1b}[4m{heading}:\u{1b}[0m\n{}\n", verbs.iter().map(line).collect::<String>())
    };
    let groups = GROUPS.iter().map(group).collect::<String>();
    let template = format!("{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{groups}{{all-args}}{{after-help}}");
    // They are listed above; each has a page of its own.
    let names = command.get_subcommands().map(|verb| verb.get_name().to_owned()).collect::<Vec<_>>();
    let hidden = |command: Command, name| command.mut_subcommand(name, |verb| verb.hide(true));
    let usage = "letopis [OPTIONS] [VERB]";
    names.into_iter().fold(command, hidden).override_usage(usage).help_template(template)
}

/// A name out of a known list: shells complete it and the help lists it; whether it is one is judged where it is used.
#[derive(Clone)]
pub struct Names(pub fn() -> Vec<&'static str>);

impl TypedValueParser for Names {
    type Value = String;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, value: &OsStr) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new((self.0)().into_iter().map(PossibleValue::new)))
    }
}

/// The names of read models.
pub fn projections() -> Names {
    Names(|| projections::ProjectionId::ALL.map(projections::ProjectionId::as_str).to_vec())
}

/// The words that streams begin with.
pub fn categories() -> Names {
    Names(|| domain::Category::ALL.map(domain::Category::word).to_vec())
}

/// What an account may be.
pub fn roles() -> Names {
    Names(|| domain::user::Role::ALL.map(domain::user::Role::name).to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::Arguments;
    use clap::CommandFactory;

    #[test]
    fn every_verb_is_in_one_group_and_on_the_first_page() {
        let command = Arguments::command();
        let grouped_verbs = GROUPS.iter().flat_map(|(_, verbs)| verbs.iter().copied()).collect::<Vec<_>>();
        let mut verbs = command.get_subcommands().map(Command::get_name).collect::<Vec<_>>();
        let mut listed = grouped_verbs.clone();
        verbs.sort_unstable();
        listed.sort_unstable();
        assert_eq!(verbs, listed);
        let page = grouped(command).render_help().to_string();
        for heading in ["Server:", "Log:", "Tools:", "Options:", "Global options:", "Examples:"] {
            assert!(page.contains(heading), "{heading} is not in {page}");
        }
        assert!(grouped_verbs.iter().all(|verb| page.contains(&format!("\n  {verb} "))), "{page}");
    }

    #[test]
    fn names_are_completed_and_judged_later() {
        let parsed = clap::Parser::try_parse_from(["letopis", "projections", "pause", "cats"]);
        assert!(matches!(parsed, Ok(Arguments { verb: Some(_), .. })));
        let mut script = Vec::new();
        clap_complete::generate(clap_complete::Shell::Bash, &mut Arguments::command(), "letopis", &mut script);
        let script = String::from_utf8(script).unwrap();
        for name in projections().0().into_iter().chain(categories().0()).chain(roles().0()) {
            assert!(script.contains(name), "{name} is not completed");
        }
    }
}
