//! What is set about requests to the outside, in the form in which the couriers use it.

use super::{Layers, read_as};
use crate::exit::{Code, failure};
use anyhow::Result;
use couriers::channel::sendgrid::{API, EventKey, SendgridKey, SendgridSettings};
use couriers::channel::webhook::{WebhookSecret, WebhookSettings};
use couriers::mailings::VariablesSource;
use outbound::{Allowed, Error, Url};

/// Hosts and networks that may be private, or called without TLS.
pub(super) fn allowed(layers: &Layers) -> Result<Allowed> {
    const SHAPE: &str =
        "it must be hosts, addresses and networks (hooks.internal, 10.0.0.0/8), with commas between them";
    Ok(read_as(layers, "outbound_allow", |text| Allowed::parse(text).map_err(|_| SHAPE))?.unwrap_or_default())
}

/// Where the variables of mailings may be fetched from: our own origin, those that are allowed, and whom the list names.
pub(super) fn variables(layers: &Layers, public_url: Option<&String>, origins: &[String]) -> Result<VariablesSource> {
    let origins = origins.iter().chain(public_url).cloned().collect();
    Ok(VariablesSource { origins, allowed: allowed(layers)? })
}

/// An account of SendGrid, where its key is set.
pub(super) fn sendgrid(layers: &Layers) -> Result<Option<SendgridSettings>> {
    let allowed = allowed(layers)?;
    let api = read_as(layers, "sendgrid_url", |text| callable(&allowed, text))?;
    let key = read_as(layers, "sendgrid_key", SendgridKey::parse)?;
    let Some(key) = key else { return Ok(None) };
    let api = api.map_or_else(|| Url::parse(API), Ok)?;
    Ok(Some(SendgridSettings { key, api, allowed }))
}

/// What SendGrid's events are verified by, where it is set.
pub(super) fn sendgrid_events(layers: &Layers) -> Result<Option<EventKey>> {
    read_as(layers, "sendgrid_webhook_key", EventKey::parse)
}

/// Where the channel `webhook` leads, where it is set.
pub(super) fn webhook(layers: &Layers) -> Result<Option<WebhookSettings>> {
    let allowed = allowed(layers)?;
    let url = read_as(layers, "webhook_url", |text| callable(&allowed, text))?;
    let secret = read_as(layers, "webhook_secret", WebhookSecret::parse)?;
    match (url, secret) {
        (Some(url), Some(secret)) => Ok(Some(WebhookSettings { url, secret, allowed })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(lone("webhook_url", "webhook_secret, which signs the requests")),
        (None, Some(_)) => Err(lone("webhook_secret", "webhook_url, where the requests go")),
    }
}

pub(super) fn callable(allowed: &Allowed, text: &str) -> Result<Url, &'static str> {
    allowed.check(text).map_err(|error| match error {
        Error::Plain { .. } => "it must begin with https://, unless outbound_allow names its host",
        Error::Private { .. } => "its address is a private one; outbound_allow can allow it",
        Error::Url(_)
        | Error::Unresolved { .. }
        | Error::Unconnected { .. }
        | Error::Redirected { .. }
        | Error::TimedOut { .. }
        | Error::Broken { .. } => "it must be a URL like https://hooks.example.org/letopis",
    })
}

fn lone(key: &str, other: &str) -> anyhow::Error {
    failure(Code::Usage, format!("{key} is set without {other}: set both, or neither"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: (&str, &str) = ("LETOPIS_SENDGRID_KEY", "SG.s3cr3t");
    const URL: (&str, &str) = ("LETOPIS_WEBHOOK_URL", "https://hooks.example/s3cr3t");
    const SECRET: (&str, &str) = ("LETOPIS_WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");

    fn layers(pairs: &[(&str, &str)]) -> Layers {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Layers::load(None, pairs, &[]).unwrap()
    }

    #[test]
    fn nothing_is_called_unless_it_is_set() {
        assert!(sendgrid(&layers(&[])).unwrap().is_none() && webhook(&layers(&[])).unwrap().is_none());
    }

    #[test]
    fn what_is_set_is_read_and_its_secrets_are_not_told() {
        let set = layers(&[KEY, URL, SECRET, ("LETOPIS_OUTBOUND_ALLOW", "10.0.0.0/8, hooks.internal")]);
        let (sendgrid, webhook) = (sendgrid(&set).unwrap().unwrap(), webhook(&set).unwrap().unwrap());
        assert_eq!((sendgrid.api.as_str(), webhook.url.path()), ("https://api.sendgrid.com/", "/s3cr3t"));
        assert_eq!(webhook.allowed, Allowed::parse("10.0.0.0/8,hooks.internal").unwrap());
        let shown = format!("{sendgrid:?} {webhook:?}");
        assert!(!shown.contains("s3cr3t") && !shown.contains("MfKQ"), "{shown}");
        let europe = layers(&[KEY, ("LETOPIS_SENDGRID_URL", "https://api.eu.sendgrid.com")]);
        assert_eq!(super::sendgrid(&europe).unwrap().unwrap().api.host_str(), Some("api.eu.sendgrid.com"));
    }

    #[test]
    fn values_are_checked_and_not_told_where_they_are_secret() {
        let told = |pairs: &[(&str, &str)]| {
            let set = layers(pairs);
            let read = sendgrid(&set).map(drop).and_then(|()| sendgrid_events(&set).map(drop));
            let error = read.and_then(|()| webhook(&set).map(drop)).unwrap_err().to_string();
            assert!(!error.contains("s3cr3t"), "{error}");
            error
        };
        for (pairs, what) in [
            (&[("LETOPIS_SENDGRID_KEY", "s3cr3t with spaces")][..], "sendgrid_key is not usable"),
            (&[KEY, ("LETOPIS_SENDGRID_URL", "http://api.sendgrid.com")], "sendgrid_url is"),
            (&[("LETOPIS_SENDGRID_WEBHOOK_KEY", "MFkw")], "sendgrid_webhook_key is"),
            (&[URL], "webhook_url is set without webhook_secret"),
            (&[SECRET], "webhook_secret is set without webhook_url"),
            (&[URL, ("LETOPIS_WEBHOOK_SECRET", "s3cr3t")], "webhook_secret is not usable"),
            (&[SECRET, ("LETOPIS_WEBHOOK_URL", "http://hooks.example/s3cr3t")], "must begin with https://"),
            (&[SECRET, ("LETOPIS_WEBHOOK_URL", "https://10.0.0.1/s3cr3t")], "is a private one"),
            (&[SECRET, ("LETOPIS_WEBHOOK_URL", "s3cr3t")], "webhook_url is not usable"),
            (&[("LETOPIS_OUTBOUND_ALLOW", "10.0.0.0/40")], "outbound_allow is"),
        ] {
            let error = told(pairs);
            assert!(error.contains(what), "{error}");
        }
        let inside = [SECRET, ("LETOPIS_WEBHOOK_URL", "http://10.0.0.1/x"), ("LETOPIS_OUTBOUND_ALLOW", "10.0.0.0/8")];
        assert!(webhook(&layers(&inside)).unwrap().is_some());
    }
}
