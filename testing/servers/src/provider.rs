//! A provider of OpenID Connect, and one like VK ID, inside the test; it lies as it is told.

mod answers;
mod keys;
mod lies;

pub use lies::{Lie, Place};

use answers::{Asked, answer};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use keys::Signer;
use serde_json::Value;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What a client of it is called, and its secret.
pub const CLIENT: (&str, &str) = ("letopis", "a secret of the client");

/// Who signs in at a provider, without being asked anything.
#[derive(Clone, Debug)]
pub struct ProviderUser {
    pub subject: String,
    pub email: Option<String>,
    pub email_verified: bool,
    pub name: Option<String>,
}

impl ProviderUser {
    /// One with an address that the provider vouches for.
    pub fn new(subject: &str, email: &str) -> ProviderUser {
        let (subject, email) = (subject.to_owned(), Some(email.to_owned()));
        ProviderUser { subject, email, email_verified: true, name: None }
    }
}

/// A provider that runs until it is dropped.
pub struct Provider {
    /// `http://127.0.0.1:port`.
    pub issuer: String,
    shared: Arc<Mutex<Shared>>,
    serving: JoinHandle<()>,
}

/// What its answers are made of.
struct Shared {
    issuer: String,
    user: ProviderUser,
    signer: Signer,
    lies: Vec<Lie>,
    /// What each code is good for, once.
    codes: HashMap<String, Value>,
    /// Whom each access token is about.
    tokens: HashMap<String, Value>,
    /// How often each place was asked.
    asked: HashMap<Place, usize>,
}

impl Provider {
    /// Starts one on a free port, at which somebody is signed in already.
    pub async fn start() -> Provider {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port of the loopback interface");
        let address = listener.local_addr().expect("a bound listener has an address");
        let issuer = format!("http://{address}");
        let shared = Arc::new(Mutex::new(Shared {
            issuer: issuer.clone(),
            user: ProviderUser::new("1", "somebody@example.org"),
            signer: Signer::new(),
            lies: Vec::new(),
            codes: HashMap::new(),
            tokens: HashMap::new(),
            asked: HashMap::new(),
        }));
        let serving = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Provider { issuer, shared, serving }
    }

    /// Who signs in from now on.
    pub fn sign_in_as(&self, user: ProviderUser) {
        self.shared().user = user;
    }

    /// Lies in that way from now on, and in no other.
    pub fn lie(&self, lie: Lie) {
        self.shared().lies = vec![lie];
    }

    /// Says the truth again.
    pub fn be_honest(&self) {
        self.shared().lies.clear();
    }

    /// Signs with another key from now on; the ones before are not published any more.
    pub fn rotate(&self) {
        self.shared().signer = Signer::new();
    }

    /// Signs by RSA from now on.
    pub fn sign_by_rsa(&self) {
        self.shared().signer = Signer::rsa();
    }

    /// How often it was asked there.
    pub fn asked(&self, place: Place) -> usize {
        self.shared().asked.get(&place).copied().unwrap_or(0)
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Mutex<Shared>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let shared = Arc::clone(&shared);
                async move {
                    let asked = Asked::read(request).await;
                    let answered = answer(&mut shared.lock().unwrap_or_else(PoisonError::into_inner), &asked);
                    match answered {
                        Some(response) => Ok::<_, Infallible>(response),
                        // It never answers; the connection ends with the test.
                        None => std::future::pending().await,
                    }
                }
            });
            // A caller that goes away is no failure of a server.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
