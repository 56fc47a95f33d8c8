//! An event that no version knows.

use std::path::Path;

/// Appends a whole event of that name to the embedded log of a data folder, past the writer. Answers its position.
pub fn poison(data: &Path, name: &str) -> u64 {
    let log = rusqlite::Connection::open(data.join("letopis.db")).expect("the folder has a log");
    let head = "select position, recorded_at, hash from event order by position desc limit 1";
    let (position, recorded_at, hash): (i64, i64, [u8; 32]) =
        log.query_row(head, (), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).expect("the log is not empty");
    let id = uuid::Uuid::now_v7();
    let stream = format!("message-{id}");
    let link = store::chain::Link {
        position: position + 1,
        stream: &stream,
        version: 1,
        id: id.as_bytes(),
        name,
        recorded_at,
        payload: "{}",
        subject: None,
        sealed_hash: None,
        meta: "{}",
    };
    let hash = store::chain::hash(&hash, &link, &mut Vec::new());
    log.execute(
        "insert into event (position, stream, version, id, name, recorded_at, payload, meta, hash)
         values (?1, ?2, 1, ?3, ?4, ?5, '{}', '{}', ?6)",
        (position + 1, &stream, id.as_bytes(), name, recorded_at, hash),
    )
    .expect("an event may be added");
    (position + 1).unsigned_abs()
}
