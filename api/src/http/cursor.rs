//! Cursors: where a page ended. Opaque, of `[A-Za-z0-9_-]`, and only good for the list and order that made them:
//! they carry a keyed hash of both, so that a cursor of another list, or a made-up one, is refused.

use crate::error::{Code, Error};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use store::Keys;

/// Bytes of the keyed hash: a guess succeeds once in 2^64.
const TAG_BYTES: usize = 8;
/// Longest cursor that is looked at, in characters.
pub(crate) const CURSOR_MAX: usize = 512;

/// Writes a cursor. `list` names the list and everything that orders or filters it.
pub(crate) fn write(keys: &Keys, list: &[impl AsRef<str>], key: &[u8]) -> String {
    let mut bytes = tag(keys, list, key).to_vec();
    bytes.extend_from_slice(key);
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads a cursor of the same list.
pub(crate) fn read(keys: &Keys, list: &[impl AsRef<str>], cursor: &str) -> Result<Vec<u8>, Error> {
    let foreign = || Error::new(Code::BadCursor, "this is not a cursor of this list; take it from the page before");
    if cursor.len() > CURSOR_MAX {
        return Err(foreign());
    }
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).map_err(|_| foreign())?;
    let (given, key) = bytes.split_at_checked(TAG_BYTES).ok_or_else(foreign)?;
    if given == tag(keys, list, key) { Ok(key.to_vec()) } else { Err(foreign()) }
}

/// Writes a cursor that is a log position.
pub(crate) fn write_position(keys: &Keys, list: &[impl AsRef<str>], position: u64) -> String {
    write(keys, list, &position.to_be_bytes())
}

/// Reads a cursor that is a log position.
pub(crate) fn read_position(keys: &Keys, list: &[impl AsRef<str>], cursor: &str) -> Result<u64, Error> {
    let key = read(keys, list, cursor)?;
    let bytes = key.try_into().map_err(|_| Error::new(Code::BadCursor, "this is not a cursor of this list"))?;
    Ok(u64::from_be_bytes(bytes))
}

fn tag(keys: &Keys, list: &[impl AsRef<str>], key: &[u8]) -> [u8; TAG_BYTES] {
    let mut parts = list.iter().map(|part| part.as_ref().as_bytes()).collect::<Vec<_>>();
    parts.push(key);
    let hash = keys.keyed_hash("cursor", &parts);
    let mut tag = [0; TAG_BYTES];
    tag.copy_from_slice(&hash[..TAG_BYTES]);
    tag
}

#[cfg(test)]
mod fuzz;
