use super::*;
use crate::models::sessions;
use domain::session::{self, Ended};
use domain::{Event, SessionId, Timestamp, chat, user};
use proptest::prelude::*;
use std::collections::BTreeMap;
use store::follower::UnreadableEvent;
use uuid::Uuid;

const ANNA: UserId = UserId(Uuid::from_u128(1));
const BORIS: UserId = UserId(Uuid::from_u128(2));

fn token(number: u8) -> TokenHash {
    TokenHash([number; 32])
}

fn cache() -> Cache<u8> {
    Cache::new(ProjectionId::Sessions, sessions::ends, 1, Mark::default())
}

fn at(position: u64) -> Stamp {
    Stamp { generation: 1, mark: mark(position) }
}

/// Of the one history that there is.
fn mark(position: u64) -> Mark {
    Mark { position, hash: hash(position) }
}

fn hash(position: u64) -> [u8; 32] {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&position.to_be_bytes());
    hash
}

fn head(position: u64) -> Head {
    Head { position, hash: hash(position), recorded_at: Timestamp(1) }
}

fn fact(position: u64, event: Event) -> Fact {
    let id = Uuid::from_u128(u128::from(position));
    Fact { position, version: 1, id, recorded_at: Timestamp(1), event, hash: hash(position) }
}

fn end_of(position: u64, who: UserId) -> Fact {
    fact(position, Event::Session(SessionId(Uuid::from_u128(9)), session::Event::Ended(Ended { user_id: who })))
}

fn nothing(position: u64) -> Fact {
    fact(position, Event::User(ANNA, user::Event::TokensRevoked))
}

fn page(facts: impl IntoIterator<Item = Fact>) -> Page {
    let facts = Vec::from_iter(facts);
    Page { after: mark(facts[0].position - 1), facts, unreadable: None }
}

#[test]
fn an_end_drops_what_is_kept_of_its_user_and_of_nobody_else() {
    let ends = [
        end_of(1, ANNA),
        fact(1, Event::User(ANNA, user::Event::SessionsEnded(user::SessionsEnded { keep: None }))),
        fact(1, Event::User(ANNA, user::Event::Erased)),
    ];
    for end in ends {
        let cache = cache();
        cache.put(token(1), ANNA, at(0), 1);
        cache.put(token(2), BORIS, at(0), 2);
        assert_eq!(cache.get(&token(1), 0), Some(1));
        cache.heed(&page([end])).unwrap();
        assert_eq!((cache.get(&token(1), 0), cache.get(&token(2), 0)), (None, Some(2)));
        assert_eq!((cache.ended(ANNA), cache.ended(BORIS)), (1, 0));
        cache.put(token(1), ANNA, at(1), 3);
        assert_eq!(cache.get(&token(1), 1), Some(3), "read after the end: it was another's end, or he was kept");
    }
}

#[test]
fn what_was_read_before_an_end_and_comes_after_it_does_not_count() {
    let cache = cache();
    let stamp = at(0);
    cache.heed(&page([end_of(1, ANNA)])).unwrap();
    cache.put(token(1), ANNA, stamp, 1);
    assert_eq!(cache.get(&token(1), 0), None);
    assert!(!cache.vouches(ANNA, stamp, 0) && cache.vouches(BORIS, stamp, 0) && cache.vouches(ANNA, at(1), 0));
}

#[test]
fn what_ended_before_the_process_began_is_not_known_to_have_gone_on() {
    let cache = Cache::new(ProjectionId::Sessions, sessions::ends, 1, mark(7));
    cache.put(token(1), ANNA, at(6), 1);
    cache.put(token(2), ANNA, at(7), 2);
    assert_eq!((cache.get(&token(1), 0), cache.get(&token(2), 0)), (None, Some(2)));
}

#[test]
fn nothing_counts_at_a_position_that_was_not_followed_yet() {
    let cache = cache();
    cache.put(token(1), ANNA, at(0), 1);
    assert_eq!((cache.get(&token(1), 1), cache.get(&token(1), 0)), (None, Some(1)));
    cache.heed(&page([nothing(1)])).unwrap();
    assert_eq!(cache.get(&token(1), 1), Some(1));
    // What another node has kept of a position that this one has not seen, or that was lost with a log.
    assert!(!cache.vouches(ANNA, at(2), 0));
}

#[test]
fn a_stretch_that_begins_further_on_changes_nothing_and_a_known_one_nothing_twice() {
    let cache = cache();
    cache.heed(&page([end_of(2, ANNA)])).unwrap();
    assert_eq!((cache.followed().position, cache.ended(ANNA)), (0, 0), "there is one between that may end something");
    cache.heed(&page([nothing(1), end_of(2, ANNA), nothing(3)])).unwrap();
    cache.heed(&page([nothing(1), nothing(2)])).unwrap();
    assert_eq!((cache.followed().position, cache.ended(ANNA)), (3, 2));
}

#[test]
fn another_generation_knows_nothing_of_the_one_before() {
    let cache = cache();
    let stamp = Stamp { generation: cache.generation(), mark: mark(0) };
    cache.put(token(1), ANNA, stamp, 1);
    cache.switched(2);
    assert_eq!(cache.get(&token(1), 0), None);
    cache.put(token(2), ANNA, stamp, 2);
    assert_eq!(cache.get(&token(2), 0), None, "it was read from the generation before");
    cache.put(token(2), ANNA, Stamp { generation: 2, mark: mark(0) }, 2);
    assert_eq!(cache.get(&token(2), 0), Some(2));
}

#[test]
fn an_event_that_nobody_can_read_may_be_an_end() {
    let of = |name: &str| {
        let cache = cache();
        cache.put(token(1), ANNA, at(0), 1);
        let source = domain::Unreadable::UnknownName(name.to_owned());
        let unreadable = Some(UnreadableEvent::of(mark(1), store::Error::Unreadable { position: 1, source }).unwrap());
        cache.heed(&Page { after: mark(0), facts: Vec::new(), unreadable }).unwrap();
        assert_eq!(cache.followed(), mark(1));
        cache.get(&token(1), 1)
    };
    assert_eq!(of("session.frozen.v1"), None);
    assert_eq!(of("user.banned.v1"), None);
    assert_eq!(of("moon.risen.v1"), None);
    assert_eq!(of("message.sung.v1"), Some(1));
}

#[test]
fn beside_other_nodes_a_log_that_cannot_be_read_is_not_trusted_for_long() {
    let cache = cache().of_many_nodes();
    cache.put(token(1), ANNA, at(0), 1);
    let now = Instant::now();
    assert_eq!(cache.get_at(&token(1), 0, now), None, "nobody has looked yet");
    cache.saw(head(1), now).unwrap();
    assert_eq!(cache.get_at(&token(1), 0, now), None, "it has not followed to where the log ends");
    cache.saw(head(0), now).unwrap();
    assert_eq!(cache.get_at(&token(1), 0, now + TRUSTED), Some(1));
    assert_eq!(cache.get_at(&token(1), 0, now + TRUSTED + Duration::from_millis(1)), None);
    let alone = Cache::new(ProjectionId::Sessions, sessions::ends, 1, Mark::default());
    alone.put(token(1), ANNA, at(0), 1);
    assert_eq!(alone.get_at(&token(1), 0, now + TRUSTED * 2), Some(1), "who is alone knows of every end");
}

#[test]
fn it_keeps_no_more_than_it_may_and_what_is_asked_for_longest() {
    let cache = cache();
    let of = |number: usize| {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&number.to_be_bytes());
        TokenHash(hash)
    };
    for number in 0..KEPT_MAX * 3 {
        cache.put(of(number), ANNA, at(0), 1);
        assert_eq!(cache.get(&of(0), 0), Some(1), "{number}");
    }
    let state = cache.lock();
    let kept = state.young.len() + state.old.len();
    assert!((KEPT_MAX / 2..=KEPT_MAX).contains(&kept), "{kept}");
}

/// What may happen, in any order: to the log, to the read model that follows it, to the cache that follows it as
/// well, and to somebody who reads the one and fills the other.
#[derive(Clone, Copy, Debug)]
enum Step {
    SignIn(u8, bool),
    End(u8),
    EndAll(bool),
    Other,
    ModelFollows,
    CacheFollows,
    Read(u8),
    Fill(usize),
    Rebuild,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..4_u8, any::<bool>()).prop_map(|(session, user)| Step::SignIn(session, user)),
        2 => (0..4_u8).prop_map(Step::End),
        1 => any::<bool>().prop_map(Step::EndAll),
        1 => Just(Step::Other),
        4 => Just(Step::ModelFollows),
        4 => Just(Step::CacheFollows),
        6 => (0..4_u8).prop_map(Step::Read),
        4 => any::<prop::sample::Index>().prop_map(|index| Step::Fill(index.index(8))),
        1 => Just(Step::Rebuild),
    ]
}

fn user(second: bool) -> UserId {
    if second { BORIS } else { ANNA }
}

#[derive(Default)]
struct World {
    log: Vec<Fact>,
    /// What goes on after each fact: by session, whose.
    open: Vec<BTreeMap<u8, bool>>,
    /// Where the read model is.
    model: usize,
    /// What was read and not put into the cache yet.
    readings: Vec<(u8, bool, Stamp)>,
}

impl World {
    fn after(&self, position: usize) -> BTreeMap<u8, bool> {
        position.checked_sub(1).map_or_else(BTreeMap::new, |last| self.open[last].clone())
    }

    fn append(&mut self, event: impl FnOnce(u64) -> Fact, change: impl FnOnce(&mut BTreeMap<u8, bool>)) {
        let mut open = self.after(self.log.len());
        change(&mut open);
        self.log.push(event(self.log.len() as u64 + 1));
        self.open.push(open);
    }

    fn take(&mut self, cache: &Cache<u8>, step: Step) {
        let open = self.after(self.log.len());
        match step {
            // A token is never used for two sessions.
            Step::SignIn(session, _) if self.open.iter().any(|open| open.contains_key(&session)) => {}
            Step::SignIn(session, who) => self.append(nothing, |open| open.extend([(session, who)])),
            Step::End(session) => {
                let Some(who) = open.get(&session) else { return };
                self.append(|position| end_of(position, user(*who)), |open| open.retain(|open, _| *open != session));
            }
            Step::EndAll(who) => {
                let ended = Event::User(user(who), user::Event::SessionsEnded(user::SessionsEnded { keep: None }));
                let ended = |position| fact(position, ended);
                self.append(ended, |open| open.retain(|_, owner| *owner != who));
            }
            Step::Other => self.append(
                |position| {
                    let gone = chat::Event::MemberLeft(chat::MemberLeft { user_id: ANNA });
                    fact(position, Event::Chat(domain::ChatId(Uuid::nil()), gone))
                },
                |_| {},
            ),
            Step::ModelFollows => self.model = (self.model + 1).min(self.log.len()),
            Step::CacheFollows => {
                let followed = usize::try_from(cache.followed().position).unwrap();
                if let Some(fact) = self.log.get(followed) {
                    cache.heed(&page([fact.clone()])).unwrap();
                }
            }
            Step::Read(session) => {
                let stamp = Stamp { generation: cache.generation(), mark: mark(self.model as u64) };
                if let Some(who) = self.after(self.model).get(&session) {
                    self.readings.push((session, *who, stamp));
                }
            }
            Step::Fill(which) if which < self.readings.len() => {
                let (session, who, stamp) = self.readings.swap_remove(which);
                cache.put(token(session), user(who), stamp, session);
            }
            Step::Fill(_) => {}
            Step::Rebuild => {
                self.model = self.log.len();
                cache.switched(cache.generation() + 1);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens in whatever order, no session counts that has ended where the cache has followed to; and one
    /// that goes on counts as soon as everybody has caught up and it was read.
    #[test]
    fn no_order_of_events_brings_a_session_back_or_loses_one(steps in prop::collection::vec(step(), 1..80)) {
        let (cache, mut world) = (cache(), World::default());
        for step in steps {
            world.take(&cache, step);
            let followed = usize::try_from(cache.followed().position).unwrap();
            let (open, before) = (world.after(followed), &world.open[..followed]);
            for session in 0..4 {
                let ended = !open.contains_key(&session) && before.iter().any(|open| open.contains_key(&session));
                let found = cache.get(&token(session), cache.followed().position);
                prop_assert!(found.is_none_or(|found| found == session && !ended), "{step:?} {session}");
            }
        }
        while cache.followed().position < world.log.len() as u64 {
            world.take(&cache, Step::CacheFollows);
        }
        world.model = world.log.len();
        world.readings.clear();
        for (session, _) in world.after(world.model) {
            world.take(&cache, Step::Read(session));
            world.take(&cache, Step::Fill(0));
            prop_assert_eq!(cache.get(&token(session), world.log.len() as u64), Some(session));
        }
    }
}
