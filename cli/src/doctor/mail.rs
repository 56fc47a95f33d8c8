//! Whether the mail servers that are set answer and let us sign in.

use super::{Advice, Check};
use crate::context::Context;
use couriers::MailSettings;
use couriers::providers::Providers;
use std::time::Duration;

/// What each step may take here: an operator is waiting.
const TIMEOUT: Duration = Duration::from_secs(5);

/// One check for each provider, in the order in which they are tried. Nothing is sent.
pub(super) async fn mail(context: &Context) -> Vec<Check> {
    let settings = MailSettings { smtp_timeout: TIMEOUT, ..context.settings.mail.clone() };
    let providers = match Providers::open(&settings) {
        Ok(providers) => providers,
        Err(found) => return vec![Check::problem("mail", found, Advice::MailSettings)],
    };
    if providers.is_empty() {
        return vec![Check::ok("mail", "no mail server is set: mail stays in the dev mailbox")];
    }
    let signed = match &settings.dkim {
        Some(dkim) => format!("signed as {}._domainkey.{}", dkim.selector, settings.from.domain()),
        None => "not signed here".to_owned(),
    };
    let told = |(name, found): (String, Result<String, String>)| match found {
        Ok(found) => Check::ok("mail", format!("{name}: {found}; mail is from {}, {signed}", settings.from)),
        Err(error) => Check::warning("mail", format!("{name}: {error}"), Advice::MailServer),
    };
    providers.look().await.into_iter().map(told).collect()
}
