//! Whether the files of an index end as they were written. They are mapped into memory: over one that is cut off the
//! library panics when it opens it, and the process ends when it reads on behind the end.

use crate::error::caught;
use crate::read_only::ReadOnly;
use crate::{Error, Index, Result};
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use tantivy::SegmentMeta;
use tantivy::directory::MmapDirectory;
use tantivy::index::SegmentComponent;

/// How each file of a segment ends: the length of its footer, then this number.
const MAGIC: u32 = 1_337;
const TRAILER_BYTES: u64 = 8;

/// What each segment has. One without positions has no file of them.
const COMPONENTS: [SegmentComponent; 5] = [
    SegmentComponent::Terms,
    SegmentComponent::Store,
    SegmentComponent::Postings,
    SegmentComponent::FastFields,
    SegmentComponent::FieldNorms,
];

impl Index {
    /// Checks that no file of the last commit is missing or cut off, without mapping any.
    ///
    /// # Errors
    /// [`Error::CutOff`] for the first one that is; [`Error::Index`], [`Error::File`].
    pub fn check_ends(&self) -> Result<()> {
        check(self.folder())
    }
}

/// The same of the index in that folder, whose files are not open yet.
pub(crate) fn check(folder: &Path) -> Result<()> {
    cut_off(folder)?.into_iter().next().map_or(Ok(()), |path| Err(Error::CutOff { path }))
}

/// The files of the last commit that are missing or cut off.
pub(crate) fn cut_off(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for segment in segments(folder)? {
        for path in files(&segment).map(|name| folder.join(name)) {
            if !is_whole(&path)? && is_current(folder, &segment)? {
                found.push(path);
            }
        }
        let positions = folder.join(segment.relative_path(SegmentComponent::Positions));
        if positions.exists() && !is_whole(&positions)? && is_current(folder, &segment)? {
            found.push(positions);
        }
    }
    Ok(found)
}

/// Read by a handle of its own: what another one holds of a segment keeps the files of that segment.
fn segments(folder: &Path) -> Result<Vec<SegmentMeta>> {
    caught(|| {
        let directory = MmapDirectory::open(folder).map_err(tantivy::TantivyError::from)?;
        Ok(tantivy::Index::open(ReadOnly(directory))?.searchable_segment_metas()?)
    })
}

fn files(segment: &SegmentMeta) -> impl Iterator<Item = PathBuf> + '_ {
    let deletes = segment.has_deletes().then_some(SegmentComponent::Delete);
    COMPONENTS.into_iter().chain(deletes).map(|component| segment.relative_path(component))
}

/// Whether the last commit has it still: a merge may have taken it away since it was read.
fn is_current(folder: &Path, segment: &SegmentMeta) -> Result<bool> {
    let same = |now: &SegmentMeta| now.id() == segment.id() && now.delete_opstamp() == segment.delete_opstamp();
    Ok(segments(folder)?.iter().any(same))
}

fn is_whole(path: &Path) -> Result<bool> {
    let trailer = || -> std::io::Result<bool> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        if length < TRAILER_BYTES {
            return Ok(false);
        }
        file.seek(SeekFrom::Start(length - TRAILER_BYTES))?;
        let mut trailer = [0; TRAILER_BYTES as usize];
        file.read_exact(&mut trailer)?;
        let [footer, magic] = [0, 4].map(|at| u32::from_le_bytes([0, 1, 2, 3].map(|byte| trailer[at + byte])));
        Ok(magic == MAGIC && u64::from(footer) + TRAILER_BYTES <= length)
    };
    match trailer() {
        Ok(whole) => Ok(whole),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof) => Ok(false),
        Err(error) => Err(Error::file("read", path)(error)),
    }
}
