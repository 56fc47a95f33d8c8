//! What is set about mail.

use crate::channel::sendgrid::SendgridSettings;
use crate::channel::smtp::SmtpUrl;
use crate::channel::webhook::WebhookSettings;
use crate::dkim::DkimSettings;
use crate::mail::Sender;
use crate::mailings::VariablesSource;
use domain::digest::UNREAD_SECONDS;
use domain::notify::Categories;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What the couriers are told of the house that they work for.
#[derive(Clone, Debug)]
pub struct CourierSettings {
    /// What people can be told about.
    pub categories: Arc<Categories>,
    /// What the product calls itself in mail.
    pub product: String,
    /// Where it is found, without a slash at the end: the base of links.
    pub public_url: String,
    /// A page of the product's own for new passwords, which gets `?token=`; none: ours.
    pub reset_url: Option<String>,
    /// What this node is called in facts.
    pub node: String,
    /// How mail leaves the house.
    pub mail: MailSettings,
    /// How long what is said to somebody has to stay unread until they are told of it.
    pub unread_after: Duration,
    /// Where the channel `webhook` leads; none when nobody has set it.
    pub webhook: Option<WebhookSettings>,
    /// Where the variables of mailings may be fetched from.
    pub variables: VariablesSource,
}

impl Default for CourierSettings {
    fn default() -> CourierSettings {
        CourierSettings {
            categories: Arc::default(),
            product: "Letopis".to_owned(),
            public_url: "http://127.0.0.1:8080".to_owned(),
            reset_url: None,
            node: "one".to_owned(),
            mail: MailSettings::default(),
            unread_after: Duration::from_secs(UNREAD_SECONDS),
            webhook: None,
            variables: VariablesSource::default(),
        }
    }
}

/// How mail leaves the house. Shown without passwords.
#[derive(Clone, Debug)]
pub struct MailSettings {
    /// Mail servers, in the order in which they are tried.
    pub smtp: Vec<SmtpUrl>,
    /// What is tried after them.
    pub sendgrid: Option<SendgridSettings>,
    /// Whose word is taken for their certificates (PEM), in place of the machine's authorities.
    pub smtp_ca_file: Option<PathBuf>,
    /// The wait for the final reply; other phases get a tenth of it, at least 5 s.
    pub smtp_timeout: Duration,
    /// Whom mail is from.
    pub from: Sender,
    /// How it is signed, if it is.
    pub dkim: Option<DkimSettings>,
    /// Mails that one provider gets in a second, at most; at least 1.
    pub per_second_max: u32,
}

impl MailSettings {
    /// Whether no way to send mail is set: it stays in the dev mailbox.
    pub fn stays_in_house(&self) -> bool {
        self.smtp.is_empty() && self.sendgrid.is_none()
    }
}

impl Default for MailSettings {
    fn default() -> MailSettings {
        MailSettings {
            smtp: Vec::new(),
            sendgrid: None,
            smtp_ca_file: None,
            smtp_timeout: Duration::from_secs(600),
            from: Sender::parse("letopis@localhost").expect("it is an address"),
            dkim: None,
            per_second_max: 50,
        }
    }
}
