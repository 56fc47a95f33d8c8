//! Whether the mail servers are there, where they are set, and take our word.

use super::Check;
use crate::context::Context;
use couriers::MailSettings;
use couriers::providers::Providers;
use std::time::Duration;

/// What each step may take here: somebody waits.
const TIMEOUT: Duration = Duration::from_secs(5);

/// One check for each provider, in the order in which they are tried. Nothing is sent.
pub(super) async fn mail(context: &Context) -> Vec<Check> {
    let settings = MailSettings { smtp_timeout: TIMEOUT, ..context.settings.mail.clone() };
    let providers = match Providers::open(&settings) {
        Ok(providers) => providers,
        Err(found) => return vec![Check::problem("mail", found, "correct it, or unset it")],
    };
    if providers.is_empty() {
        return vec![Check::ok("mail", "no mail server is set: mail stays in the house")];
    }
    let signed = match &settings.dkim {
        Some(dkim) => format!("signed as {}._domainkey.{}", dkim.selector, settings.from.domain()),
        None => "not signed here".to_owned(),
    };
    let told = |(name, found): (String, Result<String, String>)| match found {
        Ok(found) => Check::ok("mail", format!("{name}: {found}; mail is from {}, {signed}", settings.from)),
        Err(error) => {
            let advice = "start it, or correct LETOPIS_SMTP_URL (its host, its user and password, ?tls=) or LETOPIS_SENDGRID_KEY; a server whose \
                          certificate is by an authority of your own needs LETOPIS_SMTP_CA_FILE. Mail waits, and is tried \
                          again until it is too late for it";
            Check::warning("mail", format!("{name}: {error}"), advice)
        }
    };
    providers.look().await.into_iter().map(told).collect()
}
