//! What a sink says to one client.

use super::{Fault, Received, Shared, Step, locked};
use std::io;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// The longest line.
const LINE_BYTES_MAX: u64 = 8 * 1024;
/// The largest mail.
const MAIL_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How much of a mail is read before a fault in its middle.
const PART_BYTES: usize = 16;

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

struct Conversation<'a> {
    shared: &'a Shared,
    io: BufReader<Box<dyn Io>>,
    number: usize,
    encrypted: bool,
    from: Option<String>,
    to: Option<String>,
}

/// Talks until one of the two closes the connection.
pub(super) async fn hold(shared: &Shared, stream: TcpStream, number: usize) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let io = BufReader::new(Box::new(stream) as Box<dyn Io>);
    let mut conversation = Conversation { shared, io, number, encrypted: false, from: None, to: None };
    if shared.options.implicit {
        conversation = conversation.encrypt().await?;
    }
    conversation.say(Step::Greeting, "220 sink.example ESMTP\r\n").await?;
    loop {
        let line = conversation.line().await?;
        locked(&shared.commands).push(line.clone());
        let (verb, rest) = line.split_once([' ', ':']).unwrap_or((&line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => conversation.greet().await?,
            "STARTTLS" => {
                if conversation.say(Step::StartTls, "220 2.0.0 go ahead\r\n").await? {
                    conversation = conversation.encrypt().await?;
                }
            }
            "AUTH" => conversation.sign_in(rest).await?,
            "MAIL" => {
                let taken = conversation.say(Step::Mail, "250 2.1.0 Ok\r\n").await?;
                conversation.from = taken.then(|| rest.to_owned());
            }
            "RCPT" => {
                let taken = conversation.say(Step::Rcpt, "250 2.1.5 Ok\r\n").await?;
                conversation.to = taken.then(|| rest.to_owned());
            }
            "DATA" => {
                if conversation.say(Step::Data, "354 End data with <CR><LF>.<CR><LF>\r\n").await? {
                    conversation.take().await?;
                }
            }
            "RSET" => {
                conversation.say(Step::Reset, "250 2.0.0 Ok\r\n").await?;
                (conversation.from, conversation.to) = (None, None);
            }
            "QUIT" => return conversation.write("221 2.0.0 Bye\r\n").await,
            _ => conversation.write("500 5.5.2 what?\r\n").await?,
        }
    }
}

impl Conversation<'_> {
    async fn greet(&mut self) -> io::Result<()> {
        let options = &self.shared.options;
        let mut lines = vec!["sink.example".to_owned()];
        if options.identity.is_some() && !self.encrypted {
            lines.push("StartTls".to_owned());
        }
        if let Some((mechanisms, _, _)) = options.login {
            lines.push(format!("AUTH {mechanisms}"));
        }
        lines.extend(options.extensions.iter().map(|extension| (*extension).to_owned()));
        let more = lines.iter().map(|line| format!("250-{line}\r\n")).collect::<String>();
        self.say(Step::Ehlo, &format!("{more}250 PIPELINING\r\n")).await.map(drop)
    }

    async fn encrypt(mut self) -> io::Result<Self> {
        if let Some(fault) = self.shared.fault(Step::Handshake) {
            self.misbehave(fault, "").await?;
        }
        let acceptor = self.shared.tls.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        let stream = acceptor.accept(self.io.into_inner()).await?;
        Ok(Conversation { io: BufReader::new(Box::new(stream)), encrypted: true, ..self })
    }

    /// Takes the right answers alone: those of PLAIN in the same line, those of LOGIN one after the other.
    async fn sign_in(&mut self, rest: &str) -> io::Result<()> {
        let Some((_, user, password)) = self.shared.options.login else {
            return self.write("503 5.5.1 not here\r\n").await;
        };
        let expected = match rest.split_once(' ') {
            Some(("PLAIN", answer)) => answer == encoded(&format!("\0{user}\0{password}")),
            Some(_) => false,
            None => {
                self.write("334 VXNlcm5hbWU6\r\n").await?;
                let said_user = self.line().await?;
                self.write("334 UGFzc3dvcmQ6\r\n").await?;
                said_user == encoded(user) && self.line().await? == encoded(password)
            }
        };
        let reply = if expected { "235 2.7.0 welcome\r\n" } else { "535 5.7.8 who?\r\n" };
        self.say(Step::Auth, reply).await.map(drop)
    }

    /// The mail, up to the final dot.
    async fn take(&mut self) -> io::Result<()> {
        let mut bytes = Vec::new();
        if let Some(fault) = self.shared.fault(Step::Body) {
            self.io.read_exact(&mut [0; PART_BYTES]).await?;
            self.misbehave(fault, "").await?;
        }
        loop {
            let mut line = Vec::new();
            self.io.read_until(b'\n', &mut line).await?;
            if line == b".\r\n" {
                break;
            }
            if line.is_empty() || bytes.len() > MAIL_BYTES_MAX {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            bytes.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
        // Before the answer: who has it sees it here.
        let (from, to) = (self.from.take().unwrap_or_default(), self.to.take().unwrap_or_default());
        let received = Received { from, to, bytes, connection: self.number, encrypted: self.encrypted };
        let taken = locked(&self.shared.received).len() + 1;
        let fault = self.shared.fault(Step::Dot);
        if !matches!(fault, Some(Fault::Reply(reply) | Fault::ReplyAndDrop(reply)) if !reply.starts_with('2')) {
            locked(&self.shared.received).push(received);
        }
        let reply = format!("250 2.0.0 Ok: queued as SINK{taken}\r\n");
        match fault {
            None => self.write(&reply).await,
            Some(fault) => self.misbehave(fault, &reply).await.map(drop),
        }
    }

    /// The right thing, unless it is to misbehave here; whether the server said yes. An error ends the conversation.
    async fn say(&mut self, step: Step, reply: &str) -> io::Result<bool> {
        match self.shared.fault(step) {
            None => self.write(reply).await.map(|()| true),
            Some(fault) => self.misbehave(fault, reply).await,
        }
    }

    async fn misbehave(&mut self, fault: Fault, reply: &str) -> io::Result<bool> {
        let ended = || io::Error::from(io::ErrorKind::ConnectionAborted);
        match fault {
            Fault::Reply(other) => self.write(other).await.map(|()| other.starts_with(['2', '3'])),
            Fault::ReplyAndDrop(other) => {
                self.write(other).await?;
                Err(ended())
            }
            Fault::Drop => Err(ended()),
            Fault::Hang => {
                // It reads nothing either. What hangs up the connections ends this.
                std::future::pending().await
            }
            Fault::Piecemeal => {
                for byte in reply.bytes() {
                    self.io.write_all(&[byte]).await?;
                    self.io.flush().await?;
                    tokio::task::yield_now().await;
                }
                Ok(true)
            }
        }
    }

    async fn write(&mut self, text: &str) -> io::Result<()> {
        self.io.write_all(text.as_bytes()).await?;
        self.io.flush().await
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        (&mut self.io).take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await?;
        let line = line.strip_suffix(b"\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(String::from_utf8_lossy(line).into_owned())
    }
}

fn encoded(text: &str) -> String {
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text)
}
