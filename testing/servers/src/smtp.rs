//! A mail server inside the test, which misbehaves as it is told.

mod conversation;

use super::Identity;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Where a sink can misbehave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// In place of the greeting.
    Greeting,
    /// At EHLO, the first one of a connection.
    Ehlo,
    /// At STARTTLS.
    StartTls,
    /// In place of what TLS begins with.
    Handshake,
    /// At AUTH, and at the answer to what it asks.
    Auth,
    /// At MAIL.
    Mail,
    /// At RCPT.
    Rcpt,
    /// At DATA.
    Data,
    /// After a part of the mail.
    Body,
    /// After the final dot.
    Dot,
    /// At RSET.
    Reset,
}

/// How it misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It says that, and goes on where that is a refusal.
    Reply(&'static str),
    /// It closes the connection.
    Drop,
    /// It says that, and closes the connection.
    ReplyAndDrop(&'static str),
    /// It says nothing more, and keeps the connection.
    Hang,
    /// It says the right thing a byte at a time.
    Piecemeal,
}

/// How a sink is set up.
#[derive(Default)]
pub struct SinkOptions {
    /// Who it proves to be; it offers STARTTLS then.
    pub identity: Option<Arc<Identity>>,
    /// It speaks TLS from the first byte on.
    pub implicit: bool,
    /// It wants this user and password, by these mechanisms.
    pub login: Option<(&'static str, &'static str, &'static str)>,
    /// What else it can do: `SMTPUTF8`, `8BITMIME`.
    pub extensions: Vec<&'static str>,
}

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The parameters of MAIL, as they were said.
    pub from: String,
    /// The parameters of RCPT.
    pub to: String,
    /// The mail, its doubled dots single again.
    pub bytes: Vec<u8>,
    /// The connection that it came over, counted from 1.
    pub connection: usize,
    /// Whether that was encrypted.
    pub encrypted: bool,
}

/// A mail server on a free port of 127.0.0.1, until it is dropped. It needs a Tokio runtime.
pub struct SmtpSink {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    options: SinkOptions,
    tls: Option<TlsAcceptor>,
    faults: Mutex<HashMap<Step, (Fault, usize)>>,
    received: Mutex<Vec<Received>>,
    commands: Mutex<Vec<String>>,
    connections: AtomicUsize,
    /// Ends all open connections.
    hang_up: Notify,
}

impl Shared {
    /// How it is to misbehave at this step, now.
    fn fault(&self, step: Step) -> Option<Fault> {
        let mut faults = locked(&self.faults);
        let (fault, left) = faults.get_mut(&step)?;
        *left = left.checked_sub(1)?;
        Some(*fault)
    }
}

impl SmtpSink {
    /// Starts one that takes everything.
    pub async fn start() -> SmtpSink {
        SmtpSink::start_with(SinkOptions::default()).await
    }

    /// Starts one.
    pub async fn start_with(options: SinkOptions) -> SmtpSink {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let tls = options.identity.as_deref().map(acceptor);
        let shared = Arc::new(Shared {
            options,
            tls,
            faults: Mutex::default(),
            received: Mutex::default(),
            commands: Mutex::default(),
            connections: AtomicUsize::new(0),
            hang_up: Notify::new(),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        SmtpSink { address, shared, accepting }
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// `smtp://localhost:port`, and what follows: `?tls=implicit`.
    pub fn url(&self, rest: &str) -> String {
        format!("smtp://localhost:{}{rest}", self.port())
    }

    /// Misbehaves at that step from now on.
    pub fn fail(&self, step: Step, fault: Fault) {
        self.fail_times(step, fault, usize::MAX);
    }

    /// Misbehaves at that step so many times.
    pub fn fail_times(&self, step: Step, fault: Fault, times: usize) {
        locked(&self.shared.faults).insert(step, (fault, times));
    }

    /// Behaves from now on.
    pub fn behave(&self) {
        locked(&self.shared.faults).clear();
    }

    /// Closes every connection, and takes new ones.
    pub fn hang_up(&self) {
        self.shared.hang_up.notify_waiters();
    }

    /// What came until now, in the order in which it came.
    pub fn received(&self) -> Vec<Received> {
        locked(&self.shared.received).clone()
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Every command that came, without the answers to what AUTH asks.
    pub fn commands(&self) -> Vec<String> {
        locked(&self.shared.commands).clone()
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        self.accepting.abort();
        self.hang_up();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn acceptor(identity: &Identity) -> TlsAcceptor {
    let chain = CertificateDer::pem_file_iter(identity.certificate()).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let key = PrivateKeyDer::from_pem_file(identity.key()).expect("its key was just made");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("it has a cipher for each version of TLS")
        .with_no_client_auth()
        .with_single_cert(chain.expect("its certificate was just made"), key)
        .expect("they belong together");
    TlsAcceptor::from(Arc::new(config))
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        let number = shared.connections.fetch_add(1, Ordering::SeqCst) + 1;
        tokio::spawn(async move {
            let ended = shared.hang_up.notified();
            tokio::select! {
                biased;
                () = ended => {}
                // How a conversation breaks off is for the client to tell.
                _ = conversation::hold(&shared, stream, number) => {}
            }
        });
    }
}
