//! What the link in a mail says by which its reader takes themselves off a category.

use super::CategoryKey;
use crate::UserId;
use uuid::Uuid;

/// Who is taken off what. It is the payload of a mailed token for that purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsubscribeLink {
    pub user_id: UserId,
    pub category: CategoryKey,
}

impl UnsubscribeLink {
    /// The id, and behind it the key.
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.user_id.0.as_bytes().as_slice(), self.category.as_str().as_bytes()].concat()
    }

    /// Reads it back; `None` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<UnsubscribeLink> {
        let (id, key) = bytes.split_first_chunk::<16>()?;
        let category = CategoryKey::parse(std::str::from_utf8(key).ok()?).ok()?;
        Some(UnsubscribeLink { user_id: UserId(Uuid::from_bytes(*id)), category })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_reads_back_and_nothing_else_is_one() {
        let user_id = UserId(Uuid::from_u128(7));
        let link = UnsubscribeLink { user_id, category: CategoryKey::MARKETING };
        let bytes = link.to_bytes();
        assert_eq!(UnsubscribeLink::from_bytes(&bytes), Some(link));
        assert!((0..17).all(|end| UnsubscribeLink::from_bytes(&bytes[..end]).is_none()));
        assert_eq!(UnsubscribeLink::from_bytes(&[&bytes[..], b" "].concat()), None);
        assert_eq!(UnsubscribeLink::from_bytes(&[255; 30]), None);
    }
}
