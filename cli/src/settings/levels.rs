//! What the server reports: `info`, or levels by module such as `info,api=debug`. A name that is none would be taken
//! for a module that says nothing, and silence would look like peace. A level alone is that of our own parts: what
//! libraries note in passing is for those who name them.

/// Levels, as they are written.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
/// The parts of this program, as they are named in what it reports.
const OURS: [&str; 13] = [
    "letopis",
    "api",
    "commands",
    "couriers",
    "domain",
    "node",
    "oidc",
    "outbound",
    "projections",
    "relay",
    "search",
    "state",
    "store",
];
/// Libraries that are written for us to be asked for by name, so that a slip is told.
const LIBRARIES: [&str; 1] = ["tokio_postgres"];
/// What libraries report when nothing is said of them.
const OF_LIBRARIES: &str = "warn";
/// A name this near to a known one is taken for a slip of the finger.
const SIMILAR_MIN: f64 = 0.8;

/// Looks through levels as far as it can be told what they mean: a module of a library may have any name.
///
/// # Errors
/// What to write in place of the first that is none.
pub fn check(text: &str) -> Result<(), String> {
    const LIKE: &str = "it must be like info, or info,api=debug";
    if text.trim().is_empty() {
        return Err(format!("it must not be empty; {LIKE}"));
    }
    if text.contains(['[', '{']) {
        // Of spans and their fields there is more to know: that is told where it is read.
        return Ok(());
    }
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (module, level) = match part.split_once('=') {
            Some((module, level)) => (Some(module.trim()), level.trim()),
            None => (None, part),
        };
        // A module alone has every level.
        let is_module = module.is_none() && names().any(|known| *known == first(level));
        if !is_level(level) && !is_module {
            let known = LEVELS.iter().chain(names().filter(|_| module.is_none()));
            return Err(match nearest(&level.to_lowercase(), known) {
                Some(known) => format!("{level:?} is no level; did you mean {known}?"),
                None => format!("{level:?} is no level; there are {}; {LIKE}", LEVELS.join(", ")),
            });
        }
        let Some(module) = module.map(first).filter(|module| !names().any(|known| known == module)) else { continue };
        if let Some(known) = nearest(module, names()) {
            return Err(format!("{module:?} is no part of this program; did you mean {known}?"));
        }
    }
    Ok(())
}

/// What is set, as the filter of what is reported takes it: a level that is louder than `warn` is that of our own parts.
pub fn filter(text: &str) -> String {
    if text.contains(['[', '{']) {
        return text.to_owned();
    }
    let told = text.split(',').map(str::trim).map(|part| match part.to_lowercase().as_str() {
        "info" | "debug" | "trace" | "3" | "4" | "5" => {
            format!("{OF_LIBRARIES},{}", OURS.map(|ours| format!("{ours}={part}")).join(","))
        }
        _ => part.to_owned(),
    });
    told.collect::<Vec<_>>().join(",")
}

fn names() -> impl Iterator<Item = &'static &'static str> {
    OURS.iter().chain(&LIBRARIES)
}

fn is_level(text: &str) -> bool {
    LEVELS.contains(&text.to_lowercase().as_str()) || matches!(text, "0" | "1" | "2" | "3" | "4" | "5")
}

fn first(module: &str) -> &str {
    module.split("::").next().unwrap_or_default()
}

fn nearest(name: &str, known: impl Iterator<Item = &'static &'static str>) -> Option<&'static str> {
    let likeness = known.map(|known| (strsim::jaro_winkler(name, known), *known));
    likeness.max_by(|one, other| one.0.total_cmp(&other.0)).filter(|near| near.0 >= SIMILAR_MIN).map(|near| near.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_alone_is_that_of_our_own_parts() {
        for level in ["info", "Debug", "5"] {
            let told = filter(&format!("{level}, tantivy=info"));
            assert!(told.starts_with("warn,letopis=") && told.contains(&format!(",api={level},")), "{told}");
            assert!(told.ends_with(",tantivy=info") && !told.contains("tokio_postgres"), "{told}");
        }
        for same in ["warn", "off", "error,api=debug", "store=trace", "info,[request{id=7}]=debug"] {
            assert_eq!(filter(same), same);
        }
    }

    #[test]
    fn every_part_of_the_program_is_known_by_name() {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
        let manifest = std::fs::read_to_string(manifest).unwrap().parse::<toml::Table>().unwrap();
        let members = manifest["workspace"]["members"].as_array().unwrap().iter().filter_map(toml::Value::as_str);
        let mut parts = members.filter(|member| !member.starts_with("testing/")).collect::<Vec<_>>();
        parts.iter_mut().filter(|part| **part == "cli").for_each(|part| *part = "letopis");
        parts.sort_unstable();
        let mut known = OURS;
        known.sort_unstable();
        assert_eq!(parts, known);
    }

    #[test]
    fn levels_are_known_and_slips_are_told() {
        for good in [
            "info",
            "WARN",
            "off",
            "3",
            "info,api=debug",
            "info, store::postgres=trace ,tokio_postgres=warn",
            "api",
            "hyper=debug,async_nats=info",
            "info,[request{id=7}]=debug",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for (bad, says) in [
            ("wran", "did you mean warn?"),
            ("inof", "did you mean info?"),
            ("info,api=debgu", "did you mean debug?"),
            ("info,apii=debug", "did you mean api?"),
            ("projection=debug", "did you mean projections?"),
            ("stroe", "did you mean store?"),
            ("loud", "there are off, error"),
            ("api=", "there are off, error"),
            ("", "it must not be empty"),
        ] {
            let told = check(bad).unwrap_err();
            assert!(told.contains(says), "{bad}: {told}");
        }
    }
}
