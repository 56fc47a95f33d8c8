//! The list of who was erased: a file beside the master key, outside the database and its backups, so that a copy
//! that is restored does not bring a person back. One line a person: their id and when.

use crate::folder::sync_parent;
use crate::{Error, failpoint};
use domain::{Timestamp, UserId};
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// At a start the end of the log is looked through for people who are not in the list: a crash can have come
/// between the commit and the list. It stops the process, so that it is about the last batch only.
pub(crate) const BEHIND_MAX: u64 = 20_000;

/// The event that says so.
pub const ERASED: &str = "user.erased.v1";

/// What a log knows of somebody who is in the list.
pub(crate) enum Known {
    /// Not of this log.
    Stranger,
    /// They have an account.
    Person,
    /// They have none any more, and yet a key: somebody put it back.
    Key,
    /// As it must be.
    Forgotten,
}

impl Known {
    /// By the name of the last event of their stream, and whether there is a key.
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
        options.read(true).append(true).create(true).mode(0o600);
        let mut file = options.open(path).map_err(failed())?;
        failpoint::io("list-made").map_err(failed())?;
        if is_new {
            sync_parent(path).map_err(failed())?;
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(failed())?;
        let people = parsed(&text, path)?.into_iter().map(|(user_id, _)| user_id).collect();
        if !text.is_empty() && !text.ends_with(b"\n") {
            // Whoever copied or edited it left the end of the last line out: the next one must not become a part of it.
            file.write_all(b"\n").and_then(|()| file.sync_data()).map_err(failed())?;
        }
        Ok(ErasedList { people, file, is_new })
    }

    /// Adds everybody who is in another list; nothing happens when there is none at `other`.
    pub(crate) fn take_over(&mut self, other: &Path) -> Result<(), Error> {
        let failed = || Error::file("read the list of the erased", other);
        let text = match std::fs::read(other) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed()(error)),
        };
        for (user_id, at) in parsed(&text, other)? {
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

    /// Adds somebody; it is on the disk when this returns. Nothing happens when they are in it.
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

/// Every line names somebody, also a last one without its end. Half a line refuses: it may be all that is left of
/// somebody who must not come back.
fn parsed(text: &[u8], path: &Path) -> Result<Vec<(UserId, Timestamp)>, Error> {
    // What is no UTF-8 is no line of ours either.
    let text = String::from_utf8_lossy(text);
    let last = text.lines().count();
    let people = text.lines().enumerate().map(|(index, line)| {
        let (path, number) = (path.to_owned(), index + 1);
        person(line).ok_or(match number == last && !text.ends_with('\n') {
            true => Error::HalfAnErasedList { path, line: number },
            false => Error::NotAnErasedList { path, line: number },
        })
    });
    people.collect()
}

fn person(line: &str) -> Option<(UserId, Timestamp)> {
    let (id, at) = line.split_once(' ')?;
    Some((UserId(domain::id::parse_uuid(id)?), Timestamp::parse(at)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_list_reads_back_also_without_its_last_end_and_refuses_half_a_line_and_what_is_none() {
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
        let both = [anna, boris].into();
        for whole in [&text[..text.len() - 1], &text, &text.replace('\n', "\r\n")] {
            std::fs::write(&path, whole).unwrap();
            let mut list = ErasedList::open(&path).unwrap();
            assert!(!list.is_new());
            assert_eq!(list.people, both, "{whole:?}");
            let mut other = ErasedList::open(&place.path().join("other")).unwrap();
            std::fs::write(&path, whole).unwrap();
            other.take_over(&path).unwrap();
            assert_eq!(other.people, both, "{whole:?}");
            // The next one gets a line of its own.
            drop(ErasedList::open(&path).unwrap());
            list = ErasedList::open(&path).unwrap();
            list.add(UserId(Uuid::from_u128(3)), Timestamp(9)).unwrap();
            assert_eq!(ErasedList::open(&path).unwrap().people.len(), 3);
        }
        let first = text.lines().next().unwrap().len() + 1;
        for half in first + 1..text.len() - 1 {
            std::fs::write(&path, &text[..half]).unwrap();
            let refused = ErasedList::open(&path);
            assert!(matches!(refused, Err(Error::HalfAnErasedList { line: 2, .. })), "{:?}", &text[..half]);
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text[..half], "it is left as it is");
            let mut other = ErasedList::open(&place.path().join("other")).unwrap();
            assert!(matches!(other.take_over(&path), Err(Error::HalfAnErasedList { .. })));
        }
        for none in [&b"hello\n"[..], b"\0\0\0\n", b"\xff\xfe\n", b"\n"] {
            std::fs::write(&path, none).unwrap();
            assert!(matches!(ErasedList::open(&path), Err(Error::NotAnErasedList { line: 1, .. })), "{none:?}");
        }
    }
}
