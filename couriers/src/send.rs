//! One delivery that is due: looked at once more, said, handed over, and what came of it written.

use crate::channel::mailbox::{self, MailAttempt};
use crate::channel::webhook::{Webhook, WebhookData};
use crate::channel::{AttemptEnd, Fault};
use crate::courier::Courier;
use crate::error::{Error, Result, told};
use crate::leadership::Leadership;
use crate::mail::Mail;
use crate::policy::{Verdict, verdict};
use crate::providers::{Choice, ProviderIndex, Providers, may_fail_over, unsent};
use crate::say::say;
use commands::{Actor, Cause};
use domain::delivery::{self, Ended, InboxItem};
use domain::notify::{CategoryKey, Channel, UnsubscribeLink};
use domain::{Command, Outcome, Timestamp};
use projections::deliveries::Delivery;
use projections::{ProjectionId, recipients};
use std::time::{Duration, Instant};
use store::{MailedPurpose, failpoint, now};

pub(crate) use recipients::Recipient;

/// How long a mail waits for a provider before it is written that it waits.
const PROVIDER_WAIT_MAX: Duration = Duration::from_secs(5);
/// How long a mail rests when there is no provider at all for it.
const NO_PROVIDER_REST_SECONDS: i64 = 60;
/// How long the end of an attempt is tried to be written, and how often: without it nobody knows how it ended.
const END_PAUSE: Duration = Duration::from_millis(500);
const END_TRIES_MAX: u32 = 60;

/// Whom deliveries are handed to.
pub(crate) struct Route {
    pub(crate) providers: Providers,
    /// None where no URL is set.
    pub(crate) webhook: Option<Webhook>,
}

/// Each of these deliveries with whom it is for, where they are still there.
pub(crate) async fn with_recipients(
    courier: &Courier,
    due: Vec<Delivery>,
) -> Result<Vec<(Delivery, Option<Recipient>)>> {
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let db = courier.caught_up(ProjectionId::Recipients, 0).await?;
    let ids = due.iter().map(|one| one.user_id).collect::<Vec<_>>();
    let people = recipients::by_ids(&db, &ids).await?;
    let of = |delivery: &Delivery| {
        let place = people.binary_search_by_key(&delivery.user_id, |recipient| recipient.user_id);
        place.ok().map(|place| people[place].clone())
    };
    Ok(due.into_iter().map(|delivery| (delivery.clone(), of(&delivery))).collect())
}

/// Sends one delivery. Answers the position of the last fact that was written of it.
pub(crate) async fn send(
    courier: &Courier,
    leadership: &Leadership,
    route: &Route,
    epoch: u64,
    delivery: Delivery,
    recipient: Option<Recipient>,
) -> Result<u64> {
    let one = One { courier, leadership, route, epoch, delivery: &delivery, recipient: recipient.as_ref() };
    let now = now();
    if now >= delivery.expires_at {
        // The rules say so themselves, and write why.
        return one.expire().await;
    }
    match verdict(courier, &delivery, recipient.as_ref(), now).await? {
        Verdict::Suppress { reason } => one.suppress(reason).await,
        Verdict::Defer { until, reason } => one.defer(until, reason).await,
        Verdict::Send { address } => match (delivery.channel, address) {
            (Channel::Inbox, _) => one.to_inbox().await,
            (Channel::Email, Some(address)) => one.mail(address).await,
            (Channel::Email, None) => one.suppress("no-address").await,
            (Channel::Webhook, _) => match &route.webhook {
                Some(webhook) => one.to_webhook(webhook).await,
                None => one.suppress("no-channel").await,
            },
            (Channel::Live, _) => one.suppress("no-channel").await,
        },
    }
}

struct One<'a> {
    courier: &'a Courier,
    leadership: &'a Leadership,
    route: &'a Route,
    epoch: u64,
    delivery: &'a Delivery,
    recipient: Option<&'a Recipient>,
}

impl One<'_> {
    async fn command(&self, command: delivery::Command) -> Result<Option<commands::Answer>> {
        let actor = Actor::Courier(Cause::recorded(self.delivery.event_id));
        self.courier.send(Command::Delivery(self.delivery.delivery_id, command), actor).await
    }

    /// The position of what was written; of what was there where it was refused, for the read model is behind then.
    async fn written(&self, command: delivery::Command) -> Result<u64> {
        let head = *self.courier.writer.head().borrow();
        Ok(self.command(command).await?.map_or(head, |answer| answer.position))
    }

    async fn expire(&self) -> Result<u64> {
        self.written(delivery::Command::Attempt(self.intent("none"))).await
    }

    async fn suppress(&self, reason: &str) -> Result<u64> {
        self.written(delivery::Command::Suppress(delivery::Suppress { reason: reason.to_owned() })).await
    }

    async fn defer(&self, until: Timestamp, reason: &str) -> Result<u64> {
        self.written(delivery::Command::Defer(delivery::Defer { until, reason: reason.to_owned() })).await
    }

    /// A defect of a template is an operator's to see.
    async fn unsayable(&self, why: &str) -> Result<u64> {
        tracing::error!(delivery_id = %self.delivery.delivery_id, why, "a delivery cannot be rendered");
        self.suppress("not-renderable").await
    }

    /// In the log and in the inbox at once: there is nothing in between.
    async fn to_inbox(&self) -> Result<u64> {
        match say(self.courier, self.delivery, self.recipient, None).await? {
            Err(why) => self.unsayable(&why).await,
            Ok(said) => {
                let item = InboxItem { title: said.title, text: said.summary, link: self.url() };
                let add = delivery::AddToInbox { item, mailing: self.delivery.held_by };
                self.written(delivery::Command::AddToInbox(add)).await
            }
        }
    }

    async fn to_webhook(&self, webhook: &Webhook) -> Result<u64> {
        let said = match say(self.courier, self.delivery, self.recipient, None).await? {
            Err(why) => return self.unsayable(&why).await,
            Ok(said) => said,
        };
        let Some(answer) = self.command(delivery::Command::Attempt(self.intent(&webhook.name()))).await? else {
            return Ok(*self.courier.writer.head().borrow());
        };
        let Outcome::Sending { attempt } = answer.outcome else { return Ok(answer.position) };
        let data = WebhookData {
            delivery_id: self.delivery.delivery_id.0,
            notification_id: Some(self.delivery.notification_id.0),
            user_id: self.delivery.user_id,
            category: self.delivery.category.clone(),
            locale: said.locale,
            title: said.title,
            text: said.text,
            html: said.html,
            link: self.url(),
        };
        let end = match self.leadership.holds() {
            true => webhook.send(&data, self.delivery.requested_at, now()).await,
            false => {
                let detail = "another node sends".to_owned();
                AttemptEnd::Postponed(Fault { phase: "lease", code: None, detail })
            }
        };
        self.end(attempt, &end, false).await
    }

    async fn mail(&self, address: String) -> Result<u64> {
        let unsubscribe_url = self.unsubscribe_url();
        let said = match say(self.courier, self.delivery, self.recipient, unsubscribe_url.as_deref()).await? {
            Err(why) => return self.unsayable(&why).await,
            Ok(said) => said,
        };
        let mail = Mail {
            delivery_id: self.delivery.delivery_id.0,
            from: self.courier.settings.mail.from.clone(),
            to: address,
            subject: said.subject,
            text: said.text,
            html: said.html,
            category: self.delivery.category.clone(),
            unsubscribe_url,
            locale: said.locale,
            at: self.delivery.requested_at,
        };
        match self.route.providers.is_empty() {
            true => self.keep_in_mailbox(&mail).await,
            false => self.over_providers(&mail).await,
        }
    }

    /// Where what it is about can be looked at, when who asked for it says so.
    fn url(&self) -> Option<String> {
        let details = self.delivery.details.as_ref()?;
        Some(details.variables.get("url")?.as_str()?.to_owned())
    }

    /// Where no way to send is set, mail stays in the house.
    async fn keep_in_mailbox(&self, mail: &Mail) -> Result<u64> {
        let Some(answer) = self.command(delivery::Command::Attempt(self.intent("mailbox"))).await? else {
            return Ok(*self.courier.writer.head().borrow());
        };
        let Outcome::Sending { attempt } = answer.outcome else { return Ok(answer.position) };
        failpoint::pass("mail-intended");
        let end = match mail.compose(None) {
            Err(unmailable) => unsent(unmailable),
            Ok(composed) => {
                let kept = MailAttempt {
                    delivery_id: mail.delivery_id,
                    attempt,
                    user_id: self.recipient.map(|recipient| recipient.user_id),
                    recipient: mail.to.clone(),
                    at: now(),
                    position: answer.position,
                    raw: composed.bytes,
                };
                mailbox::send(&self.courier.state, kept).await
            }
        };
        failpoint::pass("mail-handed-over");
        self.end(attempt, &end, false).await
    }

    /// One provider after the other, as long as none can have it.
    async fn over_providers(&self, mail: &Mail) -> Result<u64> {
        let mut tried = Vec::new();
        loop {
            let provider = match self.provider(&tried).await {
                Ok(provider) => provider,
                Err((until, reason)) => return self.defer(until, reason).await,
            };
            let name = self.route.providers.name(provider);
            let Some(answer) = self.command(delivery::Command::Attempt(self.intent(name))).await? else {
                return Ok(*self.courier.writer.head().borrow());
            };
            // Anything else is that it has expired.
            let Outcome::Sending { attempt } = answer.outcome else { return Ok(answer.position) };
            failpoint::pass("provider-intended");
            let end = self.route.providers.send(provider, mail, &|| self.leadership.holds()).await;
            failpoint::pass("provider-handed-over");
            tried.push(provider);
            let next = may_fail_over(&end) && self.route.providers.has_another(&tried);
            let position = self.end(attempt, &end, next).await?;
            if let AttemptEnd::Rejected { address_at_fault: true, .. } = &end {
                self.courier.suppress(&mail.to, self.delivery.user_id, self.delivery.event_id).await?;
            }
            if !next {
                return Ok(position);
            }
        }
    }

    /// Whom to give it to; or when it may be tried again, and why.
    async fn provider(&self, tried: &[ProviderIndex]) -> std::result::Result<ProviderIndex, (Timestamp, &'static str)> {
        let begun = Instant::now();
        loop {
            let at = Instant::now();
            match self.route.providers.choose(at, tried) {
                Choice::Provider(provider) => return Ok(provider),
                Choice::Nobody => {
                    return Err((now().plus_seconds(NO_PROVIDER_REST_SECONDS), "no-provider"));
                }
                Choice::NotBefore(until) if until.saturating_duration_since(begun) > PROVIDER_WAIT_MAX => {
                    let wait = until.saturating_duration_since(at);
                    return Err((now().plus(wait), "provider-rest"));
                }
                Choice::NotBefore(until) => tokio::time::sleep_until(until.into()).await,
            }
        }
    }

    fn intent(&self, provider: &str) -> delivery::Attempt {
        let node = self.courier.settings.node.clone();
        delivery::Attempt { provider: provider.to_owned(), node, epoch: self.epoch, mailing: self.delivery.held_by }
    }

    /// Writes how an attempt ended, for as long as it takes: what is not written is not known.
    async fn end(&self, attempt: u32, end: &AttemptEnd, another: bool) -> Result<u64> {
        let ended = self.ended(end, another);
        let (channel, how) = (self.delivery.channel.name(), ended.name());
        metrics::counter!("letopis_delivery_attempts_total", "channel" => channel, "end" => how).increment(1);
        let mut tries = 1;
        loop {
            let command = delivery::Command::EndAttempt(delivery::EndAttempt { attempt, end: ended.clone() });
            match self.written(command).await {
                Err(error @ Error::Command(_)) if tries < END_TRIES_MAX => {
                    tracing::warn!(error = told(&error), "how an attempt ended is not written yet; it is tried again");
                    tries += 1;
                    tokio::time::sleep(END_PAUSE).await;
                }
                written => return written,
            }
        }
    }

    fn ended(&self, end: &AttemptEnd, another: bool) -> Ended {
        match end {
            AttemptEnd::Accepted { provider_id, detail } => {
                Ended::Accepted { provider_id: provider_id.clone(), detail: detail.clone() }
            }
            AttemptEnd::Unknown(fault) => Ended::Unknown { fault: kept(fault) },
            AttemptEnd::Postponed(fault) => {
                Ended::Postponed { fault: kept(fault), next_provider_at: another.then(now) }
            }
            AttemptEnd::Rejected { fault, .. } if another => {
                Ended::Postponed { fault: kept(fault), next_provider_at: Some(now()) }
            }
            AttemptEnd::Rejected { fault, .. } => Ended::Rejected { fault: kept(fault) },
        }
    }

    /// For a category that can be switched off, and only for one: RFC 8058.
    fn unsubscribe_url(&self) -> Option<String> {
        let key = CategoryKey::parse(&self.delivery.category).ok()?;
        let category = self.courier.settings.categories.get(&key).filter(|category| !category.locked)?;
        let payload = UnsubscribeLink { user_id: self.delivery.user_id, category: category.key.clone() }.to_bytes();
        self.recipient.map(|_| self.courier.link(MailedPurpose::Unsubscribe, &payload))
    }
}

fn kept(fault: &Fault) -> delivery::Fault {
    delivery::Fault { phase: fault.phase.to_owned(), code: fault.code, detail: fault.detail.clone() }
}
