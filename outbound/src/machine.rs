//! TLS with what this machine trusts.

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use std::sync::{Arc, OnceLock};

/// TLS by which a server must show a certificate for its name, by an authority that this machine trusts, or that
/// `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
pub(crate) fn tls() -> Arc<ClientConfig> {
    static MACHINE: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    let config = MACHINE.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        // One that cannot be read is one less to trust, which is told when a server turns out to need it.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(trusting(roots))
    });
    Arc::clone(config)
}

pub(crate) fn trusting(roots: RootCertStore) -> ClientConfig {
    let versions = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("it has a cipher for each version of TLS");
    let mut config = versions.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}
