//! The one table of everything that can be set.

/// Something that can be set.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name in `letopis.toml`.
    pub key: &'static str,
    /// The environment variable.
    pub env: &'static str,
    /// What holds when nobody sets it; none when there is no value then.
    pub default: Option<&'static str>,
    /// Whether it may hold something that nobody should see. It can then be read from a file as well: `…_FILE`.
    pub secret: bool,
    /// Whether it is a path, which may be any bytes.
    pub is_path: bool,
    /// What it means.
    pub meaning: &'static str,
}

const PLAIN: Row = Row { key: "", env: "", default: None, secret: false, is_path: false, meaning: "" };

/// What is shown in place of a secret.
pub const MASKED: &str = "********";

/// Every setting, in the order in which `config show` lists them.
pub const ROWS: [Row; 48] = [
    Row {
        key: "data",
        env: "LETOPIS_DATA",
        default: Some("./letopis-data"),
        is_path: true,
        meaning: "the folder of everything that is stored",
        ..PLAIN
    },
    Row {
        key: "listen",
        env: "LETOPIS_LISTEN",
        default: Some("127.0.0.1:8080"),
        meaning: "the address that the server listens on; port 0 takes a free one",
        ..PLAIN
    },
    Row {
        key: "metrics_listen",
        env: "LETOPIS_METRICS_LISTEN",
        meaning: "an address of its own for /metrics, like 127.0.0.1:9464; then /metrics is not at the public address, and \
                  every caller that reaches this one sees everything",
        ..PLAIN
    },
    Row {
        key: "public_url",
        env: "LETOPIS_PUBLIC_URL",
        meaning: "the origin that users reach the server under, like https://chat.example.org; a write by cookie must come \
                  from it, and links in mails and passkeys use it; by default what the Host header says",
        ..PLAIN
    },
    Row {
        key: "master_key_file",
        env: "LETOPIS_MASTER_KEY_FILE",
        is_path: true,
        meaning: "the file with the 64 hex digits that wrap the data keys; by default `master.key` in the data folder, made \
                  at the first start",
        ..PLAIN
    },
    Row {
        key: "session_idle",
        env: "LETOPIS_SESSION_IDLE",
        default: Some("7d"),
        meaning: "an unused session ends after this time",
        ..PLAIN
    },
    Row {
        key: "session_max",
        env: "LETOPIS_SESSION_MAX",
        default: Some("30d"),
        meaning: "every session ends after this time",
        ..PLAIN
    },
    Row {
        key: "password_length_min",
        env: "LETOPIS_PASSWORD_LENGTH_MIN",
        default: Some("8"),
        meaning: "fewest characters of a new password",
        ..PLAIN
    },
    Row {
        key: "password_length_max",
        env: "LETOPIS_PASSWORD_LENGTH_MAX",
        default: Some("256"),
        meaning: "most characters of a new password, up to 1024",
        ..PLAIN
    },
    Row {
        key: "argon2_memory_kib",
        env: "LETOPIS_ARGON2_MEMORY_KIB",
        default: Some("19456"),
        meaning: "memory that hashing a password takes, in KiB; a hash made with less is replaced at the next sign-in",
        ..PLAIN
    },
    Row {
        key: "argon2_passes",
        env: "LETOPIS_ARGON2_PASSES",
        default: Some("2"),
        meaning: "passes over that memory; a hash made with fewer is replaced at the next sign-in",
        ..PLAIN
    },
    Row {
        key: "argon2_lanes",
        env: "LETOPIS_ARGON2_LANES",
        default: Some("1"),
        meaning: "lanes of that memory that are filled at the same time",
        ..PLAIN
    },
    Row {
        key: "sign_up",
        env: "LETOPIS_SIGN_UP",
        default: Some("on"),
        meaning: "on: people may open accounts; off: only operators open them",
        ..PLAIN
    },
    Row {
        key: "sign_up_by_mail",
        env: "LETOPIS_SIGN_UP_BY_MAIL",
        default: Some("off"),
        meaning: "on: an e-mail address that no account has opens one with its first right code; off wherever sign_up is off",
        ..PLAIN
    },
    Row {
        key: "second_factor",
        env: "LETOPIS_SECOND_FACTOR",
        default: Some("optional"),
        meaning: "optional, admins or all: who must have a second factor; until they set one up they can do nothing else",
        ..PLAIN
    },
    Row {
        key: "sign_in_pages",
        env: "LETOPIS_SIGN_IN_PAGES",
        default: Some("on"),
        meaning: "on, or off: whether the server has sign-in pages, /sign-in; the console keeps them on",
        ..PLAIN
    },
    Row {
        key: "console",
        env: "LETOPIS_CONSOLE",
        default: Some("on"),
        meaning: "on, or off: whether the operators' console is at /console",
        ..PLAIN
    },
    Row {
        key: "storage_wait",
        env: "LETOPIS_STORAGE_WAIT",
        default: Some("5s"),
        meaning: "how long a request waits for a database that does not answer, before it gets 503",
        ..PLAIN
    },
    Row {
        key: "allowed_origins",
        env: "LETOPIS_ALLOWED_ORIGINS",
        meaning: "other web origins that may call the API, separated by commas",
        ..PLAIN
    },
    Row {
        key: "trusted_proxies",
        env: "LETOPIS_TRUSTED_PROXIES",
        meaning: "addresses and networks (10.0.0.0/8) of proxies whose X-Forwarded-For counts, separated by commas",
        ..PLAIN
    },
    Row {
        key: "rate_limits",
        env: "LETOPIS_RATE_LIMITS",
        default: Some("on"),
        meaning: "on, or off when a proxy does it: limits requests by caller and address, and slows down wrong passwords",
        ..PLAIN
    },
    Row {
        key: "rate_caller",
        env: "LETOPIS_RATE_CALLER",
        default: Some("100/s:200"),
        meaning: "requests of a session or a service token: the number in a second (s), minute (m) or hour (h), and the \
                  burst",
        ..PLAIN
    },
    Row {
        key: "rate_address",
        env: "LETOPIS_RATE_ADDRESS",
        default: Some("20/s:100"),
        meaning: "the same for an address that sends neither; for IPv6, a /64 network",
        ..PLAIN
    },
    Row {
        key: "rate_sign_in",
        env: "LETOPIS_RATE_SIGN_IN",
        default: Some("10/m:10"),
        meaning: "registering, signing in and asking for mail, for each address, and for each name or e-mail address",
        ..PLAIN
    },
    Row {
        key: "modules",
        env: "LETOPIS_MODULES",
        default: Some("all"),
        meaning: "which parts are on: messenger, search, notifications, mailings, external, separated by commas, or all; a \
                  part that is left out has no routes, verbs or read models",
        ..PLAIN
    },
    Row {
        key: "erased_list",
        env: "LETOPIS_ERASED_LIST",
        is_path: true,
        meaning: "the file that lists erased people; by default `erased` beside the master key",
        ..PLAIN
    },
    Row {
        key: "log",
        env: "LETOPIS_LOG",
        default: Some("info"),
        meaning: "what the server logs: a level for its own parts, or levels by module (`info,api::request=off`)",
        ..PLAIN
    },
    Row {
        key: "log_addresses",
        env: "LETOPIS_LOG_ADDRESSES",
        default: Some("off"),
        meaning: "on, or off: whether the log line of a request shows the caller's address",
        ..PLAIN
    },
    Row { key: "log_format", env: "LETOPIS_LOG_FORMAT", default: Some("text"), meaning: "text or json", ..PLAIN },
    Row {
        key: "nats_url",
        env: "LETOPIS_NATS_URL",
        secret: true,
        meaning: "NATS with JetStream, like nats://user:password@host:4222, or tls://… : tells other services what \
                  happens, and wakes other nodes",
        ..PLAIN
    },
    Row {
        key: "database_url",
        env: "LETOPIS_DATABASE_URL",
        secret: true,
        meaning: "PostgreSQL in place of the embedded log, like postgres://user:password@host:5432/letopis, with \
                  ?sslmode=require for TLS; nodes share it",
        ..PLAIN
    },
    Row {
        key: "roles",
        env: "LETOPIS_ROLES",
        default: Some("api,projections,couriers"),
        meaning: "which parts of the work this node does: api answers requests, projections feeds the read models, couriers \
                  sends notifications and runs the relay to NATS; fewer than all need other nodes over `database_url`",
        ..PLAIN
    },
    Row {
        key: "redis_url",
        env: "LETOPIS_REDIS_URL",
        secret: true,
        meaning: "Redis for sessions and rate limits that nodes share, like redis://user:password@host:6379/0, or rediss://… for TLS",
        ..PLAIN
    },
    Row {
        key: "product_name",
        env: "LETOPIS_PRODUCT_NAME",
        default: Some("Letopis"),
        meaning: "what your product is called: in mails, and where devices list passkeys",
        ..PLAIN
    },
    Row {
        key: "reset_url",
        env: "LETOPIS_RESET_URL",
        meaning: "a page of your product for new passwords, which gets `?token=`; by default the server's own page",
        ..PLAIN
    },
    Row {
        key: "smtp_url",
        env: "LETOPIS_SMTP_URL",
        secret: true,
        meaning: "the mail server, like smtp://user:password@host:587?tls=required (or implicit, or none), by default \
                  encrypted unless it is on this machine; several, separated by commas, are tried in order",
        ..PLAIN
    },
    Row {
        key: "smtp_ca_file",
        env: "LETOPIS_SMTP_CA_FILE",
        is_path: true,
        meaning: "certificates (PEM) of the authorities that you trust for mail servers; by default those that this machine \
                  trusts",
        ..PLAIN
    },
    Row {
        key: "smtp_timeout_s",
        env: "LETOPIS_SMTP_TIMEOUT_S",
        default: Some("600"),
        meaning: "seconds that a mail server may take for its final reply; every other step may take a tenth of it, at \
                  least 5 s",
        ..PLAIN
    },
    Row {
        key: "mail_from",
        env: "LETOPIS_MAIL_FROM",
        meaning: "the sender of mail, like Letopis <letopis@example.org>; by default letopis@ the host of the public URL",
        ..PLAIN
    },
    Row {
        key: "dkim_key_file",
        env: "LETOPIS_DKIM_KEY_FILE",
        is_path: true,
        meaning: "the private key (PEM, RSA or Ed25519) that signs mail; by default mail is not signed here",
        ..PLAIN
    },
    Row {
        key: "dkim_selector",
        env: "LETOPIS_DKIM_SELECTOR",
        meaning: "the name of that key in DNS: <selector>._domainkey.<domain of mail_from>",
        ..PLAIN
    },
    Row {
        key: "mail_per_second_max",
        env: "LETOPIS_MAIL_PER_SECOND_MAX",
        default: Some("50"),
        meaning: "most mails a second that one provider gets",
        ..PLAIN
    },
    Row {
        key: "sendgrid_key",
        env: "LETOPIS_SENDGRID_KEY",
        secret: true,
        meaning: "the key for mail through SendGrid, which is tried after the mail servers of smtp_url",
        ..PLAIN
    },
    Row {
        key: "sendgrid_url",
        env: "LETOPIS_SENDGRID_URL",
        default: Some("https://api.sendgrid.com"),
        meaning: "where SendGrid answers; accounts in Europe have https://api.eu.sendgrid.com",
        ..PLAIN
    },
    Row {
        key: "sendgrid_webhook_key",
        env: "LETOPIS_SENDGRID_WEBHOOK_KEY",
        meaning: "the verification key of SendGrid's event webhook, which calls POST /v1/webhooks/sendgrid",
        ..PLAIN
    },
    Row {
        key: "webhook_url",
        env: "LETOPIS_WEBHOOK_URL",
        secret: true,
        meaning: "where the channel `webhook` sends deliveries, like https://hooks.example.org/letopis",
        ..PLAIN
    },
    Row {
        key: "webhook_secret",
        env: "LETOPIS_WEBHOOK_SECRET",
        secret: true,
        meaning: "the secret that signs these requests (Standard Webhooks): whsec_ and 24 to 64 bytes as base64",
        ..PLAIN
    },
    Row {
        key: "outbound_allow",
        env: "LETOPIS_OUTBOUND_ALLOW",
        meaning: "hosts, addresses and networks (hooks.internal, 10.0.0.0/8) that the server may call although they are \
                  private, or by http://, separated by commas",
        ..PLAIN
    },
];

/// The row of that key in `letopis.toml`.
pub fn by_key(key: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.key == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_variable_is_its_key_in_capitals() {
        for row in &ROWS {
            assert_eq!(row.env, format!("LETOPIS_{}", row.key.to_uppercase()));
            assert!(!row.meaning.is_empty());
        }
    }
}
