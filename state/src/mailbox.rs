//! The dev mailbox: the mails that go nowhere else, where no way to send mail is set. It keeps the last ones.

use crate::Result;
use crate::parts::Part;
use crate::storage::{Storage, place};
use domain::{Timestamp, UserId};
use store::sql::{Columns, Database, Row, Tx, Value};
use store::{Folder, Log};
use uuid::Uuid;

pub(crate) const PART: Part = Part { tables: TABLES, forget, begin_again };

/// `number` rises with every mail. `recipient_key` is the recipient in lower case.
const TABLES: &str = "
    create table if not exists mailbox (
        mail_id bytea primary key,
        number bigint not null,
        delivery_id bytea not null,
        attempt bigint not null,
        user_id bytea,
        recipient text not null,
        recipient_key text not null,
        sender text not null,
        subject text not null,
        at bigint not null,
        position bigint not null,
        raw bytea not null
    );
    create unique index if not exists mailbox_by_attempt on mailbox (delivery_id, attempt);
    create index if not exists mailbox_by_number on mailbox (number);
    create index if not exists mailbox_by_recipient on mailbox (recipient_key, number);
    create index if not exists mailbox_by_user on mailbox (user_id);
";

/// How many mails are kept (CONTRACT 1.5): a newer one takes the place of the oldest.
pub const MAILS_MAX: u32 = 10_000;

/// A mail that arrives.
#[derive(Clone, Copy, Debug)]
pub struct NewMail<'a> {
    pub mail_id: Uuid,
    pub delivery_id: Uuid,
    /// Counted from 1. A delivery leaves one mail for each attempt, however often that is repeated.
    pub attempt: u32,
    /// Whom it is for; none when it is for an address that is nobody's.
    pub user_id: Option<UserId>,
    /// The address that it is sent to.
    pub recipient: &'a str,
    pub sender: &'a str,
    pub subject: &'a str,
    pub at: Timestamp,
    /// Of the event that let it be sent.
    pub position: u64,
    /// The whole mail as it would go over the wire.
    pub raw: &'a [u8],
}

/// What a list shows of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailSummary {
    pub mail_id: Uuid,
    /// A later mail has a higher one.
    pub number: u64,
    pub delivery_id: Uuid,
    pub attempt: u32,
    pub recipient: String,
    pub sender: String,
    pub subject: String,
    pub at: Timestamp,
    /// Of the event that let it be sent.
    pub position: u64,
}

/// A mail with its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    pub summary: MailSummary,
    /// The whole mail as it would go over the wire.
    pub raw: Vec<u8>,
}

macro_rules! summary_columns {
    () => {
        "mail_id, number, delivery_id, attempt, recipient, sender, subject, at, position"
    };
}
macro_rules! mail_columns {
    () => {
        concat!(summary_columns!(), ", raw")
    };
}
/// What [`summary`] reads, of a mail as well.
const SUMMARY: Columns = Columns::of(summary_columns!());
/// What [`mail`] reads.
const MAIL: Columns = Columns::of(mail_columns!());

/// The mails. A cheap handle.
#[derive(Clone)]
pub struct Mailbox {
    storage: Storage,
}

/// The mails, for reading.
#[derive(Clone)]
pub struct MailboxReader {
    database: Database,
}

impl Mailbox {
    pub(crate) fn new(storage: Storage) -> Mailbox {
        Mailbox { storage }
    }

    /// Keeps a mail, and removes the oldest one where there are too many. False when that attempt has left its mail
    /// already: that one stays.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn put(&self, mail: &NewMail<'_>) -> Result<bool> {
        let mut is_new = false;
        self.storage.change(|tx| {
            is_new = insert(tx, mail)?;
            let sql = "delete from mailbox where number <= (select max(number) from mailbox) - $1";
            tx.queue(sql, &[MAILS_MAX.into()])
        })?;
        Ok(is_new)
    }

    /// Removes every mail; answers how many there were.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn clear(&self) -> Result<u64> {
        let mut removed = 0;
        self.storage.change(|tx| {
            removed = tx.execute("delete from mailbox", &[])?;
            Ok(())
        })?;
        Ok(removed)
    }

    /// For reading.
    pub fn reader(&self) -> MailboxReader {
        MailboxReader { database: self.storage.database().clone() }
    }
}

impl MailboxReader {
    /// The mails of that log, also beside the process that writes them; none where nothing was ever kept.
    ///
    /// # Errors
    /// What keeps them from being opened.
    pub fn open(folder: &Folder, log: &Log) -> Result<Option<MailboxReader>> {
        let place = place(folder, log);
        if !place.exists()? {
            return Ok(None);
        }
        Ok(Some(MailboxReader { database: place.open()? }))
    }

    /// The newest mails below a number, `limit` at most: to that address, whatever its case, or to anybody.
    ///
    /// # Errors
    /// When they could not be read.
    pub async fn list(&self, recipient: Option<&str>, below: Option<u64>, limit: u32) -> Result<Vec<MailSummary>> {
        let below = Value::from(below.unwrap_or(u64::MAX));
        let Some(recipient) = recipient else {
            let sql = concat!(
                "select ",
                summary_columns!(),
                " from mailbox where number < $1 order by number desc, mail_id desc limit $2"
            );
            return self.database.rows(sql, &[below, limit.into()], summary).await;
        };
        let sql = concat!(
            "select ",
            summary_columns!(),
            " from mailbox where recipient_key = $3 and number < $1 order by number desc, mail_id desc limit $2"
        );
        let key = recipient.to_lowercase();
        self.database.rows(sql, &[below, limit.into(), (&key).into()], summary).await
    }

    /// One mail, unless it was removed.
    ///
    /// # Errors
    /// When it could not be read.
    pub async fn by_id(&self, mail_id: Uuid) -> Result<Option<Mail>> {
        let sql = concat!("select ", mail_columns!(), " from mailbox where mail_id = $1");
        self.database.row(sql, &[(&mail_id).into()], mail).await
    }
}

/// False when that attempt has left its mail already.
fn insert(tx: &mut Tx<'_>, mail: &NewMail<'_>) -> Result<bool> {
    let inserted = tx.execute(
        "insert into mailbox (mail_id, number, delivery_id, attempt, user_id, recipient, recipient_key, sender, subject,
                              at, position, raw)
         values ($1, (select coalesce(max(number), 0) + 1 from mailbox), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         on conflict (delivery_id, attempt) do nothing",
        &[
            (&mail.mail_id).into(),
            (&mail.delivery_id).into(),
            mail.attempt.into(),
            mail.user_id.as_ref().into(),
            mail.recipient.into(),
            (&mail.recipient.to_lowercase()).into(),
            mail.sender.into(),
            mail.subject.into(),
            mail.at.into(),
            mail.position.into(),
            mail.raw.into(),
        ],
    )?;
    Ok(inserted == 1)
}

/// Removes the mails for a person who is erased.
fn forget(tx: &mut Tx<'_>, user_id: UserId) -> Result<()> {
    tx.queue("delete from mailbox where user_id = $1", &[(&user_id).into()])
}

/// What was sent came of the other history.
fn begin_again(tx: &mut Tx<'_>) -> Result<()> {
    tx.queue("delete from mailbox", &[])
}

fn summary(row: &Row<'_>) -> Result<MailSummary> {
    Ok(MailSummary {
        mail_id: row.uuid(const { SUMMARY.at("mail_id") })?,
        number: row.int(const { SUMMARY.at("number") })?.cast_unsigned(),
        delivery_id: row.uuid(const { SUMMARY.at("delivery_id") })?,
        // Counted attempts are few.
        attempt: u32::try_from(row.int(const { SUMMARY.at("attempt") })?).unwrap_or(u32::MAX),
        recipient: row.text(const { SUMMARY.at("recipient") })?.to_owned(),
        sender: row.text(const { SUMMARY.at("sender") })?.to_owned(),
        subject: row.text(const { SUMMARY.at("subject") })?.to_owned(),
        at: row.timestamp(const { SUMMARY.at("at") })?,
        position: row.int(const { SUMMARY.at("position") })?.cast_unsigned(),
    })
}

fn mail(row: &Row<'_>) -> Result<Mail> {
    Ok(Mail { summary: summary(row)?, raw: row.bytes(const { MAIL.at("raw") })?.to_vec() })
}
