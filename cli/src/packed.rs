//! Files that are read plain or packed by gzip, whichever they are.

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

/// What is read.
pub struct Opened {
    /// Unpacked.
    pub from: Box<dyn BufRead + Send>,
    /// How many bytes of the file itself were read so far.
    pub bytes_read: Arc<AtomicU64>,
    /// How many it has; zero when nobody knows.
    pub bytes: u64,
}

/// Opens a file; `-` is standard input.
///
/// # Errors
/// When it cannot be opened or read.
pub fn open(path: &Path) -> io::Result<Opened> {
    if path == Path::new("-") {
        return begin(io::stdin(), 0);
    }
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    begin(file, bytes)
}

/// Reads from anywhere; `bytes` is how many there are, zero when nobody knows.
///
/// # Errors
/// When it cannot be read.
pub fn begin(source: impl Read + Send + 'static, bytes: u64) -> io::Result<Opened> {
    let bytes_read = Arc::new(AtomicU64::new(0));
    let counted = Counted { source, bytes_read: Arc::clone(&bytes_read) };
    let mut plain = BufReader::with_capacity(READ_BYTES, counted);
    let from: Box<dyn BufRead + Send> = if plain.fill_buf()?.starts_with(&GZIP) {
        Box::new(BufReader::with_capacity(READ_BYTES, MultiGzDecoder::new(plain)))
    } else {
        Box::new(plain)
    };
    Ok(Opened { from, bytes_read, bytes })
}

struct Counted<R> {
    source: R,
    bytes_read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.source.read(buffer)?;
        self.bytes_read.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(bytes)
    }
}
