//! What is set about mail, in the form in which the couriers use it.

use super::{Layers, not_empty, number, read_as, url};
use crate::exit::{Code, failure};
use anyhow::Result;
use api::web_origin;
use couriers::MailSettings;
use couriers::channel::smtp::SmtpUrl;
use couriers::dkim::DkimSettings;
use couriers::mail::Sender;
use std::path::PathBuf;
use std::time::Duration;

/// A day: nobody waits longer for a reply.
const TIMEOUT_S_MAX: u32 = 86_400;
/// So many mails in a second are no limit any more.
const PER_SECOND_MAX: u32 = 1_000_000;

/// Checks every value.
pub(super) fn read(layers: &Layers) -> Result<MailSettings> {
    let path = |key: &'static str| -> Result<Option<PathBuf>> {
        let set = layers.get(key).and_then(|set| set.exact.clone()).map(PathBuf::from);
        Ok(read_as(layers, key, |text| not_empty(text).map(|()| PathBuf::from(text)))?.map(|text| set.unwrap_or(text)))
    };
    let selector = read_as(layers, "dkim_selector", |text| {
        let advice = "it must be a name of DNS: letters, digits, hyphens, dots, at most 63 of them";
        if DkimSettings::is_selector(text) { Ok(text.to_owned()) } else { Err(advice) }
    })?;
    let dkim = match (path("dkim_key_file")?, selector) {
        (Some(key_file), Some(selector)) => Some(DkimSettings { key_file, selector }),
        (None, None) => None,
        (Some(_), None) => return Err(lone("dkim_key_file", "dkim_selector, the name of the key in DNS")),
        (None, Some(_)) => return Err(lone("dkim_selector", "dkim_key_file, the key that has that name in DNS")),
    };
    let from = match read_as(layers, "mail_from", Sender::parse)? {
        Some(from) => from,
        None => default_from(layers)?,
    };
    Ok(MailSettings {
        smtp: read_as(layers, "smtp_url", SmtpUrl::parse_list)?.unwrap_or_default(),
        sendgrid: super::outbound::sendgrid(layers)?,
        smtp_ca_file: path("smtp_ca_file")?,
        smtp_timeout: Duration::from_secs(number(layers, "smtp_timeout_s", 1, TIMEOUT_S_MAX)?.into()),
        from,
        dkim,
        per_second_max: number(layers, "mail_per_second_max", 1, PER_SECOND_MAX)?,
    })
}

fn lone(key: &str, other: &str) -> anyhow::Error {
    failure(Code::Usage, format!("{key} is set without {other}: set both, or neither"))
}

/// `letopis@` the host of the public URL, or of the address that is listened on.
fn default_from(layers: &Layers) -> Result<Sender> {
    let public = read_as(layers, "public_url", |text| url(text).map(|()| web_origin(text).unwrap_or_default()))?;
    let listen = layers.get("listen").map(|set| set.text.clone()).unwrap_or_default();
    let authority = public.as_deref().and_then(|origin| origin.split("://").nth(1)).unwrap_or(&listen);
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => host,
        Some(_) | None => authority,
    };
    let from = Sender::parse(&format!("letopis@{host}"));
    // An address in brackets, or nothing, is no domain that mail comes from.
    Ok(from.unwrap_or_else(|_| MailSettings::default().from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<MailSettings> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        super::read(&Layers::load(None, pairs, &[])?)
    }

    #[test]
    fn the_defaults_are_those_of_the_contract() {
        let mail = read(&[]).unwrap();
        assert!(mail.smtp.is_empty() && mail.smtp_ca_file.is_none() && mail.dkim.is_none());
        assert_eq!((mail.smtp_timeout, mail.per_second_max), (Duration::from_secs(600), 50));
        let from = |pairs: &[(&str, &str)]| read(pairs).unwrap().from.to_string();
        assert_eq!(from(&[]), "letopis@127.0.0.1");
        assert_eq!(from(&[("LETOPIS_PUBLIC_URL", "https://chat.example.org")]), "letopis@chat.example.org");
        assert_eq!(from(&[("LETOPIS_PUBLIC_URL", "http://chat.example.org:8443/")]), "letopis@chat.example.org");
        assert_eq!(from(&[("LETOPIS_LISTEN", "[::1]:8080")]), "letopis@localhost");
        let set = [("LETOPIS_PUBLIC_URL", "https://a.example"), ("LETOPIS_MAIL_FROM", "Чат <chat@example.org>")];
        assert_eq!(from(&set), "\"Чат\" <chat@example.org>".replace('"', ""));
    }

    #[test]
    fn mail_servers_are_read_and_their_passwords_are_not_told() {
        let mail = read(&[
            ("LETOPIS_SMTP_URL", "smtp://anna:s3cr3t@mail.example.org, smtp://127.0.0.1:2525"),
            ("LETOPIS_SMTP_TIMEOUT_S", "30"),
            ("LETOPIS_SMTP_CA_FILE", "/etc/ca.pem"),
            ("LETOPIS_DKIM_KEY_FILE", "/etc/dkim.pem"),
            ("LETOPIS_DKIM_SELECTOR", "mail2026"),
            ("LETOPIS_MAIL_PER_SECOND_MAX", "7"),
        ]);
        let mail = mail.unwrap();
        let names = mail.smtp.iter().map(SmtpUrl::name).collect::<Vec<_>>();
        assert_eq!(names, ["mail.example.org:587", "127.0.0.1:2525"]);
        assert_eq!((mail.smtp_timeout, mail.per_second_max), (Duration::from_secs(30), 7));
        assert_eq!(mail.smtp_ca_file, Some(PathBuf::from("/etc/ca.pem")));
        let dkim = DkimSettings { key_file: "/etc/dkim.pem".into(), selector: "mail2026".to_owned() };
        assert_eq!(mail.dkim, Some(dkim));
        assert!(!format!("{mail:?}").contains("s3cr3t"));
        let error = read(&[("LETOPIS_SMTP_URL", "http://anna:s3cr3t@mail.example.org")]).unwrap_err().to_string();
        assert!(error.contains("smtp_url is not usable (LETOPIS_SMTP_URL); it must be like smtp://"), "{error}");
        assert!(!error.contains("s3cr3t"), "{error}");
    }

    #[test]
    fn values_are_checked() {
        for (name, value) in [
            ("LETOPIS_SMTP_URL", ""),
            ("LETOPIS_SMTP_URL", "smtp://mail.example.org?tls=perhaps"),
            ("LETOPIS_SMTP_TIMEOUT_S", "0"),
            ("LETOPIS_SMTP_TIMEOUT_S", "10m"),
            ("LETOPIS_SMTP_CA_FILE", ""),
            ("LETOPIS_MAIL_FROM", "nobody"),
            ("LETOPIS_MAIL_PER_SECOND_MAX", "0"),
            ("LETOPIS_DKIM_KEY_FILE", "/etc/dkim.pem"),
            ("LETOPIS_DKIM_SELECTOR", "mail2026"),
            ("LETOPIS_DKIM_SELECTOR", "a b"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert_eq!(crate::exit::code_of(&error), Code::Usage, "{name}={value}");
        }
    }
}
