//! TLS to PostgreSQL, where its address asks for it.

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use std::sync::{Arc, OnceLock};
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

/// How rustls begins to say that it does not believe a certificate.
const NOT_BELIEVED: &str = "invalid peer certificate";

/// What makes the connections: with `sslmode=require` only encrypted ones, to a host that its certificate names; else
/// plain ones. The driver's `prefer` would be neither: encrypted for whom nobody has checked.
pub(super) fn connector(config: &mut Config) -> MakeRustlsConnect {
    if config.get_ssl_mode() == SslMode::Require {
        return MakeRustlsConnect::new(trusting(machine().clone()));
    }
    config.ssl_mode(SslMode::Disable);
    MakeRustlsConnect::new(trusting(RootCertStore::empty()))
}

/// The authorities that this machine trusts, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
fn machine() -> &'static RootCertStore {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        // One that cannot be read is one less to trust, which is told when the server turns out to need it.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots
    })
}

fn trusting(roots: RootCertStore) -> ClientConfig {
    let versions = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("it has a cipher for each version of TLS");
    let mut config = versions.with_root_certificates(roots).with_no_client_auth();
    // What is spoken inside, as PostgreSQL 17 and newer want to hear it.
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    config
}

/// What to do about a connection that failed in this way, if it was for TLS.
pub(super) fn advice(failure: &str) -> Option<&'static str> {
    failure.contains(NOT_BELIEVED).then_some(
        "sslmode=require wants a certificate for the host in the address, by an authority that this machine trusts; \
         SSL_CERT_FILE names a file of others",
    )
}
