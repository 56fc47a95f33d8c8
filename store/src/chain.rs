//! The hash chain: every row's hash covers the row and the hash of the row before it. The sealed part itself is
//! left out and its hash put in, so that the chain still holds when the part is forgotten.

/// What stands before the first row.
pub const GENESIS: [u8; 32] = [0; 32];

/// Every column that the chain covers, in the order in which it covers them.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    /// From 1, dense.
    pub position: i64,
    /// `chat-<id>`
    pub stream: &'a str,
    /// From 1, dense in the stream.
    pub version: i64,
    /// 16 bytes.
    pub id: &'a [u8],
    /// `message.posted.v1`
    pub name: &'a str,
    /// µs since 1970.
    pub recorded_at: i64,
    /// Exact text.
    pub payload: &'a str,
    /// 16 bytes.
    pub subject: Option<&'a [u8]>,
    /// [`sealed_hash`] of the sealed part, forgotten or not.
    pub sealed_hash: Option<&'a [u8]>,
    /// Exact text.
    pub meta: &'a str,
}

/// The hash of a row that follows one with the hash `previous`. `buffer` is scratch space that is used again.
pub fn hash(previous: &[u8; 32], link: &Link<'_>, buffer: &mut Vec<u8>) -> [u8; 32] {
    buffer.clear();
    buffer.extend_from_slice(previous);
    buffer.extend_from_slice(&link.position.to_be_bytes());
    put(buffer, link.stream.as_bytes());
    buffer.extend_from_slice(&link.version.to_be_bytes());
    put(buffer, link.id);
    put(buffer, link.name.as_bytes());
    buffer.extend_from_slice(&link.recorded_at.to_be_bytes());
    put(buffer, link.payload.as_bytes());
    put_maybe(buffer, link.subject);
    put_maybe(buffer, link.sealed_hash);
    put(buffer, link.meta.as_bytes());
    *blake3::hash(buffer).as_bytes()
}

/// The hash that stays when a sealed part is forgotten.
pub fn sealed_hash(sealed: &[u8]) -> [u8; 32] {
    *blake3::hash(sealed).as_bytes()
}

/// The length goes first: otherwise text could wander from one column into the next unseen.
fn put(buffer: &mut Vec<u8>, bytes: &[u8]) {
    buffer.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
    buffer.extend_from_slice(bytes);
}

fn put_maybe(buffer: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        None => buffer.push(0),
        Some(bytes) => {
            buffer.push(1);
            put(buffer, bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: Link<'static> = Link {
        position: 1,
        stream: "chat-1",
        version: 1,
        id: &[7; 16],
        name: "chat.created.v1",
        recorded_at: 5,
        payload: "{}",
        subject: Some(&[8; 16]),
        sealed_hash: Some(&[9; 32]),
        meta: "{}",
    };

    fn of(link: &Link<'_>) -> [u8; 32] {
        hash(&GENESIS, link, &mut Vec::new())
    }

    #[test]
    fn every_column_and_the_row_before_count() {
        let changed = [
            Link { position: 2, ..LINK },
            Link { stream: "chat-2", ..LINK },
            Link { version: 2, ..LINK },
            Link { id: &[6; 16], ..LINK },
            Link { name: "chat.created.v2", ..LINK },
            Link { recorded_at: 6, ..LINK },
            Link { payload: "{ }", ..LINK },
            Link { subject: None, ..LINK },
            Link { sealed_hash: None, ..LINK },
            Link { meta: "", ..LINK },
            // A byte moved from one column to its neighbour.
            Link { stream: "chat-", name: "1chat.created.v1", ..LINK },
        ];
        for link in &changed {
            assert_ne!(of(link), of(&LINK), "{link:?}");
        }
        assert_ne!(hash(&[1; 32], &LINK, &mut Vec::new()), of(&LINK));
    }

    /// Logs that were written must verify for ever: this value may never change.
    #[test]
    fn the_form_is_fixed() {
        let text = domain::id::hex(&of(&LINK));
        assert_eq!(text, "cb7a4bc87f7dd1c02bb10e39202ed5e3bdf8d6d634caa389ba93890ba3037eb8");
    }
}
