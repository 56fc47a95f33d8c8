//! Signing mail, so that receivers know whose domain it is from (RFC 6376, RFC 8463).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::Timestamp;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::SigningKey;
use rustls::{SignatureAlgorithm, SignatureScheme};
use sha2::{Digest, Sha256};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// What is signed where the mail has it. RFC 8058 needs the two of unsubscribing; a second From would show another
/// sender above the same signature, so its absence is signed as well.
const SIGNED: [&str; 13] = [
    "from",
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "content-type",
    "auto-submitted",
    "list-id",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "feedback-id",
];
/// Characters of a signature in a line.
const LINE_CHARS: usize = 72;

/// Where the key is, and the name that its public half has in the domain: `{selector}._domainkey.{domain}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DkimSettings {
    /// A private key in PEM: RSA of 2048 to 8192 bits, or Ed25519.
    pub key_file: PathBuf,
    /// The selector: letters, digits, hyphens, dots.
    pub selector: String,
}

/// Signs mail. Shown without its key.
#[derive(Clone)]
pub struct Dkim {
    selector: String,
    key: Arc<dyn SigningKey>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Rsa,
    Ed25519,
}

impl DkimSettings {
    /// Whether that can be a selector.
    pub fn is_selector(text: &str) -> bool {
        let fits = |label: &str| {
            let ends = label.starts_with('-') || label.ends_with('-');
            !label.is_empty() && !ends && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        };
        text.len() <= 63 && text.split('.').all(fits)
    }
}

impl Dkim {
    /// Reads the key.
    ///
    /// # Errors
    /// What is wrong with the file, in words, without anything of the key.
    pub fn open(settings: &DkimSettings) -> Result<Dkim, String> {
        let file = settings.key_file.display();
        let pem = read(&settings.key_file).map_err(|error| format!("the DKIM key {file} cannot be read: {error}"))?;
        Dkim::of_pem(&pem, &settings.selector).map_err(|what| format!("the DKIM key {file} cannot be used: {what}"))
    }

    fn of_pem(pem: &[u8], selector: &str) -> Result<Dkim, &'static str> {
        let der = PrivateKeyDer::from_pem_slice(pem).map_err(|_| "it holds no private key in PEM")?;
        let key = any_supported_type(&der).map_err(|_| SUPPORTED)?;
        let kind = [(SignatureAlgorithm::RSA, Kind::Rsa), (SignatureAlgorithm::ED25519, Kind::Ed25519)];
        let kind = kind.into_iter().find(|(algorithm, _)| *algorithm == key.algorithm()).ok_or(SUPPORTED)?.1;
        Ok(Dkim { selector: selector.to_owned(), key, kind })
    }

    /// The mail with its signature before it; `None` when the key cannot sign. `mail` is a whole one: lines end in
    /// CRLF, the last one as well.
    pub(crate) fn sign(&self, domain: &str, at: Timestamp, mail: &[u8]) -> Option<Vec<u8>> {
        let end = mail.windows(4).position(|window| window == b"\r\n\r\n")?;
        let (head, body) = (&mail[..end + 2], &mail[end + 4..]);
        let fields = fields(head);
        let mut covered = Vec::new();
        let mut signed = Vec::new();
        for name in SIGNED {
            let before = covered.iter().filter(|known| **known == name).count();
            let field = fields.iter().rev().filter(|(known, _)| known == name).nth(before);
            // Names that are listed once more than they occur say that there is no other.
            if field.is_none() && before == 0 {
                continue;
            }
            covered.push(name);
            if let Some((_, value)) = field {
                signed.extend_from_slice(format!("{name}:").as_bytes());
                signed.extend_from_slice(value);
                signed.extend_from_slice(b"\r\n");
            }
        }
        let (algorithm, scheme) = match self.kind {
            Kind::Rsa => ("rsa-sha256", SignatureScheme::RSA_PKCS1_SHA256),
            Kind::Ed25519 => ("ed25519-sha256", SignatureScheme::ED25519),
        };
        let unsigned = format!(
            "DKIM-Signature: v=1; a={algorithm}; c=relaxed/relaxed; d={domain}; s={};\r\n\tt={};\r\n\th={};\r\n\tbh={};\r\n\tb=",
            self.selector,
            at.unix_ms() / 1_000,
            covered.join(":"),
            STANDARD.encode(Sha256::digest(relaxed_body(body))),
        );
        signed.extend_from_slice(b"dkim-signature:");
        signed.extend_from_slice(&relaxed_value(unsigned.split_once(':')?.1.as_bytes()));
        let signer = self.key.choose_scheme(&[scheme])?;
        let signature = match self.kind {
            Kind::Rsa => signer.sign(&signed),
            // RFC 8463: what Ed25519 signs is the hash.
            Kind::Ed25519 => signer.sign(&Sha256::digest(&signed)),
        };
        let signature = STANDARD.encode(signature.ok()?);
        let lines = signature.as_bytes().chunks(LINE_CHARS).collect::<Vec<_>>().join(b"\r\n\t".as_slice());
        Some([unsigned.as_bytes(), &lines, b"\r\n", mail].concat())
    }
}

const SUPPORTED: &str = "it must be RSA of 2048 to 8192 bits, or Ed25519 (openssl genpkey -algorithm ed25519)";

impl fmt::Debug for Dkim {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Dkim({:?} {})", self.kind, self.selector)
    }
}

fn read(file: &Path) -> std::io::Result<Zeroizing<Vec<u8>>> {
    Ok(Zeroizing::new(std::fs::read(file)?))
}

/// The names of all header fields in lower case, with their values in the relaxed form.
fn fields(head: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut fields: Vec<Vec<u8>> = Vec::new();
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        match fields.last_mut() {
            Some(field) if line.starts_with(b" ") || line.starts_with(b"\t") => field.extend_from_slice(line),
            Some(_) | None => fields.push(line.to_vec()),
        }
    }
    let split = |field: Vec<u8>| {
        let colon = field.iter().position(|byte| *byte == b':')?;
        let name = String::from_utf8_lossy(&field[..colon]).trim().to_ascii_lowercase();
        Some((name, relaxed_value(&field[colon + 1..])))
    };
    fields.into_iter().filter_map(split).collect()
}

/// RFC 6376, 3.4.2: unfolded, runs of blanks made one, none at either end.
fn relaxed_value(value: &[u8]) -> Vec<u8> {
    let unfolded = value.iter().copied().filter(|byte| !b"\r\n".contains(byte)).collect::<Vec<_>>();
    one_blank(&unfolded).trim_ascii().to_vec()
}

/// RFC 6376, 3.4.4: no blanks at the ends of lines, one for a run of them, no empty lines at the end.
fn relaxed_body(body: &[u8]) -> Vec<u8> {
    let mut relaxed = Vec::with_capacity(body.len());
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let text = line.strip_suffix(b"\r\n").unwrap_or(line);
        relaxed.extend_from_slice(one_blank(text).trim_ascii_end());
        relaxed.extend_from_slice(b"\r\n");
    }
    while relaxed.ends_with(b"\r\n\r\n") {
        relaxed.truncate(relaxed.len() - 2);
    }
    if relaxed == b"\r\n" { Vec::new() } else { relaxed }
}

/// Every run of spaces and tabs made one space.
fn one_blank(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        match byte {
            b' ' | b'\t' if out.last() == Some(&b' ') => {}
            b' ' | b'\t' => out.push(b' '),
            other => out.push(*other),
        }
    }
    out
}

#[cfg(test)]
mod tests;
