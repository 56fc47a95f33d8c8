//! What I want to be told, by which channels, and when not; and which categories there are.

use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::Caller;
use crate::error::{Code, Error};
use crate::http::body::{Body, escape};
use crate::http::conditional::tag;
use crate::http::context::CommandContext;
use crate::http::params::Params;
use crate::http::reply::{read, read_one, written};
use axum::extract::State;
use axum::http::header::{ACCEPT_LANGUAGE, ETAG};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::notify::preferences::{self, Choice, Choices, WINDOWS_MAX};
use domain::notify::quiet::{Day, Window};
use domain::notify::{Categories, Category, Channel, Kind, Language, Preferences, QuietRule, Semantics, Throttle};
use domain::text::TimeZone;
use domain::{Command, Outcome, UserId};
use projections::ProjectionId;
use projections::recipients::{self, Recipient};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::sql::Database;
use utoipa::ToSchema;
use utoipa::openapi::{Array, ArrayBuilder, Ref};
use utoipa_axum::routes;

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(routes!(mine), Spec::caller().tagged())
        .add(routes!(set), Spec::caller())
        .add(routes!(categories), Spec::caller())
}

/// All that is wanted: what is left out is as by default.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PreferencesChange, example = json!({
    "quiet_hours": [{"days": ["fri", "sat"], "from": "22:00", "to": "07:00"}],
    "time_zone": "Europe/Berlin",
    "categories": {"messages": {"email": false}},
}))]
pub(super) struct SetPreferences {
    /// At most 28; without it there are none.
    #[serde(default)]
    #[schema(max_items = 28)]
    quiet_hours: Vec<QuietHours>,
    /// An IANA name like `Europe/Berlin`: that of your profile. Without it your profile stays as it is.
    time_zone: Option<String>,
    /// By the keys of categories.
    #[serde(default)]
    categories: BTreeMap<String, Channels>,
}

/// A window of local time in which what may wait does.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"days": ["fri", "sat"], "from": "22:00", "to": "07:00"}))]
struct QuietHours {
    /// The days on which it begins, each once.
    #[schema(schema_with = days)]
    days: Vec<String>,
    /// A local time like `22:00`.
    from: String,
    /// The local time when quiet hours end, up to `24:00`. A time that is not later than `from` is on the next day.
    to: String,
}

fn days() -> Array {
    let day = Ref::from_schema_name("Day");
    ArrayBuilder::new().items(day).min_items(Some(1)).max_items(Some(Day::ALL.len())).unique_items(true).build()
}

/// Which channels are on; a channel that is left out keeps its default.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChannelChoice, example = json!({"email": false, "inbox": true}))]
struct Channels {
    email: Option<bool>,
    inbox: Option<bool>,
    live: Option<bool>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Preferences)]
struct MyPreferences {
    quiet_hours: Vec<QuietHours>,
    /// That of your profile.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
    /// Of every category which channels are on, by its key.
    categories: BTreeMap<String, ChannelsOn>,
    /// The keys of the categories that cannot be switched off.
    #[schema(example = json!(["security", "account"]))]
    locked: Vec<String>,
    /// After a write: the log position of the last event written.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<u64>,
}

/// Which channels are on.
#[derive(Serialize, ToSchema)]
struct ChannelsOn {
    email: bool,
    inbox: bool,
    live: bool,
}

#[derive(Serialize, ToSchema)]
struct NotificationCategories {
    categories: Vec<NotificationCategory>,
}

#[derive(Serialize, ToSchema)]
struct NotificationCategory {
    #[schema(example = "messages")]
    key: String,
    #[schema(schema_with = kind)]
    kind: Kind,
    /// In your language.
    #[schema(example = "Messages")]
    title: String,
    /// In your language.
    description: String,
    /// By which it can reach you.
    #[schema(schema_with = channels)]
    channels: Vec<Channel>,
    /// Those of them that are on until you switch them off.
    #[schema(schema_with = channels)]
    default_channels: Vec<Channel>,
    /// Whether it cannot be switched off.
    locked: bool,
    /// Whether it waits for the end of your quiet hours (`defer`) or not (`bypass`).
    #[schema(schema_with = quiet_rule)]
    quiet_hours: QuietRule,
    /// How many seconds it may still be sent.
    expires_in: u32,
    /// What happens when it cannot be known whether a message was sent: it is sent once more (`at-least-once`), or not
    /// (`at-most-once`).
    #[schema(schema_with = semantics)]
    semantics: Semantics,
    /// Absent when there is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    throttle: Option<Limit>,
}

/// How many of one category you get over one channel in a number of seconds.
#[derive(Serialize, ToSchema)]
#[schema(as = NotificationThrottle)]
struct Limit {
    count: u32,
    seconds: u32,
}

impl From<Throttle> for Limit {
    fn from(Throttle { count, seconds }: Throttle) -> Limit {
        Limit { count, seconds }
    }
}

fn kind() -> Ref {
    Ref::from_schema_name("NotificationKind")
}

fn quiet_rule() -> Ref {
    Ref::from_schema_name("QuietRule")
}

fn semantics() -> Ref {
    Ref::from_schema_name("DeliverySemantics")
}

fn channels() -> Array {
    ArrayBuilder::new().items(Ref::from_schema_name("NotificationChannel")).unique_items(true).build()
}

/// Read my preferences
#[utoipa::path(get, path = "/v1/me/preferences", operation_id = "readMyPreferences", tag = "notifications",
    responses((status = 200, body = MyPreferences, description = "Your preferences.")))]
async fn mine(State(app): State<App>, caller: Caller, params: Params) -> Result<Response, Error> {
    let reading = app.read(ProjectionId::Recipients, params.min_position).await?;
    let me = me(&reading.database, caller.user_id).await?;
    let shown = shown(&app.settings.categories, &me.preferences, me.time_zone, None);
    Ok(read_one(reading.position, tag(me.preferences_version), shown))
}

/// Set my preferences
///
/// Replaces all of them: a category that is left out gets its default. What cannot be switched off stays on, and is
/// listed in `locked`. The time zone is the one in your profile, which changes with it.
#[utoipa::path(put, path = "/v1/me/preferences", operation_id = "setMyPreferences", tag = "notifications",
    request_body = SetPreferences,
    responses((status = 200, body = MyPreferences, description = "Your preferences as they are now.")))]
async fn set(
    State(app): State<App>,
    caller: Caller,
    context: CommandContext,
    Body(body): Body<SetPreferences>,
) -> Result<Response, Error> {
    let categories = &app.settings.categories;
    let wanted = preferences::Command::Set(preferences::Set {
        quiet_hours: quiet_hours(&body.quiet_hours)?,
        categories: choices(categories, body.categories)?,
        time_zone: body.time_zone.as_deref().map(zone).transpose()?,
    });
    let command = Command::Preferences(caller.user_id.into(), wanted);
    let answer = app.send(&caller, &context, command).await?;
    let Outcome::Preferences(now) = &answer.outcome else {
        return Err(Error::other_answer());
    };
    let time_zone = now.time_zone.as_str().to_owned();
    let mut response =
        written(StatusCode::OK, &answer, shown(categories, &now.preferences, time_zone, Some(answer.position)));
    // Of who never said anything else than the defaults the version is 0, as a read tells it.
    response.headers_mut().insert(ETAG, tag(answer.version));
    Ok(response)
}

/// List categories
///
/// The categories of notifications, in your language.
#[utoipa::path(get, path = "/v1/notification-categories", operation_id = "listNotificationCategories",
    tag = "notifications",
    responses((status = 200, body = NotificationCategories, description = "Every category.")))]
async fn categories(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Error> {
    let reading = app.read(ProjectionId::Recipients, params.min_position).await?;
    let me = me(&reading.database, caller.user_id).await?;
    let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let language = Language::of_tag(&me.locale).or_else(|| Language::of_accept_language(accepted?));
    let language = language.unwrap_or_default();
    let categories = app.settings.categories.iter().map(|category| described(category, language)).collect();
    Ok(read(reading.position, NotificationCategories { categories }))
}

async fn me(db: &Database, user_id: UserId) -> Result<Recipient, Error> {
    let gone = || Error::new(Code::InvalidSession, "there is no such session; log in again");
    recipients::by_id(db, user_id).await?.ok_or_else(gone)
}

fn quiet_hours(windows: &[QuietHours]) -> Result<Vec<Window>, Error> {
    if windows.len() > WINDOWS_MAX {
        return Err(Error::bad("quiet_hours", preferences::Refusal::TooManyWindows));
    }
    let parsed = windows.iter().enumerate().map(|(number, QuietHours { days, from, to })| {
        Window::parse(days.iter().map(String::as_str), from, to).map_err(|(field, entry, unfit)| {
            let entry = entry.map(|entry| format!("/{entry}")).unwrap_or_default();
            Error::bad(&format!("quiet_hours/{number}/{field}{entry}"), unfit)
        })
    });
    parsed.collect()
}

fn choices(categories: &Categories, chosen: BTreeMap<String, Channels>) -> Result<Choices, Error> {
    let chosen = chosen.into_iter().map(|(key, Channels { email, inbox, live })| {
        let said = [(Channel::Email, email), (Channel::Inbox, inbox), (Channel::Live, live)];
        let choice = said.into_iter().filter_map(|(channel, wanted)| Some((channel, wanted?)));
        (key, choice.collect::<Choice>())
    });
    Choices::new(categories, chosen.collect()).map_err(|(key, channel, unfit)| {
        let channel = channel.map(|channel| format!("/{}", channel.name())).unwrap_or_default();
        Error::bad(&format!("categories/{}{channel}", escape(&key)), unfit)
    })
}

fn zone(text: &str) -> Result<TimeZone, Error> {
    TimeZone::existing(text).map_err(|unfit| Error::bad("time_zone", unfit))
}

fn shown(
    categories: &Categories,
    preferences: &Preferences,
    time_zone: String,
    position: Option<u64>,
) -> MyPreferences {
    let on = |category: &Category| ChannelsOn {
        email: preferences.allows(category, Channel::Email),
        inbox: preferences.allows(category, Channel::Inbox),
        live: preferences.allows(category, Channel::Live),
    };
    let key = |category: &Category| category.key.as_str().to_owned();
    let windows = preferences.quiet_hours.iter().map(|window| QuietHours {
        days: window.days.iter().map(|day| day.name().to_owned()).collect(),
        from: window.from.to_string(),
        to: window.to.to_string(),
    });
    MyPreferences {
        quiet_hours: windows.collect(),
        time_zone,
        categories: categories.iter().map(|category| (key(category), on(category))).collect(),
        locked: categories.iter().filter(|category| category.locked).map(key).collect(),
        position,
    }
}

fn described(category: &Category, language: Language) -> NotificationCategory {
    NotificationCategory {
        key: category.key.as_str().to_owned(),
        kind: category.kind,
        title: category.title.in_language(language).to_owned(),
        description: category.description.in_language(language).to_owned(),
        channels: category.channels.clone(),
        default_channels: category.default_on.clone(),
        locked: category.locked,
        quiet_hours: category.quiet,
        expires_in: category.expires_in,
        semantics: category.semantics,
        throttle: category.throttle.map(Limit::from),
    }
}
