//! What the process was told: every setting, checked once, at the start.

pub mod categories;
pub mod initial;
mod kubernetes;
mod layers;
pub mod levels;
mod mail;
#[cfg(test)]
mod named;
pub mod oidc;
mod outbound;
pub mod table;

pub use layers::{Flag, Layers};

use crate::exit::{Code, failure};
use anyhow::Result;
use api::{Network, Rate, Rates, SecondFactor, SignUp, web_origin};
use domain::notify::Categories;
use domain::password::Lengths;
use domain::text::DisplayName;
use node::passwords::{Cost, PasswordPolicy};
use node::{Module, Modules, Roles};
use relay::Address;
use std::path::PathBuf;
use std::time::Duration;
use store::Cluster;

/// Everything that is set, in the form in which it is used.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The data folder.
    pub data: PathBuf,
    /// The address to listen on: host and port.
    pub listen: String,
    /// Another address to tell figures on: host and port.
    pub metrics_listen: Option<String>,
    /// The origin that users reach the server under, unless the `Host` header says it.
    pub public_url: Option<String>,
    /// What the product is called.
    pub product_name: String,
    /// A page of the product's own for new passwords.
    pub reset_url: Option<String>,
    /// The database that several nodes share; none: the log is in the data folder.
    pub database: Option<Cluster>,
    /// Where the master key is, unless it is in the data folder.
    pub master_key_file: Option<PathBuf>,
    /// Where it is kept who was erased, unless it is beside the master key.
    pub erased_list: Option<PathBuf>,
    /// An unused session ends after this time.
    pub session_idle: Duration,
    /// Every session ends after this time.
    pub session_max: Duration,
    /// What is asked of passwords, and what their hashes cost.
    pub passwords: PasswordPolicy,
    /// Who may open an account.
    pub sign_up: SignUp,
    /// Who must have a second factor.
    pub second_factor: SecondFactor,
    /// How long a request waits on storage.
    pub storage_wait: Duration,
    /// Web origins that may call the API.
    pub allowed_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<Network>,
    /// How often callers may ask; none where nothing is limited here.
    pub rates: Option<Rates>,
    /// Where NATS is; none when there is none.
    pub nats: Option<Address>,
    /// Which parts of the work a server does.
    pub roles: Roles,
    /// Which parts of the product there are.
    pub modules: Modules,
    /// Where Redis is; none when there is none.
    pub redis: Option<node::redis::Address>,
    /// How mail leaves the house.
    pub mail: couriers::MailSettings,
    /// What there is to be told about.
    pub categories: Categories,
    /// What SendGrid's events are verified by; none when nobody has set it.
    pub sendgrid_events: Option<couriers::channel::sendgrid::EventKey>,
    /// Where the channel `webhook` leads; none when nobody has set it.
    pub webhook: Option<couriers::channel::webhook::WebhookSettings>,
    /// Where the variables of mailings may be fetched from.
    pub variables: couriers::mailings::VariablesSource,
    /// Whether there are pages to sign in by.
    pub sign_in_pages: bool,
    /// Whether there is a console.
    pub console: bool,
    /// Other services to sign in by.
    pub providers: Vec<::oidc::ProviderSettings>,
    /// What may be called although it is not on the internet, or not by TLS.
    pub outbound: ::outbound::Allowed,
    /// What the server reports.
    pub log: String,
    /// Whether it reports in JSON.
    pub log_json: bool,
    /// Whether the log of requests shows where they come from.
    pub log_addresses: bool,
}

impl Settings {
    /// Checks every value.
    ///
    /// # Errors
    /// The first value that cannot be used, where it was set, and what it must be.
    pub fn read(layers: &Layers) -> Result<Settings> {
        check_utf8(layers)?;
        let path = |key: &'static str, text: Option<String>| -> Option<PathBuf> {
            let exact = layers.get(key).and_then(|set| set.exact.clone());
            exact.map(PathBuf::from).or_else(|| text.map(PathBuf::from))
        };
        let checked = |key: &'static str, check: fn(&str) -> Result<(), &'static str>| -> Result<Option<String>> {
            read_as(layers, key, |text| check(text).map(|()| text.to_owned()))
        };
        let storage_wait = of_duration(checked("storage_wait", is_duration)?);
        let public_url = checked("public_url", url)?.as_deref().and_then(web_origin);
        let allowed_origins = listed(checked("allowed_origins", origins)?.as_deref())
            .iter()
            .filter_map(|origin| web_origin(origin))
            .collect::<Vec<_>>();
        let settings = Settings {
            data: path("data", checked("data", not_empty)?).unwrap_or_default(),
            listen: checked("listen", address)?.unwrap_or_default(),
            metrics_listen: checked("metrics_listen", address)?,
            product_name: checked("product_name", product_name)?.unwrap_or_default().trim().to_owned(),
            reset_url: checked("reset_url", page)?,
            variables: outbound::variables(layers, public_url.as_ref(), &allowed_origins)?,
            public_url,
            database: checked("database_url", |text| Cluster::new(text).map(drop).map_err(|_| DATABASE_URL))?
                .and_then(|url| Cluster::new(&url).ok())
                .map(|cluster| cluster.with_patience(storage_wait)),
            master_key_file: path("master_key_file", checked("master_key_file", not_empty)?),
            erased_list: path("erased_list", checked("erased_list", not_empty)?),
            session_idle: of_duration(checked("session_idle", is_duration)?),
            session_max: of_duration(checked("session_max", is_duration)?),
            passwords: passwords(layers)?,
            sign_up: sign_up(layers)?,
            second_factor: read_as(layers, "second_factor", second_factor)?.unwrap_or_default(),
            storage_wait,
            allowed_origins,
            trusted_proxies: networks(checked("trusted_proxies", proxies)?.as_deref()),
            rates: rates(layers)?,
            nats: checked("nats_url", |text| Address::parse(text).map(drop))?
                .and_then(|text| Address::parse(&text).ok()),
            roles: read_as(layers, "roles", |text| Roles::parse(text).ok_or(ROLES))?.unwrap_or(Roles::ALL),
            modules: modules(layers)?,
            redis: checked("redis_url", |text| node::redis::Address::parse(text).map(drop))?
                .and_then(|text| node::redis::Address::parse(&text).ok()),
            mail: mail::read(layers)?,
            categories: defined(layers)?,
            sendgrid_events: outbound::sendgrid_events(layers)?,
            webhook: outbound::webhook(layers)?,
            sign_in_pages: is_on(checked("sign_in_pages", on_or_off)?),
            console: is_on(checked("console", on_or_off)?),
            providers: oidc::read(layers)?,
            outbound: outbound::allowed(layers)?,
            log: checked("log", not_empty)?.unwrap_or_default(),
            log_json: checked("log_format", |text| one_of(text, &["text", "json"], "it must be text or json"))?
                .is_some_and(|format| format == "json"),
            log_addresses: is_on(checked("log_addresses", on_or_off)?),
        };
        settings.check_roles(layers)?;
        if let Some(set) = layers.get("log") {
            let told = |what| failure(Code::Usage, format!("log is {:?} ({}); {what}", set.text, set.origin));
            levels::check(&set.text).map_err(told)?;
        }
        if settings.session_idle > settings.session_max {
            return Err(failure(
                Code::Usage,
                "session_idle is longer than session_max; make it shorter, or session_max longer",
            ));
        }
        Ok(settings)
    }

    /// A part of the work is done only where other nodes can do the rest.
    fn check_roles(&self, layers: &Layers) -> Result<()> {
        if self.roles == Roles::ALL || self.database.is_some() {
            return Ok(());
        }
        let (roles, origin) = (self.roles, layers.get("roles").map_or("default", |set| set.origin.as_str()));
        let advice = "the embedded log is served by one process, which does everything: leave roles unset, or let nodes \
                      share a log with database_url (--database)";
        Err(failure(Code::Usage, format!("roles is {roles} ({origin}); {advice}")))
    }
}

/// Those that are built in, and those that the file defines.
fn defined(layers: &Layers) -> Result<Categories> {
    let (defined, origin) = layers.categories();
    Categories::with(defined.to_vec())
        .map_err(|(key, unfit)| failure(Code::Usage, format!("{origin}: {}.{key} {unfit}", categories::KEY)))
}

const RATE: &str = "it must be like 100/s:200: so many in a second (s), minute (m) or hour (h), and how many at once, each from \
     1 to 1000000";
const ROLES: &str = "it must be one or more of api, projections, couriers, with commas between them";
const DATABASE_URL: &str = "it must be like postgres://user:password@host:5432/database, with ?sslmode=require for TLS; \
     the embedded log is always letopis.db in the data folder, which --data names";

fn passwords(layers: &Layers) -> Result<PasswordPolicy> {
    const MEMORY_KIB_MAX: u32 = 1024 * 1024;
    let length_max = u32::try_from(Lengths::LIMIT).unwrap_or(u32::MAX);
    let max = number(layers, "password_length_max", 1, length_max)?;
    let min = number(layers, "password_length_min", 1, max)?;
    let lanes = number(layers, "argon2_lanes", 1, 64)?;
    let cost = Cost {
        // RFC 9106, section 3.1: at least eight blocks of 1 KiB a lane.
        memory_kib: number(layers, "argon2_memory_kib", 8 * lanes, MEMORY_KIB_MAX)?,
        passes: number(layers, "argon2_passes", 1, 1_000)?,
        lanes,
    };
    Ok(PasswordPolicy { cost, lengths: Lengths { min: min as usize, max: max as usize } })
}

/// Which parts of the product there are.
fn modules(layers: &Layers) -> Result<Modules> {
    let Some(set) = layers.get("modules").filter(|set| set.text != "all") else { return Ok(Modules::ALL) };
    let (text, origin) = (&set.text, &set.origin);
    let mut named = Vec::new();
    for name in text.split(',').map(str::trim) {
        let module = Module::parse(name).ok_or_else(|| {
            let names = Module::ALL.map(Module::name);
            let advice = format!("it must be all, or some of {}, with commas between them", names.join(","));
            let what = format!("modules is {text:?} ({origin}): {name:?} is no module");
            layers::unlike(&what, name, names.into_iter(), &advice)
        })?;
        named.push(module);
    }
    Modules::of(&named).map_err(|missing| {
        let (module, needs) = (missing.module.name(), missing.needs.name());
        let advice = format!("{missing}: add {needs}, or leave {module} out as well");
        failure(Code::Usage, format!("modules is {text:?} ({origin}); {advice}"))
    })
}

/// How often callers may ask, where that is limited. What is set is checked all the same.
fn rates(layers: &Layers) -> Result<Option<Rates>> {
    let rate = |key, default| -> Result<Rate> {
        let read = |text: &str| text.parse::<Rate>().map_err(|_| RATE);
        Ok(read_as(layers, key, read)?.unwrap_or(default))
    };
    let default = Rates::default();
    let rates = Rates {
        caller: rate("rate_caller", default.caller)?,
        address: rate("rate_address", default.address)?,
        sign_in: rate("rate_sign_in", default.sign_in)?,
    };
    let on = read_as(layers, "rate_limits", |text| on_or_off(text).map(|()| text == "on"))?;
    Ok(on.unwrap_or(true).then_some(rates))
}

/// A value in the form in which it is used, where it is set. What cannot be used is told, unless it is a secret.
fn read_as<T>(
    layers: &Layers,
    key: &'static str,
    read: impl FnOnce(&str) -> Result<T, &'static str>,
) -> Result<Option<T>> {
    let Some(set) = layers.get(key) else { return Ok(None) };
    read(&set.text).map(Some).map_err(|what| {
        let is_secret = table::by_key(key).is_some_and(|row| row.secret);
        let value = if is_secret { "not usable".to_owned() } else { format!("{:?}", set.text) };
        failure(Code::Usage, format!("{key} is {value} ({}); {what}", set.origin))
    })
}

/// A whole number within bounds. A setting that has no default is its smallest value.
fn number(layers: &Layers, key: &'static str, min: u32, max: u32) -> Result<u32> {
    let Some(set) = layers.get(key) else { return Ok(min) };
    set.text.parse().ok().filter(|number| (min..=max).contains(number)).ok_or_else(|| {
        let advice = format!("it must be a whole number from {min} to {max}");
        failure(Code::Usage, format!("{key} is {:?} ({}); {advice}", set.text, set.origin))
    })
}

/// Only a path may be other bytes than UTF-8.
fn check_utf8(layers: &Layers) -> Result<()> {
    for row in table::ROWS.iter().filter(|row| !row.is_path) {
        if let Some(set) = layers.get(row.key).filter(|set| set.exact.is_some()) {
            return Err(failure(Code::Usage, format!("{} is not UTF-8 ({})", row.key, set.origin)));
        }
    }
    Ok(())
}

fn not_empty(text: &str) -> Result<(), &'static str> {
    if text.is_empty() { Err("it must not be empty") } else { Ok(()) }
}

fn one_of(text: &str, allowed: &[&str], otherwise: &'static str) -> Result<(), &'static str> {
    if allowed.contains(&text) { Ok(()) } else { Err(otherwise) }
}

fn on_or_off(text: &str) -> Result<(), &'static str> {
    one_of(text, &["on", "off"], "it must be on or off")
}

fn is_on(text: Option<String>) -> bool {
    text.is_some_and(|text| text == "on")
}

fn sign_up(layers: &Layers) -> Result<SignUp> {
    let is_on = |key| {
        Ok::<_, anyhow::Error>(read_as(layers, key, |text| on_or_off(text).map(|()| text == "on"))? == Some(true))
    };
    Ok(match (is_on("sign_up")?, is_on("sign_up_by_mail")?) {
        (false, _) => SignUp::Closed,
        (true, false) => SignUp::ByPassword,
        (true, true) => SignUp::ByMail,
    })
}

fn second_factor(text: &str) -> Result<SecondFactor, &'static str> {
    match text {
        "optional" => Ok(SecondFactor::Optional),
        "admins" => Ok(SecondFactor::Admins),
        "all" => Ok(SecondFactor::All),
        _ => Err("it must be optional, admins or all"),
    }
}

fn address(text: &str) -> Result<(), &'static str> {
    let fits = text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    if fits { Ok(()) } else { Err("it must be an address and a port, like 127.0.0.1:8080") }
}

fn url(text: &str) -> Result<(), &'static str> {
    if web_origin(text).is_some() {
        Ok(())
    } else {
        Err("it must be like https://chat.example.org, without a path: the server answers at the root of a host only")
    }
}

fn product_name(text: &str) -> Result<(), &'static str> {
    match DisplayName::parse(text) {
        Ok(_) => Ok(()),
        Err(_) => Err("it must be a name of 1 to 128 characters, on one line"),
    }
}

fn page(text: &str) -> Result<(), &'static str> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let is_plain = text.bytes().all(|letter| letter.is_ascii_graphic() && !b"\"<>#".contains(&letter));
    if is_plain && host.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric() || first == b'[') {
        Ok(())
    } else {
        Err("it must be a web address like https://chat.example.org/reset, without a fragment")
    }
}

fn origins(text: &str) -> Result<(), &'static str> {
    if listed(Some(text)).iter().all(|origin| web_origin(origin).is_some()) {
        Ok(())
    } else {
        Err("it must be origins like https://chat.example.org, without a path, with commas between them")
    }
}

fn networks(text: Option<&str>) -> Vec<Network> {
    listed(text).iter().filter_map(|address| address.parse().ok()).collect()
}

fn proxies(text: &str) -> Result<(), &'static str> {
    if listed(Some(text)).iter().all(|address| address.parse::<Network>().is_ok()) {
        Ok(())
    } else {
        Err("it must be IP addresses or networks like 10.0.0.0/8, with commas between them")
    }
}

fn listed(text: Option<&str>) -> Vec<String> {
    let parts = text.unwrap_or_default().split(',').map(str::trim);
    parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn is_duration(text: &str) -> Result<(), &'static str> {
    match duration(text) {
        Some(duration) if !duration.is_zero() => Ok(()),
        Some(_) | None => Err("it must be a time like 30s, 15m, 12h or 7d"),
    }
}

fn of_duration(text: Option<String>) -> Duration {
    text.as_deref().and_then(duration).unwrap_or_default()
}

/// Reads a time like `30s`, `15m`, `12h`, `7d` or `2w`; at most a hundred years.
pub fn duration(text: &str) -> Option<Duration> {
    const CENTURY_SECONDS: u64 = 100 * 366 * 86_400;
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => return None,
    };
    let total = number.parse::<u64>().ok()?.checked_mul(seconds)?;
    (total <= CENTURY_SECONDS).then(|| Duration::from_secs(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Settings::read(&Layers::load(None, pairs, &[])?)
    }

    #[test]
    fn passwords_are_as_the_contract_says_unless_they_are_set() {
        assert_eq!(read(&[]).unwrap().passwords, PasswordPolicy::default());
        let set = [
            ("LETOPIS_PASSWORD_LENGTH_MIN", "12"),
            ("LETOPIS_PASSWORD_LENGTH_MAX", "512"),
            ("LETOPIS_ARGON2_MEMORY_KIB", "65536"),
            ("LETOPIS_ARGON2_PASSES", "3"),
            ("LETOPIS_ARGON2_LANES", "4"),
        ];
        let cost = Cost { memory_kib: 65_536, passes: 3, lanes: 4 };
        let policy = PasswordPolicy { cost, lengths: Lengths { min: 12, max: 512 } };
        assert_eq!(read(&set).unwrap().passwords, policy);
        let error =
            read(&[("LETOPIS_ARGON2_LANES", "4"), ("LETOPIS_ARGON2_MEMORY_KIB", "31")]).unwrap_err().to_string();
        assert!(error.contains("argon2_memory_kib is \"31\"") && error.contains("from 32 to 1048576"), "{error}");
    }

    #[test]
    fn durations() {
        assert_eq!(duration("7d"), Some(Duration::from_secs(7 * 86_400)));
        assert_eq!(duration("12h"), Some(Duration::from_secs(12 * 3_600)));
        assert_eq!(duration("90s"), Some(Duration::from_secs(90)));
        for bad in ["", "7", "d", "-1d", "1.5h", "7 d", "7days", "99999999999999999999d", "1000000w"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_defaults_are_those_of_the_contract() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.listen, "127.0.0.1:8080");
        assert_eq!(settings.data, PathBuf::from("./letopis-data"));
        assert_eq!(settings.session_idle, Duration::from_secs(7 * 86_400));
        assert_eq!(settings.session_max, Duration::from_secs(30 * 86_400));
        assert!(!settings.log_json);
    }

    #[test]
    fn a_secret_is_not_told_when_it_cannot_be_used() {
        let error = read(&[("LETOPIS_NATS_URL", "http://anna:s3cr3t@127.0.0.1")]).unwrap_err().to_string();
        assert!(error.contains("nats_url is not usable (LETOPIS_NATS_URL); it must be like nats://"), "{error}");
        assert!(!error.contains("s3cr3t"), "{error}");
        let settings = read(&[("LETOPIS_NATS_URL", "nats://anna:s3cr3t@127.0.0.1")]).unwrap();
        assert!(settings.nats.is_some());
        let error = read(&[("LETOPIS_REDIS_URL", "http://anna:s3cr3t@127.0.0.1")]).unwrap_err().to_string();
        assert!(error.contains("redis_url is not usable (LETOPIS_REDIS_URL); it must be like redis://"), "{error}");
        assert!(!error.contains("s3cr3t"), "{error}");
        let settings = read(&[("LETOPIS_REDIS_URL", "redis://anna:s3cr3t@127.0.0.1")]).unwrap();
        assert!(settings.redis.is_some() && read(&[]).unwrap().redis.is_none());
        assert!(!format!("{settings:?}").contains("s3cr3t"));
        assert!(read(&[]).unwrap().nats.is_none());
    }

    #[test]
    fn a_part_of_the_roles_needs_a_log_that_nodes_share() {
        let database = ("LETOPIS_DATABASE_URL", "postgres://127.0.0.1/letopis");
        let settings = read(&[("LETOPIS_ROLES", "couriers, api"), database]).unwrap();
        assert_eq!(settings.roles.names(), ["api", "couriers"]);
        assert_eq!(read(&[]).unwrap().roles, Roles::ALL);
        let told = |roles: &str| read(&[("LETOPIS_ROLES", roles)]).unwrap_err().to_string();
        let alone = told("api");
        assert!(alone.contains("roles is api (LETOPIS_ROLES)") && alone.contains("database_url"), "{alone}");
        let unknown = told("cook");
        assert!(unknown.contains("\"cook\"") && unknown.contains("api, projections, couriers"), "{unknown}");
    }

    #[test]
    fn parts_can_be_left_out() {
        assert_eq!(read(&[]).unwrap().modules, Modules::ALL);
        assert_eq!(read(&[("LETOPIS_MODULES", "all")]).unwrap().modules, Modules::ALL);
        let some = read(&[("LETOPIS_MODULES", "notifications, messenger")]).unwrap().modules;
        assert_eq!(some.to_string(), "messenger,notifications");
        let told = |modules: &str| read(&[("LETOPIS_MODULES", modules)]).unwrap_err().to_string();
        assert!(told("messanger,search").contains("\"messanger\" is no module; did you mean messenger?"));
        assert!(told("123").contains("it must be all, or some of messenger,search"), "{}", told("123"));
        assert!(
            told("search").contains("search needs messenger: add messenger, or leave search out"),
            "{}",
            told("search")
        );
    }

    #[test]
    fn how_often_callers_may_ask() {
        assert_eq!(read(&[]).unwrap().rates, Some(Rates::default()));
        assert_eq!(read(&[("LETOPIS_RATE_LIMITS", "off")]).unwrap().rates, None);
        let rates = read(&[("LETOPIS_RATE_SIGN_IN", "3/h:5")]).unwrap().rates.unwrap();
        assert_eq!(rates, Rates { sign_in: "3/h:5".parse().unwrap(), ..Rates::default() });
        let error = read(&[("LETOPIS_RATE_LIMITS", "off"), ("LETOPIS_RATE_CALLER", "100")]).unwrap_err().to_string();
        assert!(error.contains("rate_caller is \"100\"") && error.contains("100/s:200"), "{error}");
    }

    #[test]
    fn who_may_open_an_account() {
        let of = |pairs: &[(&str, &str)]| read(pairs).unwrap().sign_up;
        assert_eq!(of(&[]), SignUp::ByPassword);
        assert_eq!(of(&[("LETOPIS_SIGN_UP_BY_MAIL", "on")]), SignUp::ByMail);
        assert_eq!(of(&[("LETOPIS_SIGN_UP", "off")]), SignUp::Closed);
        assert_eq!(of(&[("LETOPIS_SIGN_UP_BY_MAIL", "on"), ("LETOPIS_SIGN_UP", "off")]), SignUp::Closed);
    }

    #[test]
    fn who_must_have_a_second_factor() {
        let of = |text: &str| read(&[("LETOPIS_SECOND_FACTOR", text)]).map(|settings| settings.second_factor);
        assert_eq!(read(&[]).unwrap().second_factor, SecondFactor::Optional);
        let set = ["optional", "admins", "all"].map(|text| of(text).unwrap());
        assert_eq!(set, [SecondFactor::Optional, SecondFactor::Admins, SecondFactor::All]);
        assert!(of("everybody").is_err());
    }

    #[test]
    fn values_are_checked() {
        for (name, value) in [
            ("LETOPIS_LISTEN", "8080"),
            ("LETOPIS_LISTEN", "localhost:http"),
            ("LETOPIS_SESSION_IDLE", "0s"),
            ("LETOPIS_SESSION_IDLE", "60d"),
            ("LETOPIS_RATE_LIMITS", "yes"),
            ("LETOPIS_RATE_CALLER", "100"),
            ("LETOPIS_RATE_ADDRESS", "20/s"),
            ("LETOPIS_RATE_SIGN_IN", "10/m:0"),
            ("LETOPIS_SIGN_UP", "yes"),
            ("LETOPIS_PRODUCT_NAME", " "),
            ("LETOPIS_PRODUCT_NAME", "Garden\n& Co"),
            ("LETOPIS_RESET_URL", "chat.example/reset"),
            ("LETOPIS_RESET_URL", "https://chat.example/#reset"),
            ("LETOPIS_RESET_URL", "https://"),
            ("LETOPIS_SIGN_UP_BY_MAIL", "true"),
            ("LETOPIS_MODULES", "messanger"),
            ("LETOPIS_MODULES", ""),
            ("LETOPIS_MODULES", "search"),
            ("LETOPIS_MODULES", "mailings,messenger"),
            ("LETOPIS_TRUSTED_PROXIES", "10.0.0.0/33"),
            ("LETOPIS_TRUSTED_PROXIES", "proxy.example"),
            ("LETOPIS_PUBLIC_URL", "https://a.example/chat"),
            ("LETOPIS_ALLOWED_ORIGINS", "https://a.example/path"),
            ("LETOPIS_PUBLIC_URL", "chat.example"),
            ("LETOPIS_LOG_FORMAT", "xml"),
            ("LETOPIS_PASSWORD_LENGTH_MIN", "0"),
            ("LETOPIS_PASSWORD_LENGTH_MIN", "257"),
            ("LETOPIS_PASSWORD_LENGTH_MAX", "7"),
            ("LETOPIS_PASSWORD_LENGTH_MAX", "1025"),
            ("LETOPIS_ARGON2_MEMORY_KIB", "7"),
            ("LETOPIS_ARGON2_MEMORY_KIB", "19m"),
            ("LETOPIS_ARGON2_PASSES", "0"),
            ("LETOPIS_ARGON2_LANES", "-1"),
            ("LETOPIS_ROLES", "api,cook"),
            ("LETOPIS_ROLES", ""),
            ("LETOPIS_ROLES", "api,projections"),
            ("LETOPIS_DATABASE_URL", "sqlite:/tmp/x.db"),
            ("LETOPIS_DATABASE_URL", "postgres://host/letopis?sslmode=perhaps"),
        ] {
            assert!(read(&[(name, value)]).is_err(), "{name}={value}");
        }
        let good = [
            ("LETOPIS_TRUSTED_PROXIES", "10.0.0.1, ::1, 192.168.0.0/16"),
            ("LETOPIS_ALLOWED_ORIGINS", "https://a.example, http://localhost:3000"),
            ("LETOPIS_RATE_LIMITS", "off"),
            ("LETOPIS_RESET_URL", "https://chat.example/reset?from=mail"),
            ("LETOPIS_ROLES", "couriers, projections,api"),
            ("LETOPIS_PUBLIC_URL", "https://Bücher.Example:443/"),
        ];
        let settings = read(&good).unwrap();
        assert_eq!(settings.allowed_origins.len(), 2);
        assert_eq!(settings.public_url.as_deref(), Some("https://xn--bcher-kva.example"));
    }
}
