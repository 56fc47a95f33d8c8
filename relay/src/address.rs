//! Where NATS is, and how we prove who we are there.

use async_nats::{ConnectOptions, ServerAddr};
use percent_encoding::percent_decode_str;
use std::fmt;

/// More servers than this are no cluster of one house.
const SERVERS_MAX: usize = 16;

/// The servers of one NATS, and the user or token in their addresses. Shown and logged without them.
#[derive(Clone)]
pub struct Address {
    servers: Vec<ServerAddr>,
    /// User and password; a token when there is no password.
    proof: Option<(String, Option<String>)>,
}

impl Address {
    /// Reads `nats://user:password@host:port`, with `tls://` for TLS, a token in place of user and password, and
    /// commas between the servers of a cluster, which all know the same user. What is written in percent signs is
    /// read as such.
    ///
    /// # Errors
    /// What it must be like.
    pub fn parse(text: &str) -> Result<Address, &'static str> {
        const SHAPE: &str = "it must be like nats://user:password@host:4222 or tls://…, with commas between the \
                             servers of a cluster";
        let mut address = Address { servers: Vec::new(), proof: None };
        for part in text.split(',').map(str::trim) {
            // Without a scheme the client would take anything for a host.
            let schemed = part.starts_with("nats://") || part.starts_with("tls://");
            let server = part.parse::<ServerAddr>().ok().filter(|server| schemed && !server.host().is_empty());
            let server = server.ok_or(SHAPE)?;
            let proof = proof(&server).ok_or("its user and password must be UTF-8, with %XX for special characters")?;
            if address.proof.is_some() && proof.is_some() && address.proof != proof {
                return Err("its servers must all have the same user and password");
            }
            address.proof = address.proof.or(proof);
            address.servers.push(bare(&server).ok_or(SHAPE)?);
        }
        if address.servers.len() > SERVERS_MAX {
            return Err("it names more than 16 servers; a few are enough, the client learns the others from them");
        }
        Ok(address)
    }

    /// Where to connect to; nothing in it is secret.
    pub(crate) fn servers(&self) -> Vec<ServerAddr> {
        self.servers.clone()
    }

    /// How to connect: the client itself leaves aside what stands in an address.
    pub(crate) fn options(&self) -> ConnectOptions {
        match self.proof.clone() {
            Some((user, Some(password))) => ConnectOptions::with_user_and_password(user, password),
            Some((token, None)) => ConnectOptions::with_token(token),
            None => ConnectOptions::new(),
        }
    }
}

fn proof(server: &ServerAddr) -> Option<Option<(String, Option<String>)>> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().ok().map(|text| text.into_owned());
    let Some(user) = server.username() else { return Some(None) };
    let password = match server.password() {
        Some(password) => Some(decoded(password)?),
        None => None,
    };
    Some(Some((decoded(user)?, password)))
}

/// The same server without what is secret, so that no message can tell it.
fn bare(server: &ServerAddr) -> Option<ServerAddr> {
    let host = server.host();
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    format!("{}://{host}:{}", server.scheme(), server.port()).parse().ok()
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, server) in self.servers.iter().enumerate() {
            let comma = if number > 0 { "," } else { "" };
            write!(out, "{comma}{}", server.as_url_str())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fuzz::Verdict;

    #[test]
    fn what_is_secret_is_used_and_never_shown() {
        let address = Address::parse("nats://anna:p%40ss%2Cw%C3%B6rd@127.0.0.1:4333").unwrap();
        assert_eq!(address.proof, Some(("anna".to_owned(), Some("p@ss,wörd".to_owned()))));
        assert_eq!(format!("{address} {address:?}"), "nats://127.0.0.1:4333 nats://127.0.0.1:4333");
        let token = Address::parse("tls://s3cr3t@nats.example").unwrap();
        assert_eq!(token.proof, Some(("s3cr3t".to_owned(), None)));
        assert_eq!(token.to_string(), "tls://nats.example:4222");
        assert!(token.servers[0].tls_required());
    }

    #[test]
    fn a_cluster_has_one_user() {
        let cluster = Address::parse("nats://a:b@one:1, nats://a:b@two:2,nats://[::1]:3").unwrap();
        assert_eq!(cluster.to_string(), "nats://one:1,nats://two:2,nats://[::1]:3");
        assert!(Address::parse("nats://a:b@one,nats://a:c@two").unwrap_err().contains("the same user"));
        let many = vec!["nats://a"; 17].join(",");
        assert!(Address::parse(&many).unwrap_err().contains("16"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in ["", "nats://", "127.0.0.1:4222", "http://a", "ws://a", "nats://a,", "nats://%ff@a", "nats://a:b:c"]
        {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn fuzz_an_address_shows_no_secret_and_reads_back_without_it() {
        let seeds = ["nats://anna:secret@127.0.0.1:4222", "tls://token@[::1]:4", "nats://a,nats://b:1"];
        fuzz::text(&seeds, |text| {
            let read = Address::parse(text);
            if let Ok(address) = &read {
                let shown = address.to_string();
                assert!(!shown.contains('@'), "{text}: {shown}");
                let again = Address::parse(&shown).unwrap();
                assert_eq!((again.to_string(), again.proof), (shown, None));
            }
            Verdict::from(&read)
        });
    }
}
