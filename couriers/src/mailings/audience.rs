//! Whom a mailing is for: people to whom all of it applies.

use domain::mailing::Audience;
use domain::{Timestamp, UserId};
use projections::recipients::{self, Recipient};
use std::collections::HashSet;
use store::sql::Database;

/// The audience of one run.
pub(super) struct Crowd {
    pub(super) audience: Audience,
    /// Those of an audience that names them, in order.
    pub(super) named: Vec<UserId>,
    /// Who signed up later is not in it.
    pub(super) until: Timestamp,
    /// Who was there since the audience says, by what is kept of sessions and tokens.
    pub(super) active: HashSet<UserId>,
}

/// Some of an audience, by their ids.
pub(super) struct Page {
    pub(super) people: Vec<Recipient>,
    /// Those who are named and have no account any more.
    pub(super) missing: Vec<UserId>,
    /// Behind whom the next page begins.
    pub(super) after: Option<UserId>,
    pub(super) is_last: bool,
}

impl Crowd {
    /// Looks at the next `limit` people; fewer of them are in the audience.
    pub(super) async fn page(&self, db: &Database, after: Option<UserId>, limit: usize) -> Result<Page, store::Error> {
        let limit = limit.min(recipients::IDS_MAX);
        if self.audience.named {
            let from = after.map_or(0, |after| self.named.partition_point(|one| *one <= after));
            let ids = &self.named[from..self.named.len().min(from + limit)];
            let mut people = recipients::by_ids(db, ids).await?;
            let is_there = |id: &&UserId| people.binary_search_by_key(*id, |one| one.user_id).is_ok();
            let missing = ids.iter().filter(|id| !is_there(id)).copied().collect();
            let is_member = match self.audience.chat_id {
                Some(chat_id) => Some(recipients::which_in_chat(db, chat_id, ids).await?),
                None => None,
            };
            people
                .retain(|one| self.has(one) && is_member.as_ref().is_none_or(|members| members.contains(&one.user_id)));
            let (after, is_last) = (ids.last().copied().or(after), from + ids.len() == self.named.len());
            return Ok(Page { people, missing, after, is_last });
        }
        let of = match (self.audience.chat_id, self.audience.role) {
            (Some(chat_id), _) => recipients::Audience::Chat(chat_id),
            (None, Some(role)) => recipients::Audience::Role(role),
            (None, None) => recipients::Audience::Everybody,
        };
        let mut people = recipients::page(db, of, after, u32::try_from(limit).unwrap_or(u32::MAX)).await?;
        let is_last = people.len() < limit;
        let after = people.last().map(|one| one.user_id).or(after);
        people.retain(|one| self.has(one));
        Ok(Page { people, missing: Vec::new(), after, is_last })
    }

    /// Whether all applies to somebody but whom it names, and which chat they are in.
    fn has(&self, one: &Recipient) -> bool {
        let Audience { named: _, role, chat_id: _, signed_up_after, active_since, locale } = &self.audience;
        let is_active =
            |since: &Timestamp| one.signed_in_at.is_some_and(|at| at >= *since) || self.active.contains(&one.user_id);
        one.created_at <= self.until
            && role.is_none_or(|role| one.role == role)
            && signed_up_after.is_none_or(|after| one.created_at > after)
            && active_since.as_ref().is_none_or(is_active)
            && locale.as_ref().is_none_or(|locale| is_variant(&one.locale, locale.as_str()))
    }
}

/// Whether a language tag is another, or a variant of it: `en-GB` is one of `en`.
fn is_variant(tag: &str, of: &str) -> bool {
    let (tag, of) = (tag.to_ascii_lowercase(), of.to_ascii_lowercase());
    tag.strip_prefix(&of).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_has_its_variants() {
        for (tag, of, is) in [
            ("en", "en", true),
            ("en-GB", "en", true),
            ("EN-gb", "en-GB", true),
            ("eng", "en", false),
            ("en", "en-GB", false),
        ] {
            assert_eq!(is_variant(tag, of), is, "{tag} of {of}");
        }
    }
}
