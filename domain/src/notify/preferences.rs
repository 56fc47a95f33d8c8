//! What somebody wants to be told and by which channels, and when not. A stream for each user.
//!
//! The time zone of the quiet hours is that of the profile, and is kept nowhere else: setting it here changes the profile,
//! in the same decision. Changing it there is noted here without its value, so that whoever follows preferences (what
//! waits for the end of quiet hours is planned again) and whoever holds an `ETag` of them notices.

use super::category::{Categories, Category, CategoryKey, Channel, named};
use super::quiet::Window;
use crate::id::PreferencesId;
use crate::stored::{self, Empty, StoredParts, Unreadable, Written, sealed};
use crate::text::{TimeZone, Unfit};
use crate::{Decision, Outcome, Personal, Reads, RefusalKind, UserId, user};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a person said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preferences {
    /// At most [`WINDOWS_MAX`].
    pub quiet_hours: Vec<Window>,
    /// Of the categories about which they said something.
    pub categories: BTreeMap<CategoryKey, Choice>,
}

/// Most windows of one person.
pub const WINDOWS_MAX: usize = 28;

/// The channels of one category that a person switched on or off; the others are as by default.
pub type Choice = BTreeMap<Channel, bool>;

impl Preferences {
    /// Whether they are told what is of that category by that channel.
    pub fn allows(&self, category: &Category, channel: Channel) -> bool {
        let default = category.is_on_by_default(channel);
        let chosen = self.categories.get(&category.key).and_then(|choice| choice.get(&channel));
        match chosen {
            Some(wanted) if !category.locked => *wanted && category.has(channel),
            Some(_) | None => default,
        }
    }
}

/// What is known of somebody's preferences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    pub preferences: Preferences,
}

impl State {
    /// Of somebody who never said anything.
    pub const EMPTY: State =
        State { preferences: Preferences { quiet_hours: Vec::new(), categories: BTreeMap::new() } };
}

#[derive(Clone, Debug)]
pub enum Command {
    Set(Set),
    Unsubscribe(Unsubscribe),
}

/// Want all of this, and nothing that was wanted before.
#[derive(Clone, Debug)]
pub struct Set {
    /// At most [`WINDOWS_MAX`].
    pub quiet_hours: Vec<Window>,
    pub categories: Choices,
    /// The zone in which the profile is from now on; none leaves it as it is.
    pub time_zone: Option<TimeZone>,
}

/// Choices that are about categories which can be chosen about.
#[derive(Clone, Debug, Default)]
pub struct Choices(BTreeMap<CategoryKey, Choice>);

/// A key, the channel of it at fault if it is one, and why.
pub type ChoiceFault = (String, Option<Channel>, Unfit);

impl Choices {
    /// Checks what was chosen. Of a locked category nothing is kept: it stays as it is, and is listed as locked.
    ///
    /// # Errors
    /// A category that there is none of, or a channel switched on by which it does not come.
    pub fn new(categories: &Categories, chosen: BTreeMap<String, Choice>) -> Result<Choices, ChoiceFault> {
        let mut kept = BTreeMap::new();
        for (key, choice) in chosen {
            let Some(category) = categories.find(&key) else {
                return Err((key, None, Unfit("is no category; GET /v1/notification-categories lists them")));
            };
            if category.locked || choice.is_empty() {
                continue;
            }
            if let Some((channel, _)) = choice.iter().find(|(channel, wanted)| **wanted && !category.has(**channel)) {
                return Err((key, Some(*channel), Unfit("is no channel of this category")));
            }
            kept.insert(category.key.clone(), choice);
        }
        Ok(Choices(kept))
    }
}

/// Get no mail of one category any more.
#[derive(Clone, Debug)]
pub struct Unsubscribe {
    category: CategoryKey,
    how: How,
}

impl Unsubscribe {
    /// From that category.
    ///
    /// # Errors
    /// [`Refusal::Locked`] when it cannot be switched off.
    pub fn of(category: &Category, how: How) -> Result<Unsubscribe, Refusal> {
        if category.locked { Err(Refusal::Locked) } else { Ok(Unsubscribe { category: category.key.clone(), how }) }
    }
}

named! {
    /// By which way somebody unsubscribed.
    How {
        /// Their mail program did it (RFC 8058).
        OneClick = "one-click",
        /// The page of the mail's link.
        Page = "page",
        /// Somebody did it for them.
        Admin = "admin",
    }
}

impl Command {
    /// What the rules look at beside the preferences, and change with them: the account.
    pub fn reads(&self, id: PreferencesId) -> Reads {
        match self {
            Command::Set(_) | Command::Unsubscribe(_) => Reads { user: Some(id.into()), ..Reads::default() },
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The person said what they want, all of it.
    Set(Preferred),
    /// The person gets no mail of one category any more.
    Unsubscribed(Unsubscribed),
    /// The time zone of the person's profile changed, and with it what quiet hours mean.
    TimeZoneChanged,
}

/// `preferences.set.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preferred {
    #[serde(skip)]
    pub preferences: Personal<Preferences>,
}

/// `preferences.unsubscribed.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsubscribed {
    pub category: CategoryKey,
    pub how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such account, or no more.
    #[error("there is no such user")]
    UserNotFound,
    /// It is more than is kept.
    #[error("there may be at most {WINDOWS_MAX} windows of quiet hours")]
    TooManyWindows,
    /// Nobody can switch it off.
    #[error("this category cannot be switched off")]
    Locked,
}

impl Refusal {
    pub(crate) fn kind(self) -> RefusalKind {
        match self {
            Refusal::UserNotFound => RefusalKind::UserNotFound,
            Refusal::TooManyWindows | Refusal::Locked => RefusalKind::Malformed,
        }
    }
}

/// What is answered: the preferences as they are now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Current {
    pub preferences: Preferences,
    pub time_zone: TimeZone,
}

/// Decides on one person's preferences. `user` is the state of their account.
pub fn decide(id: PreferencesId, state: &State, user: &user::State, command: &Command) -> Result<Decision, Refusal> {
    let account = match user {
        user::State::Open(account) => account,
        user::State::Absent | user::State::Erased => return Err(Refusal::UserNotFound),
    };
    match command {
        Command::Set(command) if command.quiet_hours.len() > WINDOWS_MAX => Err(Refusal::TooManyWindows),
        Command::Set(command) => Ok(set(id, state, account, command)),
        Command::Unsubscribe(Unsubscribe { category, how }) => {
            let off = state.preferences.categories.get(category).and_then(|choice| choice.get(&Channel::Email));
            let unsubscribed = Event::Unsubscribed(Unsubscribed { category: category.clone(), how: *how });
            let facts = if off == Some(&false) { vec![] } else { vec![crate::Event::Preferences(id, unsubscribed)] };
            Ok(Decision::of(facts, Outcome::Done))
        }
    }
}

fn set(id: PreferencesId, state: &State, account: &user::Account, command: &Set) -> Decision {
    let user_id = UserId::from(id);
    let moved = command.time_zone.as_ref().and_then(|zone| user::moved(account, zone));
    let Set { quiet_hours, categories: Choices(categories), time_zone } = command;
    let preferences = Preferences { quiet_hours: quiet_hours.clone(), categories: categories.clone() };
    let noted = if preferences != state.preferences {
        Some(Event::Set(Preferred { preferences: Personal::Known(preferences.clone()) }))
    } else {
        moved.is_some().then_some(Event::TimeZoneChanged)
    };
    let moved = moved.map(|event| crate::Event::User(user_id, event));
    let noted = noted.map(|event| crate::Event::Preferences(id, event));
    let time_zone = time_zone.as_ref().unwrap_or(&account.profile.time_zone).clone();
    let outcome = Outcome::Preferences(Current { preferences, time_zone });
    Decision::of(moved.into_iter().chain(noted).collect(), outcome)
}

/// Folds one fact in.
pub fn evolve(state: &mut State, event: &Event) {
    match event {
        // A person's who is erased further on in the log.
        Event::Set(Preferred { preferences: Personal::Erased }) => *state = State::default(),
        Event::Set(Preferred { preferences: Personal::Known(preferences) }) => {
            state.preferences = preferences.clone();
        }
        Event::Unsubscribed(Unsubscribed { category, .. }) => {
            state.preferences.categories.entry(category.clone()).or_default().insert(Channel::Email, false);
        }
        Event::TimeZoneChanged => {}
    }
}

impl State {
    /// It as JSON; what is personal in it only on request.
    pub(crate) fn to_json(&self, personal: bool) -> Value {
        if personal { json!(self.preferences) } else { json!({"categories": self.preferences.categories.len()}) }
    }
}

impl Event {
    /// The name that it is stored under.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::Set(_) => "preferences.set.v1",
            Event::Unsubscribed(_) => "preferences.unsubscribed.v1",
            Event::TimeZoneChanged => "preferences.time_zone_changed.v1",
        }
    }

    /// Payload, and what is personal with whose it is.
    pub(crate) fn written(&self, id: PreferencesId) -> Written {
        match self {
            Event::Set(event) => (stored::json(event), sealed(id.into(), &event.preferences)),
            Event::Unsubscribed(event) => (stored::json(event), None),
            Event::TimeZoneChanged => ("{}".to_owned(), None),
        }
    }

    /// Reads one of these events back.
    pub(crate) fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        Ok(match parts.name {
            "preferences.set.v1" => {
                let Empty {} = parts.payload()?;
                Event::Set(Preferred { preferences: parts.personal()? })
            }
            "preferences.unsubscribed.v1" => Event::Unsubscribed(parts.payload()?),
            "preferences.time_zone_changed.v1" => {
                let Empty {} = parts.payload()?;
                Event::TimeZoneChanged
            }
            _ => return Err(parts.unknown()),
        })
    }
}

#[cfg(test)]
mod tests;
