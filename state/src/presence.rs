//! Who is connected: in memory, said again and again by the nodes where they are, and forgotten by itself, so that whoever
//! was at a node that died is gone a little later.

use domain::UserId;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Who is at a node is believed for so long after the node has said so: it says so three times meanwhile.
pub const BELIEVED: Duration = Duration::from_secs(30);

/// Most people who are known to be there; of more nobody is told.
const PEOPLE_MAX: usize = 1_000_000;

/// Who is connected.
#[derive(Debug, Default)]
pub struct Presence {
    /// At which nodes each of them is, and until when that is believed.
    people: HashMap<UserId, Vec<(Uuid, Instant)>>,
}

impl Presence {
    /// Somebody is at a node. Whether they were nowhere before.
    pub fn here(&mut self, user_id: UserId, node: Uuid, now: Instant) -> bool {
        if self.people.len() >= PEOPLE_MAX && !self.people.contains_key(&user_id) {
            return false;
        }
        let nodes = self.people.entry(user_id).or_default();
        let until = now + BELIEVED;
        let is_new = nodes.is_empty();
        match nodes.iter_mut().find(|(known, _)| *known == node) {
            Some((_, known)) => *known = until,
            None => nodes.push((node, until)),
        }
        is_new
    }

    /// Somebody has left a node. Whether they are nowhere now.
    pub fn went(&mut self, user_id: UserId, node: Uuid) -> bool {
        let Some(nodes) = self.people.get_mut(&user_id) else { return false };
        nodes.retain(|(known, _)| *known != node);
        let is_gone = nodes.is_empty();
        if is_gone {
            self.people.remove(&user_id);
        }
        is_gone
    }

    /// Who is nowhere any more, because no node has said so for too long.
    pub fn expired(&mut self, now: Instant) -> Vec<UserId> {
        let mut gone = Vec::new();
        self.people.retain(|user_id, nodes| {
            nodes.retain(|(_, until)| *until > now);
            if nodes.is_empty() {
                gone.push(*user_id);
            }
            !nodes.is_empty()
        });
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_is_there_for_as_long_as_any_node_says_so() {
        let (mut presence, anna, now) = (Presence::default(), UserId(Uuid::from_u128(1)), Instant::now());
        let [one, other] = [1, 2].map(Uuid::from_u128);
        assert!(presence.here(anna, one, now), "she has come");
        assert!(!presence.here(anna, other, now) && !presence.here(anna, one, now), "she was there");
        assert!(!presence.went(anna, one) && presence.went(anna, other), "with the last node she is gone");
        assert!(!presence.went(anna, other), "once");
        assert!(presence.here(anna, one, now));
        assert!(presence.expired(now).is_empty());
        assert!(!presence.here(anna, one, now + BELIEVED / 2), "it is said again");
        assert!(presence.expired(now + BELIEVED).is_empty());
        assert_eq!(presence.expired(now + BELIEVED * 2), [anna], "nobody has said so any more");
        assert!(presence.people.is_empty(), "nothing is kept of her");
    }
}
