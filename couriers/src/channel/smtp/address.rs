//! Where a mail server is, and how we prove who we are there.

use lettre::transport::smtp::authentication::Credentials;
use percent_encoding::percent_decode_str;
use std::fmt;
use url::{Host, Url};

/// How the connection is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// By STARTTLS; a server that does not offer it gets nothing.
    Required,
    /// From the first byte on.
    Implicit,
    /// Not at all: of one on this machine, or because the address says so.
    None,
}

/// The address of a mail server. Shown and logged without user and password.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpUrl {
    host: Host<String>,
    port: u16,
    tls: Tls,
    credentials: Option<Credentials>,
}

const SHAPE: &str = "it must be like smtp://user:password@host:587?tls=required (or implicit, or none), several with \
                     commas between them; what is no letter or digit in a user or a password is percent-encoded";

impl SmtpUrl {
    /// Reads one or more, with commas between them. TLS is required unless the host is this machine, or `?tls=` says
    /// otherwise.
    ///
    /// # Errors
    /// What they must be like.
    pub fn parse_list(text: &str) -> Result<Vec<SmtpUrl>, &'static str> {
        text.split(',').map(|one| SmtpUrl::parse(one.trim())).collect()
    }

    fn parse(text: &str) -> Result<SmtpUrl, &'static str> {
        let url = Url::parse(text).map_err(|_| SHAPE)?;
        // The scheme is none that the web knows: its hosts are kept as they are written.
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(SHAPE)?;
        let host = Host::parse(host).map_err(|_| SHAPE)?;
        let path_fits = matches!(url.path(), "" | "/") && url.fragment().is_none();
        if url.scheme() != "smtp" || !path_fits {
            return Err(SHAPE);
        }
        let mut tls = if is_this_machine(&host) { Tls::None } else { Tls::Required };
        for (key, value) in url.query_pairs() {
            tls = match (key.as_ref(), value.as_ref()) {
                ("tls", "required") => Tls::Required,
                ("tls", "implicit") => Tls::Implicit,
                ("tls", "none") => Tls::None,
                _ => return Err(SHAPE),
            };
        }
        let port = url.port().unwrap_or(match tls {
            Tls::Required => 587,
            Tls::Implicit => 465,
            Tls::None => 25,
        });
        let decoded = |text: &str| percent_decode_str(text).decode_utf8().map(String::from).map_err(|_| SHAPE);
        let credentials = match (decoded(url.username())?, url.password()) {
            (user, Some(password)) if !user.is_empty() => Some(Credentials::new(user, decoded(password)?)),
            (user, None) if user.is_empty() => None,
            _ => return Err("it must have a user and a password, or neither"),
        };
        Ok(SmtpUrl { host, port, tls, credentials })
    }

    /// `host:port`.
    pub fn name(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    pub(super) fn host(&self) -> &Host<String> {
        &self.host
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn tls(&self) -> Tls {
        self.tls
    }

    pub(super) fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }
}

fn is_this_machine(host: &Host<String>) -> bool {
    match host {
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {:?}", self.name(), self.tls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        for (text, name, tls) in [
            ("smtp://mail.example.org", "mail.example.org:587", Tls::Required),
            ("smtp://Mail.Example.org:25/?tls=required", "mail.example.org:25", Tls::Required),
            ("smtp://mail.example.org?tls=implicit", "mail.example.org:465", Tls::Implicit),
            ("smtp://mail.example.org?tls=none", "mail.example.org:25", Tls::None),
            ("smtp://127.0.0.1:2525", "127.0.0.1:2525", Tls::None),
            ("smtp://localhost", "localhost:25", Tls::None),
            ("smtp://[::1]:2525", "[::1]:2525", Tls::None),
            ("smtp://localhost:2525?tls=required", "localhost:2525", Tls::Required),
            ("smtp://192.0.2.1:2525", "192.0.2.1:2525", Tls::Required),
            ("smtp://почта.рф", "xn--80a1acny.xn--p1ai:587", Tls::Required),
        ] {
            let url = SmtpUrl::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((url.name().as_str(), url.tls()), (name, tls), "{text}");
        }
        let all = SmtpUrl::parse_list("smtp://a.example, smtp://b.example:2525?tls=implicit").unwrap();
        assert_eq!(all.iter().map(SmtpUrl::name).collect::<Vec<_>>(), ["a.example:587", "b.example:2525"]);
    }

    #[test]
    fn a_password_is_decoded_and_never_shown() {
        let url = SmtpUrl::parse("smtp://anna%40example.org:s3%2Ccr3t%25@mail.example.org").unwrap();
        let expected = Credentials::new("anna@example.org".to_owned(), "s3,cr3t%".to_owned());
        assert_eq!(url.credentials(), Some(&expected));
        let shown = format!("{url:?} {}", url.name());
        assert!(!shown.contains("cr3t") && !shown.contains("anna"), "{shown}");
    }

    #[test]
    fn what_is_none_is_refused() {
        for bad in [
            "",
            "mail.example.org",
            "http://mail.example.org",
            "smtp://",
            "smtp://mail.example.org/path",
            "smtp://mail.example.org?tls=maybe",
            "smtp://mail.example.org?ssl=on",
            "smtp://user@mail.example.org",
            "smtp://:secret@mail.example.org",
            "smtp://mail.example.org,",
            "smtp://a b",
            "smtp://mail.example.org:99999",
        ] {
            assert!(SmtpUrl::parse_list(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn fuzz_an_address_is_read_whole_or_refused() {
        let seeds = [
            "smtp://anna:s3cr3t@mail.example.org:587?tls=required",
            "smtp://[::1]:25?tls=implicit",
            "smtp://127.0.0.1/?tls=none",
        ];
        fuzz::text(&seeds, |text| {
            let read = SmtpUrl::parse(text);
            if let Ok(url) = &read {
                let tls = match url.tls() {
                    Tls::Required => "required",
                    Tls::Implicit => "implicit",
                    Tls::None => "none",
                };
                let again = SmtpUrl::parse(&format!("smtp://{}?tls={tls}", url.name())).unwrap();
                assert_eq!(again, SmtpUrl { credentials: None, ..url.clone() });
            }
            fuzz::Verdict::from(&read)
        });
    }
}
