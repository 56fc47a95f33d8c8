//! Damaged files: found at the start, built again, and told with their names.

use crate::support::*;
use domain::chat::Role;
use projections::{ProjectionId, Projections};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use store::Log;

/// A chat with much to say.
fn busy(world: &mut World) -> u64 {
    let (chat, anna) = (chat_id(1), user_id(1));
    world.follow([
        signed_up(anna, "anna", None),
        created(chat, anna, "Café", false),
        joined(chat, anna, "a", Role::Owner),
    ]);
    world.follow((1..300).map(|number| posted(message_id(number), chat, anna, &"words ".repeat(40))))
}

fn file(world: &World, name: &str) -> PathBuf {
    world.folder.read_models().join(name)
}

/// Writes over a part of the file, which nobody has open.
fn overwrite(path: &Path, from: u64, bytes: usize) {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    assert!(file.metadata().unwrap().len() >= from + bytes as u64, "{}", path.display());
    file.write_all_at(&vec![0xa5; bytes], from).unwrap();
}

#[test]
fn a_damaged_catalogue_is_made_anew_and_named_to_who_only_reads() {
    for (from, bytes) in [(0, 100), (4_096, 3 * 4_096)] {
        let mut world = World::new().unwrap();
        busy(&mut world);
        let path = file(&world, "catalog.db");
        let world = world.restarted_after(
            |_| overwrite(&path, from, bytes),
            |folder, log| {
                let beside = Projections::open_read_only(folder, log.clone());
                let found =
                    beside.and_then(|beside| beside.verify(ProjectionId::Users, &mut |_| {}).map(drop)).unwrap_err();
                let found = found.to_string();
                assert!(found.contains("catalog.db") && found.contains("damaged"), "{found}");
            },
        );
        world.assert_verified();
        assert_eq!(world.projections.damaged(), Vec::<String>::new());
    }
}

/// Moves all that was written into the file itself: what the write-ahead log still holds, damage to the file can't harm.
fn settle(path: &Path) {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(())).unwrap();
}

#[test]
fn a_damaged_file_of_a_read_model_is_built_again() {
    for (from, bytes) in [(0, 100), (40_960, 4_096)] {
        let mut world = World::new().unwrap();
        busy(&mut world);
        let check = |bytes_max| world.projections.check_files(ProjectionId::Messages, bytes_max).unwrap();
        assert!(check(u64::MAX) && !check(1), "what is longer than that is not read");
        let name = format!("messages-v{}-1.db", ProjectionId::Messages.version());
        let path = file(&world, &name);
        let world = world.restarted_after(
            |_| {
                settle(&path);
                overwrite(&path, from, bytes);
            },
            |folder, log| {
                let beside = Projections::open_read_only(folder, log.clone());
                let verified = beside.and_then(|beside| beside.verify(ProjectionId::Messages, &mut |_| {}).map(drop));
                let found = verified.unwrap_err().to_string();
                assert!(found.contains(&name), "{found}");
            },
        );
        assert_eq!(world.status(ProjectionId::Messages).generation, 2);
        assert_eq!(world.status(ProjectionId::Users).generation, 1, "the others are left alone");
        world.assert_verified();
    }
}

#[test]
fn a_damaged_row_of_the_log_ends_what_reads_it_and_never_makes_it_spin() {
    for sql in [
        "update event set position = -7 where position = 100",
        "update event set position = 90000 where position = 100",
        "update event set hash = x'00' where position = 100",
    ] {
        let mut world = World::new().unwrap();
        busy(&mut world);
        let connection = rusqlite::Connection::open(world.folder.database()).unwrap();
        let damage = format!("drop trigger event_is_only_forgotten; pragma ignore_check_constraints = 1; {sql}");
        connection.execute_batch(&damage).unwrap();
        // Another process: this one still knows what it has just written.
        let log = Log::open_read_only(&world.folder, &world.folder.master_key()).unwrap();
        let beside = Projections::open_read_only(&world.folder, log.clone()).unwrap();
        let mut last = 0;
        let verified = beside.verify(ProjectionId::Users, &mut |at| {
            assert!(at.position > last, "{sql}: it gets further");
            last = at.position;
        });
        let found = verified.unwrap_err().to_string();
        assert!(found.contains("100"), "{sql}: {found}");
        assert!(log.verify(1, u64::MAX, |_| {}).is_err(), "{sql}");
    }
}
