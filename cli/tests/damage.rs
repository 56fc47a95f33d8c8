//! Damaged files by the command line: told with names and positions, and built again where the log has what was in them.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{Place, fixture};
use rusqlite::Connection;
use serde_json::Value;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn imported() -> Place {
    let place = Place::new();
    place.run(&["import", &fixture()]).ok();
    place
}

/// The files of the index, by name.
fn index_files(place: &Place) -> Vec<PathBuf> {
    let read_models = std::fs::read_dir(place.data().join("read-models")).unwrap().map(|found| found.unwrap().path());
    let folder = read_models.into_iter().find(|path| path.is_dir()).unwrap();
    let mut files = std::fs::read_dir(folder).unwrap().map(|found| found.unwrap().path()).collect::<Vec<_>>();
    files.sort();
    files
}

/// One file of the index, by how its name ends.
fn index_file(place: &Place, ending: &str) -> PathBuf {
    index_files(place).into_iter().find(|path| path.to_str().unwrap().ends_with(ending)).unwrap()
}

fn cut_off(path: &Path) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
}

fn overwrite(path: &Path, from: u64, bytes: usize) {
    let file = File::options().write(true).open(path).unwrap();
    assert!(file.metadata().unwrap().len() >= from + bytes as u64);
    file.write_all_at(&vec![0xa5; bytes], from).unwrap();
}

fn projection(place: &Place, name: &str) -> Value {
    let listed = place.run(&["projections", "ls", "-o", "json"]).ok().json();
    listed.as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone()
}

/// What is done to a file.
type Damage = fn(&Path);

#[test]
fn damaged_files_of_the_index_are_named_and_the_index_is_built_again() {
    let damages: [(&str, Damage); 5] = [
        (".store", cut_off),
        (".term", |path| File::options().write(true).open(path).unwrap().set_len(0).unwrap()),
        (".fast", |path| overwrite(path, 0, 4)),
        (".idx", |path| std::fs::remove_file(path).unwrap()),
        ("meta.json", |path| std::fs::write(path, "{").unwrap()),
    ];
    for (ending, damage) in damages {
        let place = imported();
        let path = index_file(&place, ending);
        damage(&path);
        let verified = place.run(&["projections", "verify", "search"]);
        assert_eq!(verified.code, 5, "{ending}: {}", verified.err);
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(
            verified.err.contains(name) && verified.err.contains("projections rebuild"),
            "{ending}: {}",
            verified.err
        );
        assert_eq!(verified.lines()[0]["verified"], false, "{ending}: {}", verified.out);
        assert!(!verified.err.contains("panicked"), "{ending}: {}", verified.err);
        // A changed byte is met only where it is read.
        if ending != ".fast" {
            let asked = place.run(&["search", "привет"]);
            assert_eq!(asked.code, 5, "{ending}: {}", asked.err);
            let listed = projection(&place, "search");
            assert_eq!(listed["state"], "stopped", "{ending}: {listed}");
            assert!(listed["error"].as_str().unwrap().contains("search index"), "{ending}: {listed}");
        }
        let server = place.serve();
        if ending == ".fast" {
            place.run(&["projections", "rebuild", "search"]).ok();
        }
        place.run(&["health", "--url", &server.url]).ok();
        place.run(&["projections", "verify", "search"]).ok();
        assert_eq!(projection(&place, "search")["generation"], 2, "{ending}");
        assert_eq!(server.stop(), 0);
    }
}

/// Whoever reads on behind the end of a file that is mapped into memory ends the process.
#[test]
fn a_file_of_the_index_that_is_cut_off_while_it_serves_ends_no_server() {
    let place = imported();
    let mut server = place.serve();
    cut_off(&index_file(&place, ".store"));
    for _ in 0..1_000 {
        if projection(&place, "search")["generation"] == 2 {
            break;
        }
        assert!(server.child.try_wait().unwrap().is_none(), "the server has ended");
        std::thread::sleep(Duration::from_millis(20));
    }
    place.run(&["projections", "verify", "search"]).ok();
    place.run(&["health", "--url", &server.url]).ok();
    assert_eq!(server.stop(), 0);
}

#[test]
fn a_damaged_row_of_the_log_is_told_with_its_position() {
    for sql in [
        "update event set position = -7 where position = 5",
        "update event set position = 90000 where position = 5",
        "update event set hash = x'00' where position = 5",
        "update event set payload = '{' where position = 5",
        "delete from event where position = 5",
    ] {
        let place = imported();
        let log = Connection::open(place.data().join("letopis.db")).unwrap();
        log.execute_batch("drop trigger event_is_only_forgotten; pragma ignore_check_constraints = 1").unwrap();
        let _ = log.execute_batch("drop trigger event_is_never_deleted");
        log.execute_batch(sql).unwrap();
        drop(log);
        let verified = place.run(&["events", "verify"]);
        assert_eq!(verified.code, 5, "{sql}: {}", verified.err);
        assert_eq!(verified.json()["position"], 5, "{sql}: {}", verified.out);
        assert!(verified.err.contains("position 5"), "{sql}: {}", verified.err);
        // The row is a message, and what is in it concerns no account.
        let reading =
            if sql.contains("payload") { &["messages", "search"][..] } else { &["users", "messages", "search"] };
        for name in reading {
            let compared = place.run(&["projections", "verify", name]);
            assert_eq!(compared.code, 5, "{sql}: {name}: {}{}", compared.out, compared.err);
            assert!(compared.err.contains('5'), "{sql}: {name}: {}", compared.err);
        }
        // A start that has to read it says so, and ends or serves; it never spins.
        std::fs::remove_dir_all(place.data().join("read-models")).unwrap();
        let listed = place.run(&["projections", "rebuild", "--all"]);
        assert_eq!(listed.code, 5, "{sql}: {}{}", listed.out, listed.err);
        // A row that is missing at the end is told before the others are read.
        assert!(listed.err.contains("event 5 stops") || listed.err.contains("position 32"), "{sql}: {}", listed.err);
    }
}

#[test]
fn a_damaged_catalogue_or_read_model_is_named_and_built_again() {
    for name in ["catalog.db", "messages-v"] {
        let place = imported();
        let files = std::fs::read_dir(place.data().join("read-models")).unwrap().map(|found| found.unwrap().path());
        let is_it = |path: &PathBuf| path.is_file() && path.file_name().unwrap().to_str().unwrap().starts_with(name);
        let path = files.into_iter().find(|path| is_it(path) && path.extension().unwrap() == "db").unwrap();
        Connection::open(&path).unwrap().query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(())).unwrap();
        overwrite(&path, 0, 100);
        let verified = place.run(&["projections", "verify", "messages"]);
        assert_eq!(verified.code, 5, "{name}: {}", verified.err);
        assert!(verified.err.contains(path.file_name().unwrap().to_str().unwrap()), "{name}: {}", verified.err);
        let server = place.serve();
        place.run(&["health", "--url", &server.url]).ok();
        assert_eq!(server.stop(), 0);
        place.run(&["projections", "verify", "--all"]).ok();
    }
}
