//! What a throwaway server proves by TLS who it is with.

use anyhow::Context;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// A certificate for `localhost`, by an authority that is made with it and that no machine trusts by itself. The files
/// go when this is dropped.
pub struct Identity {
    folder: TempDir,
}

impl Identity {
    /// Makes it again.
    pub fn make() -> anyhow::Result<Identity> {
        let folder = TempDir::with_prefix("letopis-identity-").context("a temporary folder cannot be made")?;
        let mut of_authority = CertificateParams::default();
        of_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        of_authority.distinguished_name.push(DnType::CommonName, "An authority of tests");
        let authority = CertifiedIssuer::self_signed(of_authority, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(["localhost".to_owned()])?.signed_by(&key, &authority)?;
        let identity = Identity { folder };
        fs::write(identity.authority(), authority.pem())?;
        fs::write(identity.certificate(), certificate.pem())?;
        fs::write(identity.key(), key.serialize_pem())?;
        Ok(identity)
    }

    /// The file of the authority's certificate (PEM), for `SSL_CERT_FILE`.
    pub fn authority(&self) -> PathBuf {
        self.file("authority.pem")
    }

    pub(super) fn certificate(&self) -> PathBuf {
        self.file("server.crt")
    }

    pub(super) fn key(&self) -> PathBuf {
        self.file("server.key")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
