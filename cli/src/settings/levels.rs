//! What the server reports: `info`, or levels by module such as `info,api=debug`. A name that is none would be taken
//! for a module that says nothing, and silence would look like peace.

/// Levels, as they are written.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
/// The parts of this program, as they are named in what it reports.
const OURS: [&str; 10] =
    ["letopis", "api", "commands", "domain", "node", "projections", "relay", "search", "store", "tokio_postgres"];
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
        let is_module = module.is_none() && OURS.contains(&first(level));
        if !is_level(level) && !is_module {
            let known = LEVELS.iter().chain(OURS.iter().filter(|_| module.is_none()));
            return Err(match nearest(&level.to_lowercase(), known) {
                Some(known) => format!("{level:?} is no level; did you mean {known}?"),
                None => format!("{level:?} is no level; there are {}; {LIKE}", LEVELS.join(", ")),
            });
        }
        let Some(module) = module.map(first).filter(|module| !OURS.contains(module)) else { continue };
        if let Some(known) = nearest(module, OURS.iter()) {
            return Err(format!("{module:?} is no part of this program; did you mean {known}?"));
        }
    }
    Ok(())
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
