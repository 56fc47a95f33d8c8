//! A file that follows a request over the control socket: the client opens it, the server never does. So a pipe, standard
//! input and a file that only the client's user may read are all the same to the server.
//!
//! Each chunk is its length (four bytes, big endian) and its bytes; a length of zero is the end. A connection that ends
//! before that is a client that has left, and not the end of the file.

use crate::gzip::Source;
use std::io::{self, ErrorKind, Read};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

/// Most bytes of a chunk.
const CHUNK_BYTES_MAX: usize = 64 * 1024;
/// Chunks that wait at either end before whoever reads the file waits.
const CHUNKS_MAX: usize = 8;

enum Chunk {
    Bytes(Vec<u8>),
    End,
}

/// Why a file was not sent to its end.
pub enum SendError {
    /// The file cannot be read.
    File(io::Error),
    /// The server does not take it any more; its answer says why.
    Server,
}

/// Sends the whole file. It is read on a thread of its own: whoever writes into a pipe takes as long as they like.
pub async fn send(source: Source, to: &mut (impl AsyncWrite + Unpin)) -> Result<(), SendError> {
    let (sender, mut chunks) = mpsc::channel(CHUNKS_MAX);
    tokio::task::spawn_blocking(move || read(source, &sender));
    while let Some(chunk) = chunks.recv().await {
        let bytes = chunk.map_err(SendError::File)?;
        write(&bytes, to).await.map_err(|_| SendError::Server)?;
    }
    to.write_u32(0).await.map_err(|_| SendError::Server)
}

async fn write(bytes: &[u8], to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    to.write_u32(u32::try_from(bytes.len()).map_err(io::Error::other)?).await?;
    to.write_all(bytes).await
}

fn read(mut source: Source, to: &mpsc::Sender<io::Result<Vec<u8>>>) {
    loop {
        let mut bytes = vec![0; CHUNK_BYTES_MAX];
        let read = match source.read.read(&mut bytes) {
            Ok(0) => return,
            Ok(read) => Ok(read),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let is_end = read.is_err();
        let chunk = read.map(|read| {
            bytes.truncate(read);
            bytes
        });
        if to.blocking_send(chunk).is_err() || is_end {
            return;
        }
    }
}

/// Takes the file of a client, of so many bytes where the client knows. The reader is for a thread that may wait, the
/// other half is to be driven by [`Pump::run`].
pub fn receive(bytes: u64) -> (Pump, Source) {
    let (sender, chunks) = mpsc::channel(CHUNKS_MAX);
    (Pump { sender }, Source::new(UploadReader { chunks, chunk: Vec::new(), at: 0, ended: false }, bytes))
}

/// What carries chunks from the socket to the reader.
pub struct Pump {
    sender: mpsc::Sender<Chunk>,
}

impl Pump {
    /// Runs until the end of the file. What the reader does not want any more is thrown away.
    ///
    /// # Errors
    /// When the client has left before, or does not keep to the protocol.
    pub async fn run(self, from: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
        loop {
            let bytes = from.read_u32().await? as usize;
            if bytes == 0 {
                let _ = self.sender.send(Chunk::End).await;
                return Ok(());
            }
            if bytes > CHUNK_BYTES_MAX {
                return Err(io::Error::new(ErrorKind::InvalidData, "a chunk is too long"));
            }
            let mut chunk = vec![0; bytes];
            from.read_exact(&mut chunk).await?;
            let _ = self.sender.send(Chunk::Bytes(chunk)).await;
        }
    }
}

struct UploadReader {
    chunks: mpsc::Receiver<Chunk>,
    chunk: Vec<u8>,
    at: usize,
    ended: bool,
}

impl Read for UploadReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.chunk.len() && !self.ended {
            match self.chunks.blocking_recv() {
                Some(Chunk::Bytes(bytes)) => (self.chunk, self.at) = (bytes, 0),
                Some(Chunk::End) => self.ended = true,
                None => return Err(io::Error::new(ErrorKind::UnexpectedEof, "the sender of the file has left")),
            }
        }
        let bytes = buffer.len().min(self.chunk.len() - self.at);
        buffer[..bytes].copy_from_slice(&self.chunk[self.at..self.at + bytes]);
        self.at += bytes;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    async fn through(sent: Vec<u8>) -> (io::Result<()>, io::Result<Vec<u8>>) {
        let (pump, mut source) = receive(0);
        let reading = tokio::task::spawn_blocking(move || {
            let mut read = Vec::new();
            source.read.read_to_end(&mut read).map(|_| read)
        });
        let pumped = pump.run(&mut sent.as_slice()).await;
        (pumped, reading.await.unwrap())
    }

    async fn sent(file: Vec<u8>) -> Vec<u8> {
        let mut wire = Vec::new();
        assert!(send(Source::new(Cursor::new(file), 0), &mut wire).await.is_ok());
        wire
    }

    #[tokio::test]
    async fn what_is_sent_arrives() {
        for bytes in [0, 1, CHUNK_BYTES_MAX, CHUNK_BYTES_MAX * 20 + 7] {
            let file = (0..bytes).map(|at| (at % 251) as u8).collect::<Vec<_>>();
            let (pumped, read) = through(sent(file.clone()).await).await;
            assert!(pumped.is_ok());
            assert_eq!(read.unwrap(), file, "{bytes}");
        }
    }

    #[tokio::test]
    async fn a_client_that_leaves_is_not_the_end_of_the_file() {
        let whole = sent(b"one line\n".to_vec()).await;
        for kept in 0..whole.len() {
            let (pumped, read) = through(whole[..kept].to_vec()).await;
            assert!(pumped.is_err(), "{kept}");
            assert_eq!(read.unwrap_err().kind(), ErrorKind::UnexpectedEof, "{kept}");
        }
    }

    #[tokio::test]
    async fn a_chunk_has_a_limit() {
        let (pumped, _) = through(u32::MAX.to_be_bytes().to_vec()).await;
        assert_eq!(pumped.unwrap_err().kind(), ErrorKind::InvalidData);
    }

    struct Unreadable;

    impl Read for Unreadable {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_read_has_no_end_either() {
        let mut wire = Vec::new();
        let stopped = send(Source::new(Unreadable, 0), &mut wire).await;
        assert!(matches!(stopped, Err(SendError::File(_))) && wire.is_empty());
    }
}
