//! No module of this crate needs itself through others: errors are at the bottom, then `http`, `app`, `auth`, the
//! routes, and `serve` at the top.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Files that hold tests only.
const TESTS: [&str; 4] = ["circles", "fuzz", "measure", "tests"];

#[test]
fn no_module_needs_itself_through_others() {
    let mut sources = BTreeMap::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut sources);
    assert!(sources.contains_key("http::listener") && sources.contains_key("routes::chats"), "the files are found");
    let root = sources.remove("lib").expect("there is a lib.rs");
    let shown =
        used(&root, "pub use ").into_iter().filter_map(|path| Some((path.rsplit_once("::")?.1.to_owned(), path)));
    let shown = shown.collect::<BTreeMap<_, _>>();
    let module_of = |path: &str| {
        let path = shown.get(path).map_or(path, String::as_str);
        let prefixes = path.match_indices("::").map(|(at, _)| &path[..at]).chain([path]);
        prefixes.filter(|prefix| sources.contains_key(*prefix)).last().map(str::to_owned)
    };
    let mut needs = BTreeMap::new();
    for (module, source) in &sources {
        let around = module.rsplit_once("::").map_or(String::new(), |(around, _)| format!("{around}::"));
        let siblings = used(source, "super::").into_iter().map(|path| format!("{around}{path}"));
        let named = used(source, "crate::").into_iter().chain(siblings).filter_map(|path| module_of(&path));
        needs.insert(module.clone(), named.filter(|named| named != module).collect::<BTreeSet<_>>());
    }
    assert!(needs["serve"].contains("http::listener") && needs["http::listener"].contains("settings"));
    // Those that need none of the others, or that none of the others needs, are in no circle.
    let in_none = |needs: &BTreeMap<String, BTreeSet<String>>, module: &String, named: &BTreeSet<String>| {
        named.iter().all(|named| !needs.contains_key(named)) || !needs.values().any(|named| named.contains(module))
    };
    while let Some((free, _)) = needs.iter().find(|(module, named)| in_none(&needs, module, named)) {
        let free = free.clone();
        needs.remove(&free);
    }
    assert!(needs.is_empty(), "these need each other in a circle: {needs:#?}");
}

/// The code of every module but for its tests, by the module's path.
fn read(folder: &Path, around: &str, sources: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let module = if name == "mod" { around.trim_end_matches("::").to_owned() } else { format!("{around}{name}") };
        if path.is_dir() {
            read(&path, &format!("{module}::"), sources);
        } else if !TESTS.contains(&name.as_str()) {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
            let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            sources.insert(module, code.collect::<Vec<_>>().join("\n"));
        }
    }
}

/// Every path that stands behind such a beginning, with the lists in braces written out.
fn used(source: &str, beginning: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for (at, _) in source.match_indices(beginning) {
        let mut depth = 0;
        let of_path = |letter: &char| {
            depth += i32::from(*letter == '{') - i32::from(*letter == '}');
            letter.is_alphanumeric() || matches!(letter, '_' | ':' | '{') || depth > 0 || (*letter == '}' && depth == 0)
        };
        let path = source[at + beginning.len()..].chars().take_while(of_path).filter(|letter| !letter.is_whitespace());
        expand("", &path.collect::<String>(), &mut paths);
    }
    paths
}

fn expand(before: &str, path: &str, paths: &mut Vec<String>) {
    let Some((head, list)) = path.split_once('{') else {
        return paths.push(format!("{before}{path}").trim_end_matches("::self").to_owned());
    };
    let (before, mut depth) = (format!("{before}{head}"), 0);
    let parts = list.strip_suffix('}').unwrap_or(list).split(|letter| {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        letter == ',' && depth == 0
    });
    parts.filter(|part| !part.is_empty()).for_each(|part| expand(&before, part, paths));
}
