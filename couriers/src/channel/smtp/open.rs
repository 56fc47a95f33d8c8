//! Making a connection: to the host, encrypted, signed in.

use super::address::{SmtpUrl, Tls};
use super::line::Line;
use super::phase::{Phase, Timeouts};
use super::wire::{Cause, Failed, Io, Wire, code};
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::commands::{Auth, Ehlo, Starttls};
use lettre::transport::smtp::extension::{ClientId, Extension, ServerInfo};
use lettre::transport::smtp::response::{Response, Severity};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::Host;

/// Addresses of one host that are tried.
const ADDRESSES_MAX: usize = 8;
/// Questions that a server may ask while we sign in.
const CHALLENGES_MAX: usize = 4;
/// What a server says when it wants another question answered.
const CHALLENGE: u16 = 334;

/// Whose word is taken for a server's certificate: this machine's authorities, or those in a file.
pub struct Roots {
    file: Option<PathBuf>,
    read: OnceLock<Arc<ClientConfig>>,
}

impl Roots {
    /// Reads nothing until somebody needs it.
    pub fn new(file: Option<PathBuf>) -> Roots {
        Roots { file, read: OnceLock::new() }
    }

    pub(super) fn trusted(&self) -> Result<Arc<ClientConfig>, String> {
        if let Some(read) = self.read.get() {
            return Ok(Arc::clone(read));
        }
        let mut roots = RootCertStore::empty();
        match &self.file {
            // One of the machine's that cannot be read is one less to trust, which is told when it is needed.
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
            Some(file) => {
                let shown = file.display();
                let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
                let certificates =
                    read.map_err(|error| format!("the authorities in {shown} cannot be read: {error}"))?;
                if roots.add_parsable_certificates(certificates).0 == 0 {
                    return Err(format!("{shown} holds no certificate of an authority (PEM)"));
                }
            }
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("it has a cipher for each version of TLS")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::clone(self.read.get_or_init(|| Arc::new(config))))
    }
}

/// Connects, greets, encrypts and signs in, as the address asks.
pub(super) async fn open(url: &SmtpUrl, tls: Option<&Arc<ClientConfig>>, timeouts: Timeouts) -> Result<Line, Failed> {
    let stream = connect(url, timeouts.of(Phase::Connect)).await?;
    // Who does not know a better name for himself says his address (RFC 5321, 4.1.4).
    let name = match stream.local_addr().map(|address| address.ip()) {
        Ok(IpAddr::V6(address)) => ClientId::Ipv6(address),
        Ok(IpAddr::V4(address)) => ClientId::Ipv4(address),
        Err(_) => ClientId::default(),
    };
    let mut io: Box<dyn Io> = Box::new(stream);
    if url.tls() == Tls::Implicit {
        io = encrypt(io, url, tls, timeouts).await?;
    }
    let mut wire = Wire::new(io, timeouts);
    wire.reply(Phase::Greeting).await?;
    let mut info = greet(&mut wire, &name).await?;
    if url.tls() == Tls::Required {
        if !info.supports_feature(Extension::StartTls) {
            return Err(Failed::broken(Phase::Tls, "the server offers no STARTTLS, and the address requires it"));
        }
        wire.ask(Phase::Tls, Starttls, Severity::PositiveCompletion).await?;
        let io = wire.into_inner().ok_or_else(|| Failed::broken(Phase::Tls, "it sent more than it was asked for"))?;
        wire = Wire::new(encrypt(io, url, tls, timeouts).await?, timeouts);
        info = greet(&mut wire, &name).await?;
    }
    if let Some(credentials) = url.credentials() {
        sign_in(&mut wire, &info, credentials).await?;
    }
    Ok(Line::new(wire, info, url.tls() != Tls::None))
}

/// A connection to the first address of the host that takes one; each gets its part of the time.
async fn connect(url: &SmtpUrl, time: Duration) -> Result<TcpStream, Failed> {
    let late = || Failed { phase: Phase::Connect, cause: Cause::Late(time) };
    let addresses = match url.host() {
        Host::Ipv4(address) => vec![SocketAddr::from((*address, url.port()))],
        Host::Ipv6(address) => vec![SocketAddr::from((*address, url.port()))],
        Host::Domain(name) => {
            let found = timeout(time, lookup_host((name.as_str(), url.port()))).await.map_err(|_| late())?;
            found.map_err(|error| Failed::broken(Phase::Connect, error))?.take(ADDRESSES_MAX).collect()
        }
    };
    let each = time / u32::try_from(addresses.len().max(1)).unwrap_or(1);
    let mut failed = Failed::broken(Phase::Connect, "the host has no address");
    for address in addresses {
        match timeout(each, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Or the final dot waits for the acknowledgement of what came before it.
                stream.set_nodelay(true).map_err(|error| Failed::broken(Phase::Connect, error))?;
                return Ok(stream);
            }
            Ok(Err(error)) => failed = Failed::broken(Phase::Connect, error),
            Err(_) => failed = late(),
        }
    }
    Err(failed)
}

async fn encrypt(
    io: Box<dyn Io>,
    url: &SmtpUrl,
    tls: Option<&Arc<ClientConfig>>,
    timeouts: Timeouts,
) -> Result<Box<dyn Io>, Failed> {
    let time = timeouts.of(Phase::Tls);
    let config = tls.expect("read for every address that asks for TLS");
    let host = match url.host() {
        Host::Domain(name) => ServerName::try_from(name.clone()).map_err(|error| Failed::broken(Phase::Tls, error))?,
        Host::Ipv4(address) => ServerName::IpAddress((*address).into()),
        Host::Ipv6(address) => ServerName::IpAddress((*address).into()),
    };
    match timeout(time, TlsConnector::from(Arc::clone(config)).connect(host, io)).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => Err(Failed::broken(Phase::Tls, error)),
        Err(_) => Err(Failed { phase: Phase::Tls, cause: Cause::Late(time) }),
    }
}

/// EHLO, and what the server can do.
async fn greet(wire: &mut Wire, name: &ClientId) -> Result<ServerInfo, Failed> {
    let reply = wire.ask(Phase::Ehlo, Ehlo::new(name.clone()), Severity::PositiveCompletion).await?;
    // Keywords may come in any case (RFC 5321, 2.4); the reader knows capitals.
    let capitals = Response::new(reply.code(), reply.message().map(str::to_ascii_uppercase).collect());
    ServerInfo::from_response(&capitals).map_err(|error| Failed::broken(Phase::Ehlo, error))
}

async fn sign_in(wire: &mut Wire, info: &ServerInfo, credentials: &Credentials) -> Result<(), Failed> {
    let unusable = |error| Failed::broken(Phase::Auth, error);
    let mechanism = info.get_auth_mechanism(DEFAULT_MECHANISMS);
    let mechanism = mechanism.ok_or_else(|| Failed::broken(Phase::Auth, "the server takes neither PLAIN nor LOGIN"))?;
    let mut command = Auth::new(mechanism, credentials.clone(), None).map_err(unusable)?;
    for _ in 0..CHALLENGES_MAX {
        match wire.ask(Phase::Auth, command, Severity::PositiveCompletion).await {
            Ok(_) => return Ok(()),
            Err(Failed { cause: Cause::Reply(reply), .. }) if code(&reply) == CHALLENGE => {
                command = Auth::new_from_response(mechanism, credentials.clone(), &reply).map_err(unusable)?;
            }
            Err(failed) => return Err(failed),
        }
    }
    Err(Failed::broken(Phase::Auth, "it asks too often"))
}
