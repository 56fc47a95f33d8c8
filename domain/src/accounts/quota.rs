//! What a user has of what there is a limit for: which service tokens count. A stream for each user, so that a limit is
//! decided where everything is decided, one command after the other, on whichever node it was asked.
//!
//! Earlier releases counted nothing. The tokens of their time are adopted with the first one that is created since:
//! that command says which a read model knows, and what was released before is left out.

use crate::stored::{self, Empty, StoredParts, Unreadable, Written};
use crate::{RefusalKind, Timestamp, TokenId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Most service tokens that one user has at once; what has expired does not count.
pub const TOKENS_MAX: usize = 100;

/// What counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Whether the tokens of earlier releases are among those that are counted.
    pub adopted: bool,
    /// The tokens that count, and when each ends; none when it does not by itself. What has expired goes with the next
    /// one that is counted.
    pub tokens: BTreeMap<TokenId, Option<Timestamp>>,
    /// Tokens that were released before any was adopted.
    pub released: BTreeSet<TokenId>,
}

/// What happens to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Tokens of earlier releases count from now on.
    TokensAdopted(TokensAdopted),
    /// One more token counts.
    TokenCounted(TokenCounted),
    /// A token counts no more.
    TokenReleased(TokenReleased),
    /// No token counts any more.
    TokensCleared,
}

/// `quota.tokens_adopted.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokensAdopted {
    /// Each of them; fewer than [`TOKENS_MAX`].
    pub tokens: Vec<HeldToken>,
}

/// A token that lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldToken {
    /// Its id.
    pub token_id: TokenId,
    /// When it ends; none when it does not by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// `quota.token_counted.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenCounted {
    /// The token.
    pub token_id: TokenId,
    /// When it was created.
    pub at: Timestamp,
    /// When it ends; none when it does not by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// `quota.token_released.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenReleased {
    /// The token.
    pub token_id: TokenId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The user has as many tokens as one may have.
    #[error("you have {TOKENS_MAX} service tokens; revoke one that is no longer used")]
    TooManyTokens,
    /// The tokens of earlier releases were never counted, and the command does not say which there are.
    #[error("it is not known yet how many tokens this user has")]
    NotAdopted,
}

impl Refusal {
    pub(crate) fn kind(self) -> RefusalKind {
        match self {
            Refusal::TooManyTokens => RefusalKind::TooManyTokens,
            Refusal::NotAdopted => RefusalKind::Incomplete,
        }
    }
}

/// Counts one more token. `held` are those that a read model knows; they are looked at until some were adopted.
pub(crate) fn count(state: &State, token: TokenCounted, held: Option<&[HeldToken]>) -> Result<Vec<Event>, Refusal> {
    let lives = |expires_at: &Option<Timestamp>| expires_at.is_none_or(|end| end > token.at);
    if state.adopted {
        if state.tokens.values().filter(|expires_at| lives(expires_at)).count() >= TOKENS_MAX {
            return Err(Refusal::TooManyTokens);
        }
        return Ok(vec![Event::TokenCounted(token)]);
    }
    let held = held.ok_or(Refusal::NotAdopted)?;
    let fresh = |held: &&HeldToken| lives(&held.expires_at) && !state.released.contains(&held.token_id);
    let tokens = held.iter().filter(fresh).copied().collect::<Vec<_>>();
    if tokens.len() >= TOKENS_MAX {
        return Err(Refusal::TooManyTokens);
    }
    Ok(vec![Event::TokensAdopted(TokensAdopted { tokens }), Event::TokenCounted(token)])
}

/// Counts a token no more: nothing happens when it does not count.
pub(crate) fn release(state: &State, token_id: TokenId) -> Option<Event> {
    let counts = if state.adopted { state.tokens.contains_key(&token_id) } else { !state.released.contains(&token_id) };
    counts.then_some(Event::TokenReleased(TokenReleased { token_id }))
}

/// Folds one fact in.
pub fn evolve(state: &mut State, event: &Event) {
    match event {
        Event::TokensAdopted(TokensAdopted { tokens }) => {
            state.adopted = true;
            state.released.clear();
            state.tokens.extend(tokens.iter().map(|held| (held.token_id, held.expires_at)));
        }
        Event::TokenCounted(TokenCounted { token_id, at, expires_at }) => {
            state.tokens.retain(|_, expires_at| expires_at.is_none_or(|end| end > *at));
            state.tokens.insert(*token_id, *expires_at);
        }
        Event::TokenReleased(TokenReleased { token_id }) => {
            state.tokens.remove(token_id);
            if !state.adopted {
                state.released.insert(*token_id);
            }
        }
        // Those of earlier releases ended as well.
        Event::TokensCleared => *state = State { adopted: true, ..State::default() },
    }
}

impl State {
    /// Before the first fact.
    pub const EMPTY: State = State { adopted: false, tokens: BTreeMap::new(), released: BTreeSet::new() };

    /// It as JSON.
    pub(crate) fn to_json(&self) -> Value {
        json!({"adopted": self.adopted, "tokens": self.tokens, "released": self.released})
    }
}

impl Event {
    /// The name that it is stored under.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::TokensAdopted(_) => "quota.tokens_adopted.v1",
            Event::TokenCounted(_) => "quota.token_counted.v1",
            Event::TokenReleased(_) => "quota.token_released.v1",
            Event::TokensCleared => "quota.tokens_cleared.v1",
        }
    }

    /// Payload, and what is personal with whose it is.
    pub(crate) fn written(&self) -> Written {
        match self {
            Event::TokensAdopted(event) => (stored::json(event), None),
            Event::TokenCounted(event) => (stored::json(event), None),
            Event::TokenReleased(event) => (stored::json(event), None),
            Event::TokensCleared => ("{}".to_owned(), None),
        }
    }

    /// Reads one of these events back.
    pub(crate) fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        Ok(match parts.name {
            "quota.tokens_adopted.v1" => Event::TokensAdopted(parts.payload()?),
            "quota.token_counted.v1" => Event::TokenCounted(parts.payload()?),
            "quota.token_released.v1" => Event::TokenReleased(parts.payload()?),
            "quota.tokens_cleared.v1" => {
                let Empty {} = parts.payload()?;
                Event::TokensCleared
            }
            _ => return Err(parts.unknown()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const NOON: Timestamp = Timestamp(1_800_000_000_000_000);

    fn id(number: u128) -> TokenId {
        TokenId(Uuid::from_u128(number))
    }

    fn counted(number: u128, at: Timestamp, expires_at: Option<Timestamp>) -> TokenCounted {
        TokenCounted { token_id: id(number), at, expires_at }
    }

    fn held(numbers: impl IntoIterator<Item = u128>) -> Vec<HeldToken> {
        numbers.into_iter().map(|number| HeldToken { token_id: id(number), expires_at: None }).collect()
    }

    fn adopted(numbers: impl IntoIterator<Item = u128>) -> Event {
        Event::TokensAdopted(TokensAdopted { tokens: held(numbers) })
    }

    fn released(number: u128) -> Event {
        Event::TokenReleased(TokenReleased { token_id: id(number) })
    }

    fn one_more(number: u128) -> Event {
        Event::TokenCounted(counted(number, NOON, None))
    }

    fn folded(given: &[Event]) -> State {
        let mut state = State::default();
        given.iter().for_each(|event| evolve(&mut state, event));
        state
    }

    /// Given these facts, when one more token that does not end is counted at noon, this follows.
    #[track_caller]
    fn check(given: &[Event], held: Option<&[HeldToken]>, then: Result<Vec<Event>, Refusal>) {
        assert_eq!(count(&folded(given), counted(1_000, NOON, None), held), then);
    }

    #[test]
    fn the_first_token_adopts_those_of_earlier_releases() {
        check(&[], None, Err(Refusal::NotAdopted));
        check(&[], Some(&[]), Ok(vec![adopted([]), one_more(1_000)]));
        check(&[], Some(&held([1, 2])), Ok(vec![adopted([1, 2]), one_more(1_000)]));
    }

    #[test]
    fn what_a_read_model_knows_is_looked_at_once() {
        check(&[adopted([1])], None, Ok(vec![one_more(1_000)]));
        check(&[adopted([1])], Some(&held(2..200)), Ok(vec![one_more(1_000)]));
        check(&[Event::TokensCleared], Some(&held(2..200)), Ok(vec![one_more(1_000)]));
    }

    #[test]
    fn what_was_released_before_the_adoption_is_not_adopted_by_a_read_model_that_lags() {
        check(&[released(1)], None, Err(Refusal::NotAdopted));
        check(&[released(1)], Some(&held([1, 2])), Ok(vec![adopted([2]), one_more(1_000)]));
        let full = held(1..=100);
        check(&[], Some(&full), Err(Refusal::TooManyTokens));
        check(&[released(7)], Some(&full), Ok(vec![adopted((1..=100).filter(|id| *id != 7)), one_more(1_000)]));
    }

    #[test]
    fn there_are_a_hundred_and_no_more() {
        let full = (0..99).map(one_more).fold(vec![adopted([500])], |mut all, event| {
            all.push(event);
            all
        });
        check(&full[..99], None, Ok(vec![one_more(1_000)]));
        check(&full, None, Err(Refusal::TooManyTokens));
        let less = [full.clone(), vec![released(500)]].concat();
        check(&less, None, Ok(vec![one_more(1_000)]));
        check(&[full, vec![Event::TokensCleared]].concat(), None, Ok(vec![one_more(1_000)]));
    }

    #[test]
    fn what_has_expired_does_not_count_and_is_not_kept() {
        let before = NOON.plus_seconds(-60);
        let short = |number| Event::TokenCounted(counted(number, before, Some(NOON)));
        let full = (0..100).map(short).fold(vec![adopted([])], |mut all, event| {
            all.push(event);
            all
        });
        assert_eq!(count(&folded(&full), counted(1_000, before, None), None), Err(Refusal::TooManyTokens));
        check(&full, None, Ok(vec![one_more(1_000)]));
        let after = folded(&[full, vec![one_more(1_000)]].concat());
        assert_eq!(after.tokens.into_keys().collect::<Vec<_>>(), [id(1_000)]);
        let expired = [HeldToken { token_id: id(1), expires_at: Some(NOON) }];
        check(&[], Some(&expired), Ok(vec![adopted([]), one_more(1_000)]));
    }

    #[test]
    fn the_same_wish_twice_writes_nothing_the_second_time() {
        assert_eq!(release(&folded(&[]), id(1)), Some(released(1)));
        assert_eq!(release(&folded(&[released(1)]), id(1)), None);
        assert_eq!(release(&folded(&[adopted([1])]), id(1)), Some(released(1)));
        assert_eq!(release(&folded(&[adopted([1]), released(1)]), id(1)), None);
        assert_eq!(release(&folded(&[adopted([1])]), id(2)), None);
    }
}
