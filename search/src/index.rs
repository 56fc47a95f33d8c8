//! An index in its folder, and what of it can be read.

use crate::ends;
use crate::error::caught;
use crate::read_only::ReadOnly;
use crate::schema::{fields, schema};
use crate::words::{LINES, Lines};
use crate::{Error, Result};
use domain::ChatId;
use rustix::fs::{Access, access};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use tantivy::directory::MmapDirectory;
use tantivy::index::SegmentComponent;
use tantivy::schema::{Field, IndexRecordOption, Value};
use tantivy::{
    DocAddress, DocSet, IndexReader, IndexSettings, ReloadPolicy, Searcher, SegmentMeta, TERMINATED, TantivyDocument,
    Term,
};

/// The files of a segment are called by its id: a UUID in hexadecimal digits.
const SEGMENT_NAME_LENGTH: usize = 32;
/// How the name of the file ends that says which of its documents are deleted, as of a commit.
const DELETES: &str = ".del";
/// How often it is looked again when the index is written while it is read.
const TRIES_MAX: u32 = 20;

/// An index, open for reading. A cheap handle.
#[derive(Clone)]
pub struct Index {
    shared: Arc<Shared>,
}

struct Shared {
    folder: PathBuf,
    index: tantivy::Index,
    reader: IndexReader,
    current: RwLock<Snapshot>,
    damaged: Arc<AtomicBool>,
}

/// Everything that the index holds as of one position of the log. A cheap handle; while one is held, it
/// reads on, whatever is committed or taken away.
#[derive(Clone)]
pub struct Snapshot {
    /// For tantivy's queries; its documents are those of [`crate::schema::fields`].
    pub searcher: Searcher,
    /// The last position of the log that is in it.
    pub position: u64,
    /// The log's hash there, by which one history of it is told from another; zeros where nobody has named one.
    pub hash: [u8; 32],
    /// Whether anything was read of the index that makes no sense.
    damaged: Arc<AtomicBool>,
}

/// What a commit says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Payload {
    /// The last position of the log that is in it.
    pub(crate) position: u64,
    /// The log's hash there.
    pub(crate) hash: [u8; 32],
    /// When deleted text must be gone from the files, in seconds since 1970; none when there is none.
    pub(crate) purge_by: Option<u64>,
}

/// How large an index is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Of all its files.
    pub bytes: u64,
    /// What a question looks through one after the other.
    pub segments: u64,
    /// Documents that can be found.
    pub documents: u64,
}

impl Payload {
    pub(crate) fn text(self) -> String {
        let purge_by = self.purge_by.map(|by| format!(" {by}")).unwrap_or_default();
        format!("{} {}{purge_by}", self.position, domain::id::hex(&self.hash))
    }

    fn parse(text: Option<&str>) -> Result<Payload> {
        // A new index has made no commit yet.
        let Some(text) = text else { return Ok(Payload::default()) };
        let read = || {
            let mut parts = text.split(' ');
            let position = parts.next()?.parse().ok()?;
            let hash = domain::id::parse_hash(parts.next()?)?;
            let purge_by = parts.next().map(str::parse).transpose().ok()?;
            parts.next().is_none().then_some(Payload { position, hash, purge_by })
        };
        read().ok_or(Error::Damaged { what: "its last commit names no event of the log" })
    }
}

impl Index {
    /// Makes an empty one in that folder, which must not be there.
    pub(crate) fn create(folder: &Path) -> Result<Index> {
        std::fs::create_dir_all(folder).map_err(Error::file("make the folder", folder))?;
        // A segment is small and is wanted soon: no thread of its own compresses its texts.
        let settings = IndexSettings { docstore_compress_dedicated_thread: false, ..IndexSettings::default() };
        let directory = MmapDirectory::open(folder).map_err(tantivy::TantivyError::from)?;
        Index::of(folder, tantivy::Index::create(directory, schema().clone(), settings)?)
    }

    /// The one in that folder; also beside the process that writes it.
    ///
    /// # Errors
    /// [`Error::Index`], [`Error::CutOff`], [`Error::Damaged`].
    pub fn open(folder: &Path) -> Result<Index> {
        caught(|| {
            let directory = MmapDirectory::open(folder).map_err(tantivy::TantivyError::from)?;
            let index = if access(folder, Access::WRITE_OK).is_ok() {
                tantivy::Index::open(directory)?
            } else {
                tantivy::Index::open(ReadOnly(directory))?
            };
            if index.schema() != *schema() {
                return Err(Error::Damaged { what: "its fields are not those of this version" });
            }
            ends::check(folder)?;
            Index::of(folder, index)
        })
    }

    fn of(folder: &Path, index: tantivy::Index) -> Result<Index> {
        index.tokenizers().register(LINES, Lines);
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let damaged = Arc::new(AtomicBool::new(false));
        let snapshot =
            Snapshot { searcher: reader.searcher(), position: 0, hash: [0; 32], damaged: Arc::clone(&damaged) };
        let current = RwLock::new(snapshot);
        let index = Index { shared: Arc::new(Shared { folder: folder.to_owned(), index, reader, current, damaged }) };
        index.look()?;
        Ok(index)
    }

    pub(crate) fn tantivy(&self) -> &tantivy::Index {
        &self.shared.index
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.shared.folder
    }

    /// What the last commit says of itself.
    pub(crate) fn payload(&self) -> Result<Payload> {
        Payload::parse(self.shared.index.load_metas()?.payload.as_deref())
    }

    /// What can be read as of the last [`Index::look`]; the one who writes looks after each commit.
    pub fn snapshot(&self) -> Snapshot {
        self.shared.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks for what was committed since, also by another process. Answers what can be read now.
    ///
    /// # Errors
    /// [`Error::Index`], [`Error::Damaged`].
    pub fn look(&self) -> Result<Snapshot> {
        caught(|| self.try_look())
    }

    fn try_look(&self) -> Result<Snapshot> {
        for _ in 0..TRIES_MAX {
            let before = self.payload()?;
            self.shared.reader.reload()?;
            let now = self.payload()?;
            if (now.position, now.hash) == (before.position, before.hash) {
                let (position, hash) = (now.position, now.hash);
                let damaged = Arc::clone(&self.shared.damaged);
                let snapshot = Snapshot { searcher: self.shared.reader.searcher(), position, hash, damaged };
                *self.shared.current.write().unwrap_or_else(PoisonError::into_inner) = snapshot.clone();
                return Ok(snapshot);
            }
        }
        Err(Error::Damaged { what: "it changes faster than it can be read" })
    }

    /// Removes what a crash left of segments that were never committed: nobody would find it, nor take deleted text
    /// out of it; and of deletions, which the next commit writes again by the same name, and fails where it is taken.
    /// The caller writes the index, and has written nothing yet.
    pub(crate) fn tidy(&self) -> Result<()> {
        let committed = self.shared.index.searchable_segment_metas()?;
        let is_of = |segment: &SegmentMeta, name: &str| {
            let deletes = || segment.relative_path(SegmentComponent::Delete);
            name.starts_with(&segment.id().uuid_string())
                && (!name.ends_with(DELETES) || segment.has_deletes() && deletes() == Path::new(name))
        };
        let failed = || Error::file("tidy the folder", &self.shared.folder);
        for file in std::fs::read_dir(&self.shared.folder).map_err(failed())? {
            let file = file.map_err(failed())?;
            let name = file.file_name();
            let is_segment = |name: &&str| {
                name.get(..SEGMENT_NAME_LENGTH).is_some_and(|id| id.bytes().all(|byte| byte.is_ascii_hexdigit()))
            };
            let segment = name.to_str().filter(is_segment);
            if segment.is_some_and(|name| !committed.iter().any(|segment| is_of(segment, name))) {
                std::fs::remove_file(file.path()).map_err(failed())?;
            }
        }
        Ok(())
    }

    /// How large it is now.
    ///
    /// # Errors
    /// [`Error::Index`], [`Error::File`].
    pub fn size(&self) -> Result<Size> {
        let metas = self.shared.index.load_metas()?;
        let mut size = Size { segments: metas.segments.len() as u64, ..Size::default() };
        size.documents = metas.segments.iter().map(|segment| u64::from(segment.num_docs())).sum();
        let failed = || Error::file("read the folder", &self.shared.folder);
        for file in std::fs::read_dir(&self.shared.folder).map_err(failed())? {
            // A file that a merge has just taken away is none.
            size.bytes += file.map_err(failed())?.metadata().map_or(0, |file| file.len());
        }
        Ok(size)
    }

    /// The files that are not as they were written, by name.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn damaged(&self) -> Result<Vec<String>> {
        let mut damaged = ends::cut_off(self.folder())?;
        if damaged.is_empty() {
            damaged.extend(caught(|| Ok(self.shared.index.validate_checksum()?))?);
        }
        let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut names = damaged.iter().map(name).collect::<Vec<_>>();
        names.sort();
        Ok(names)
    }
}

impl Index {
    /// Whether anything was read of it that makes no sense: from then on it answers nothing, and is to be built again.
    pub fn is_damaged(&self) -> bool {
        self.shared.damaged.load(Ordering::Relaxed)
    }

    /// Remembers a failure that will not pass.
    pub fn note(&self, error: &Error) {
        self.snapshot().note(error);
    }
}

impl Snapshot {
    /// What was read of the index, unless it is known to be damaged. A failure that will not pass is remembered.
    pub(crate) fn read<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        if self.damaged.load(Ordering::Relaxed) {
            return Err(Error::Damaged { what: "its files cannot be read" });
        }
        caught(work).inspect_err(|error| self.note(error))
    }

    fn note(&self, error: &Error) {
        match error {
            Error::Index(_) if error.may_pass() => {}
            Error::Index(_) | Error::CutOff { .. } | Error::Damaged { .. } => {
                self.damaged.store(true, Ordering::Relaxed);
            }
            Error::File { .. } | Error::NotOwner => {}
        }
    }

    /// The document with that key, when there is one.
    pub(crate) fn by_key(&self, field: Field, key: &[u8]) -> Result<Option<TantivyDocument>> {
        let found = self.addresses(field, key)?;
        Ok(found.first().map(|address| self.searcher.doc(*address)).transpose()?)
    }

    /// The nickname of a member, also of a former one; the inner one is none when it was erased.
    pub(crate) fn nickname(&self, member: &[u8; 32]) -> Result<Option<Option<String>>> {
        let document = self.by_key(fields().member, member)?;
        let nickname = |document: &TantivyDocument| document.get_first(fields().nickname)?.as_str().map(str::to_owned);
        Ok(document.as_ref().map(nickname))
    }

    /// What a chat is called.
    pub(crate) fn chat_name(&self, chat_id: ChatId) -> Result<Option<String>> {
        let document = self.by_key(fields().known, chat_id.0.as_bytes())?;
        Ok(document.and_then(|document| Some(document.get_first(fields().chat_name)?.as_str()?.to_owned())))
    }

    /// Where the documents lie that have that key.
    pub(crate) fn addresses(&self, field: Field, key: &[u8]) -> Result<Vec<DocAddress>> {
        let term = Term::from_field_bytes(field, key);
        let mut addresses = Vec::new();
        for (segment, reader) in (0..).zip(self.searcher.segment_readers()) {
            let found = reader.inverted_index(field)?.read_postings(&term, IndexRecordOption::Basic);
            let Some(mut found) = found.map_err(tantivy::TantivyError::from)? else { continue };
            while found.doc() != TERMINATED {
                if !reader.is_deleted(found.doc()) {
                    addresses.push(DocAddress::new(segment, found.doc()));
                }
                found.advance();
            }
        }
        Ok(addresses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_reads_back() {
        for payload in [
            Payload::default(),
            Payload { position: 17, hash: [0xab; 32], purge_by: None },
            Payload { position: u64::MAX, hash: [1; 32], purge_by: Some(1_800_000_000) },
        ] {
            assert_eq!(Payload::parse(Some(&payload.text())).unwrap(), payload);
        }
        assert_eq!(Payload::parse(None).unwrap(), Payload::default());
        let hash = "ab".repeat(32);
        for bad in ["", "x", "1", "1 ", "1 x", "-1 H", "1 H ", "1 H x", "1 H 2 3", "1 Hab", "x H"] {
            let bad = bad.replace('H', &hash);
            assert!(matches!(Payload::parse(Some(&bad)), Err(Error::Damaged { .. })), "{bad}");
        }
    }
}
