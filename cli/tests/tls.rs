//! The three servers of a cluster by TLS, as those that a provider runs want it.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Place, Ran};
use serde_json::Value;
use servers::{Identity, Nats, Postgres, PostgresOptions, Redis, Server};

const PASSWORD: &str = "correct horse battery";

/// Each of the three, and what it proves that it is.
struct Servers {
    postgres: Postgres,
    redis: Redis,
    nats: Nats,
    identity: Identity,
}

impl Servers {
    /// None, after having said so, where one of them is missing.
    fn start() -> Option<Servers> {
        if ![Server::Postgres, Server::Redis, Server::Nats].into_iter().all(servers::installed) {
            return None;
        }
        let identity = Identity::make().unwrap();
        let postgres = Postgres::start_with_tls(PostgresOptions::default(), &identity).unwrap();
        let redis = Redis::start_with_tls(&identity).unwrap();
        let nats = Nats::start_with_tls(&identity).unwrap();
        Some(Servers { postgres, redis, nats, identity })
    }

    /// One that reaches them by these addresses, changed in this way.
    fn place(&self, change: impl Fn(String) -> String) -> Place {
        let place = Place::new().with("LETOPIS_DATABASE_URL", &change(self.postgres.url()));
        place.with("LETOPIS_REDIS_URL", &change(self.redis.url())).with("LETOPIS_NATS_URL", &change(self.nats.url()))
    }

    /// One that trusts their authority.
    fn trusting(&self, change: impl Fn(String) -> String) -> Place {
        self.place(change).with("SSL_CERT_FILE", &self.identity.authority().display().to_string())
    }
}

/// What the doctor says of each of the three.
fn found(doctor: &Ran) -> [Value; 3] {
    let checks = doctor.json();
    let of = |name: &str| checks.as_array().unwrap().iter().find(|check| check["check"] == name).unwrap().clone();
    ["database", "redis", "nats"].map(of)
}

#[test]
fn a_node_reaches_all_three() {
    let Some(servers) = Servers::start() else { return };
    let place = servers.trusting(|url| url);
    place.run(&["migrate"]).ok();
    let server = place.start_quietly(place.command(&["serve", "--listen", "127.0.0.1:0"]));
    let server = server.unwrap_or_else(|ended| panic!("{ended:?}: {}", place.said()));
    let password = place.file("password", PASSWORD);
    place.run(&["users", "create", "Anna", "--password-file", &password]).ok();
    assert_eq!(server.log_in("Anna", PASSWORD).0, 200);
    for check in found(&place.run(&["doctor", "-o", "json"]).ok()) {
        assert_eq!(check["state"], "ok", "{check}");
    }
    assert!(!place.said().contains("TLS"), "{}", place.said());
}

#[test]
fn who_proves_nothing_is_not_spoken_to() {
    let Some(servers) = Servers::start() else { return };
    let secrets =
        [servers.postgres.url(), servers.nats.url()].map(|url| url.split([':', '@']).nth(2).unwrap().to_owned());
    let of_another_host = servers.trusting(|url| url.replace("localhost", "127.0.0.1"));
    for place in [servers.place(|url| url), of_another_host] {
        let ran = place.run(&["doctor", "-o", "json"]);
        for check in found(&ran) {
            assert_ne!(check["state"], "ok", "{check}");
            assert!(check["found"].as_str().unwrap().contains("certificate"), "{check}");
        }
        assert!(found(&ran)[0].to_string().contains("SSL_CERT_FILE"), "{}", ran.out);
        for secret in &secrets {
            assert!(!ran.out.contains(secret) && !ran.err.contains(secret), "{}{}", ran.out, ran.err);
        }
    }
}

#[test]
fn who_wants_it_is_not_reached_without() {
    let Some(servers) = Servers::start() else { return };
    let plain = |url: String| {
        let bare = url.replace("?sslmode=require", "").replace("rediss://", "redis://");
        bare.replace("tls://", "nats://").replace("localhost", "127.0.0.1")
    };
    for check in found(&servers.trusting(plain).run(&["doctor", "-o", "json"])) {
        assert_ne!(check["state"], "ok", "{check}");
    }
}
