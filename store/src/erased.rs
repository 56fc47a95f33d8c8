//! The list of who was erased: a file beside the master key, outside the database and its backups, so that a copy
//! that is restored does not bring a person back. One line a person: his id and when.

use crate::{Error, failpoint};
use domain::{Timestamp, UserId};
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// At a start the end of the log is looked through for people who are not in the list: a crash can have come
/// between the commit and the list. It stops the process, so that it is about the last batch only.
pub(crate) const BEHIND_MAX: u64 = 20_000;

/// The event that says so.
pub(crate) const ERASED: &str = "user.erased.v1";

/// What a log knows of somebody who is in the list.
pub(crate) enum Known {
    /// Not of this log.
    Stranger,
    /// He has an account.
    Person,
    /// He has none any more, and yet a key: somebody put it back.
    Key,
    /// As it must be.
    Forgotten,
}

impl Known {
    /// By the name of the last event of his stream, and whether there is a key.
    pub(crate) fn by(last: Option<&str>, has_key: bool) -> Known {
        match (last, has_key) {
            (None, false) => Known::Stranger,
            (Some(ERASED), false) => Known::Forgotten,
            (None | Some(ERASED), true) => Known::Key,
            (Some(_), _) => Known::Person,
        }
    }
}

/// Who was erased.
pub struct ErasedList {
    file: File,
    people: HashSet<UserId>,
    /// There was no file before.
    is_new: bool,
}

impl ErasedList {
    /// The list at `path`, made (0600) when there is none.
    ///
    /// # Errors
    /// [`Error::File`]; [`Error::NotAnErasedList`] when it holds anything else.
    pub fn open(path: &Path) -> Result<ErasedList, Error> {
        let is_new = !path.exists();
        let failed = || Error::file("open the list of the erased", path);
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(path).map_err(failed())?;
        failpoint::io("list-made").map_err(failed())?;
        if is_new {
            sync_parent(path).map_err(failed())?;
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(failed())?;
        // A crash can leave half of the last line; whom it names is in the log's end, and is added again.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        file.set_len(whole as u64).map_err(failed())?;
        file.seek(SeekFrom::End(0)).map_err(failed())?;
        let people = parsed(&text[..whole], path)?.into_iter().map(|(user_id, _)| user_id).collect();
        Ok(ErasedList { people, file, is_new })
    }

    /// Adds everybody who is in another list; nothing happens when there is none at `other`.
    pub(crate) fn take_over(&mut self, other: &Path) -> Result<(), Error> {
        let failed = || Error::file("read the list of the erased", other);
        let text = match std::fs::read_to_string(other) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed()(error)),
        };
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        for (user_id, at) in parsed(&text[..whole], other)? {
            self.add(user_id, at).map_err(failed())?;
        }
        Ok(())
    }

    /// Everybody in it.
    pub fn people(&self) -> impl Iterator<Item = UserId> + '_ {
        self.people.iter().copied()
    }

    /// Whether it was made just now: who was erased before is then found in the log only.
    pub(crate) fn is_new(&self) -> bool {
        self.is_new
    }

    /// Adds somebody; it is on the disk when this returns. Nothing happens when he is in it.
    pub(crate) fn add(&mut self, user_id: UserId, at: Timestamp) -> io::Result<()> {
        if self.people.contains(&user_id) {
            return Ok(());
        }
        self.file.write_all(format!("{user_id} {at}\n").as_bytes())?;
        failpoint::io("list-written")?;
        self.file.sync_data()?;
        failpoint::pass("list-synced");
        self.people.insert(user_id);
        Ok(())
    }
}

fn parsed(text: &str, path: &Path) -> Result<Vec<(UserId, Timestamp)>, Error> {
    let people = text
        .lines()
        .enumerate()
        .map(|(at, line)| person(line).ok_or_else(|| Error::NotAnErasedList { path: path.to_owned(), line: at + 1 }));
    people.collect()
}

fn person(line: &str) -> Option<(UserId, Timestamp)> {
    let (id, at) = line.split_once(' ')?;
    Some((UserId(domain::id::parse_uuid(id)?), Timestamp::parse(at)?))
}

fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if folder != Path::new("") => File::open(folder)?.sync_all(),
        Some(_) | None => File::open(".")?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_list_reads_back_drops_half_a_line_and_refuses_what_is_none() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("erased");
        let (anna, boris) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        let mut list = ErasedList::open(&path).unwrap();
        assert!(list.is_new());
        list.add(anna, Timestamp(7)).unwrap();
        list.add(anna, Timestamp(8)).unwrap();
        list.add(boris, Timestamp(9)).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 2);
        std::fs::write(&path, &text[..text.len() - 3]).unwrap();
        let mut list = ErasedList::open(&path).unwrap();
        assert!(!list.is_new());
        assert_eq!(list.people().collect::<Vec<_>>(), [anna]);
        list.add(boris, Timestamp(9)).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        std::fs::write(&path, "hello\n").unwrap();
        assert!(matches!(ErasedList::open(&path), Err(Error::NotAnErasedList { line: 1, .. })));
    }
}
