//! Files that are read plain or packed by gzip, whichever they are.

use crate::operations::Error;
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a gzip file begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// How much is read at once.
const READ_BYTES: usize = 128 * 1024;

/// Bytes from anywhere: a file, a pipe, standard input, the other end of a socket.
pub struct Source {
    /// The bytes as they stand there.
    pub read: Box<dyn Read + Send>,
    /// How many there are; zero when nobody knows.
    pub bytes: u64,
    /// How many of them were read so far.
    pub bytes_read: Arc<AtomicU64>,
}

impl Source {
    /// Reads from there; `bytes` is how many there are, zero when nobody knows.
    pub fn new(read: impl Read + Send + 'static, bytes: u64) -> Source {
        let bytes_read = Arc::new(AtomicU64::new(0));
        let read = Box::new(CountingReader { source: read, bytes_read: Arc::clone(&bytes_read) });
        Source { read, bytes, bytes_read }
    }
}

/// Opens a file or a named pipe, for which it waits until somebody writes; `-` is standard input.
///
/// # Errors
/// When there is none, when this user may not read it, and when it is a folder.
pub fn source(path: &Path) -> Result<Source, Error> {
    if path == Path::new("-") {
        return Ok(Source::new(io::stdin(), 0));
    }
    let failed = |error| Error::CannotOpen { path: path.to_owned(), error };
    let file = File::open(path).map_err(failed)?;
    let found = file.metadata().map_err(failed)?;
    if found.is_dir() {
        return Err(Error::IsFolder(path.to_owned()));
    }
    Ok(Source::new(file, if found.is_file() { found.len() } else { 0 }))
}

/// Begins to read, plain or packed. Waits for the first bytes.
///
/// # Errors
/// When it cannot be read.
pub fn begin(source: Source) -> io::Result<Box<dyn BufRead + Send>> {
    let mut plain = BufReader::with_capacity(READ_BYTES, source.read);
    if plain.fill_buf()?.starts_with(&GZIP) {
        return Ok(Box::new(BufReader::with_capacity(READ_BYTES, MultiGzDecoder::new(plain))));
    }
    Ok(Box::new(plain))
}

struct CountingReader<R> {
    source: R,
    bytes_read: Arc<AtomicU64>,
}

impl<R: Read> Read for CountingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.source.read(buffer)?;
        self.bytes_read.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(bytes)
    }
}
