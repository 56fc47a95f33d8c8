//! Commands out, replies in, each within its time.

use super::phase::{Phase, Timeouts};
use lettre::transport::smtp::response::{Response, Severity};
use std::fmt::Display;
use std::io::{self, ErrorKind};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::time::timeout;
use zeroize::Zeroizing;

/// The longest reply that is read, in all its lines.
const REPLY_BYTES_MAX: usize = 64 * 1024;
/// A server that closes the connection because it does not want to go on.
pub(super) const CLOSING: u16 = 421;

/// A connection, encrypted or not.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Where and why it failed.
#[derive(Debug)]
pub(super) struct Failed {
    pub phase: Phase,
    pub cause: Cause,
}

#[derive(Debug)]
pub(super) enum Cause {
    /// The server said no, or said what has no place here.
    Reply(Response),
    /// The connection did not hold, or what came was no reply.
    Broken(String),
    /// Nothing came for so long.
    Late(Duration),
    /// The server lacks what this mail needs: nothing was asked of it.
    Unfit(&'static str),
    /// Whoever asked for this mail may not send it any more.
    Withdrawn,
}

impl Failed {
    pub(super) fn broken(phase: Phase, why: impl Display) -> Failed {
        Failed { phase, cause: Cause::Broken(why.to_string()) }
    }

    /// Whether the connection failed, rather than the server refused.
    pub(super) fn is_of_the_line(&self) -> bool {
        match &self.cause {
            Cause::Reply(reply) => code(reply) == CLOSING,
            Cause::Broken(_) | Cause::Late(_) => true,
            Cause::Unfit(_) | Cause::Withdrawn => false,
        }
    }

    /// Whether other mail can go over this connection still.
    pub(super) fn keeps_line(&self) -> bool {
        match &self.cause {
            Cause::Reply(reply) => reply_is_refusal(reply) && code(reply) != CLOSING,
            Cause::Unfit(_) => true,
            // It stands between 354 and a body that will not come.
            Cause::Withdrawn | Cause::Broken(_) | Cause::Late(_) => false,
        }
    }
}

pub(super) fn code(reply: &Response) -> u16 {
    reply.code().into()
}

/// 4yz or 5yz.
pub(super) fn reply_is_refusal(reply: &Response) -> bool {
    !reply.is_positive()
}

pub(super) struct Wire {
    io: BufReader<Box<dyn Io>>,
    timeouts: Timeouts,
}

impl Wire {
    pub(super) fn new(io: Box<dyn Io>, timeouts: Timeouts) -> Wire {
        Wire { io: BufReader::new(io), timeouts }
    }

    pub(super) fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// The connection below; `None` when something came that nobody asked for: whoever sits in between may have sent
    /// it to be taken for an answer over the encrypted one.
    pub(super) fn into_inner(self) -> Option<Box<dyn Io>> {
        self.io.buffer().is_empty().then(|| self.io.into_inner())
    }

    /// One command, and a reply that says yes: 2yz, or 3yz where more is expected.
    pub(super) async fn ask(
        &mut self,
        phase: Phase,
        command: impl Display,
        wanted: Severity,
    ) -> Result<Response, Failed> {
        let time = self.timeouts.of(phase);
        self.ask_within(phase, command, wanted, time).await
    }

    pub(super) async fn ask_within(
        &mut self,
        phase: Phase,
        command: impl Display,
        wanted: Severity,
        time: Duration,
    ) -> Result<Response, Failed> {
        let line = Zeroizing::new(command.to_string());
        let asked = async {
            self.io.write_all(line.as_bytes()).await?;
            self.io.flush().await?;
            self.read().await
        };
        judged(phase, wanted, time, timeout(time, asked).await)
    }

    /// A reply to what was said before, or to nothing: the greeting.
    pub(super) async fn reply(&mut self, phase: Phase) -> Result<Response, Failed> {
        let time = self.timeouts.of(phase);
        judged(phase, Severity::PositiveCompletion, time, timeout(time, self.read()).await)
    }

    /// The mail and its final dot, in one write where the server takes it. What fails here left at least its last
    /// byte behind, so that there was no final dot; from then on it is [`Phase::FinalDot`].
    pub(super) async fn body(&mut self, bytes: &[u8]) -> Result<(), Failed> {
        let time = self.timeouts.of(Phase::Body);
        let mut written = 0;
        while written < bytes.len() {
            match timeout(time, self.io.write(&bytes[written..])).await {
                Ok(Ok(0)) => return Err(Failed::broken(Phase::Body, "it accepts no more bytes")),
                Ok(Ok(count)) => written += count,
                Ok(Err(error)) => return Err(Failed::broken(Phase::Body, error)),
                Err(_) => return Err(Failed { phase: Phase::Body, cause: Cause::Late(time) }),
            }
        }
        // What encrypts may hold some of it back.
        match timeout(time, self.io.flush()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Failed::broken(Phase::FinalDot, error)),
            Err(_) => Err(Failed { phase: Phase::FinalDot, cause: Cause::Late(time) }),
        }
    }

    async fn read(&mut self) -> io::Result<Response> {
        let mut text = String::new();
        loop {
            let mut line = Vec::new();
            let left = REPLY_BYTES_MAX.saturating_sub(text.len());
            (&mut self.io).take(left as u64).read_until(b'\n', &mut line).await?;
            if line.last() != Some(&b'\n') {
                let (kind, what) = if line.len() < left {
                    (ErrorKind::UnexpectedEof, "the server closed the connection")
                } else {
                    (ErrorKind::InvalidData, "its reply is too long")
                };
                return Err(io::Error::new(kind, what));
            }
            let line = String::from_utf8_lossy(line.trim_ascii_end());
            text.push_str(&line);
            // RFC 5321, 4.2: clients take a code without a text as well.
            text.push_str(if line.len() == 3 { " \r\n" } else { "\r\n" });
            if line.as_bytes().get(3) != Some(&b'-') {
                break;
            }
        }
        text.parse().map_err(|_| io::Error::new(ErrorKind::InvalidData, "what it says is no reply"))
    }
}

fn judged(
    phase: Phase,
    wanted: Severity,
    time: Duration,
    result: Result<io::Result<Response>, tokio::time::error::Elapsed>,
) -> Result<Response, Failed> {
    match result {
        Ok(Ok(reply)) if reply.code().severity == wanted => Ok(reply),
        Ok(Ok(reply)) => Err(Failed { phase, cause: Cause::Reply(reply) }),
        Ok(Err(error)) => Err(Failed::broken(phase, error)),
        Err(_) => Err(Failed { phase, cause: Cause::Late(time) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::Pin;
    use std::sync::{Arc, Mutex};
    use std::task::{Context, Poll};
    use tokio::io::ReadBuf;

    /// Takes what is written, and breaks after so many bytes.
    #[derive(Clone, Default)]
    struct Recorder {
        writes: Arc<Mutex<Vec<usize>>>,
        breaks_after: Option<usize>,
        flush_fails: bool,
    }

    impl AsyncRead for Recorder {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Recorder {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            let mut writes = self.writes.lock().unwrap();
            let before = writes.iter().sum::<usize>();
            let taken = self.breaks_after.map_or(bytes.len(), |most| bytes.len().min(most - before));
            if taken == 0 {
                return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
            }
            writes.push(taken);
            Poll::Ready(Ok(taken))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(if self.flush_fails { Err(ErrorKind::BrokenPipe.into()) } else { Ok(()) })
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    async fn written(recorder: &Recorder) -> Result<(), Phase> {
        let mut wire = Wire::new(Box::new(recorder.clone()), Timeouts::new(Duration::from_secs(600)));
        wire.body(b"a mail\r\n.\r\n").await.map_err(|failed| failed.phase)
    }

    #[tokio::test]
    async fn the_mail_and_its_dot_go_out_in_one_write() {
        let recorder = Recorder::default();
        assert_eq!(written(&recorder).await, Ok(()));
        assert_eq!(*recorder.writes.lock().unwrap(), [11]);
    }

    #[tokio::test]
    async fn a_write_that_fails_leaves_the_dot_behind_and_a_flush_may_not() {
        for taken in 1..11 {
            let recorder = Recorder { breaks_after: Some(taken), ..Recorder::default() };
            assert_eq!(written(&recorder).await, Err(Phase::Body), "{taken}");
        }
        let recorder = Recorder { breaks_after: Some(11), flush_fails: true, ..Recorder::default() };
        assert_eq!(written(&recorder).await, Err(Phase::FinalDot));
    }

    #[test]
    fn fuzz_what_a_server_says_is_a_reply_or_an_error() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let read = |said: &[u8]| {
            let io = tokio::io::join(io::Cursor::new(said.to_vec()), tokio::io::sink());
            let mut wire = Wire::new(Box::new(io), Timeouts::new(Duration::from_secs(600)));
            runtime.block_on(wire.read())
        };
        let seeds: [&[u8]; 4] =
            [b"250 ok\r\n", b"220\r\n", b"250-a\r\n250-b c\r\n250 d\r\n", b"550 5.1.1 \xff\n354 more"];
        fuzz::bytes(&seeds, |said| {
            let reply = read(said);
            if let Ok(reply) = &reply {
                assert!((200..600).contains(&code(reply)));
                let lines = reply.message().collect::<Vec<_>>();
                let (last, more) = lines.split_last().unwrap();
                let mut written = more.iter().map(|line| format!("{}-{line}\r\n", reply.code())).collect::<String>();
                written.push_str(&format!("{} {last}\r\n", reply.code()));
                let again = read(written.as_bytes()).unwrap();
                let trimmed = |line: &str| line.trim_ascii_end().to_owned();
                assert_eq!(
                    again.message().map(trimmed).collect::<Vec<_>>(),
                    reply.message().map(trimmed).collect::<Vec<_>>()
                );
                assert_eq!(again.code(), reply.code());
            }
            fuzz::Verdict::from(&reply)
        });
    }
}
