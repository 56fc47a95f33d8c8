//! All tables of a log.

use crate::parts::PARTS;
use crate::storage::{Storage, place};
use crate::{
    Challenges, CourierProgress, FigureRing, LastUse, Mailbox, Result, SearchTasks, WrongPasswords, carry_over,
    erasures, last_use,
};
use domain::UserId;
use std::sync::{Arc, Mutex, PoisonError};
use store::sql::Tx;
use store::{Folder, Log, Mark, failpoint};

/// All tables of a log. A cheap handle.
#[derive(Clone)]
pub struct Tables {
    log: Log,
    storage: Storage,
    last_use: LastUse,
    search_tasks: SearchTasks,
    mailbox: Mailbox,
    couriers: CourierProgress,
    figures: FigureRing,
    wrong_passwords: WrongPasswords,
    challenges: Challenges,
    /// How far this process has heeded erasures: what it remembers itself no other node forgets for it.
    heeded: Arc<Mutex<Mark>>,
}

/// Checks whether the file is whole, also beside the process that changes it, unless it is longer than `bytes_max`; answers
/// whether it did. It is fine when there is none.
///
/// # Errors
/// [`store::Error::DamagedFile`], which names it; what keeps it from being read.
pub fn check(folder: &Folder, log: &Log, bytes_max: u64) -> Result<bool> {
    let place = place(folder, log);
    if place.exists()? { place.open()?.check(bytes_max) } else { Ok(true) }
}

impl Tables {
    /// Opens the tables of that log for the process that holds the folder's lock, before the read models are opened:
    /// earlier versions kept the tables in a file of theirs, from which they are carried over. Forgets whoever was
    /// erased while nobody was here, and what came of another history of the log.
    ///
    /// # Errors
    /// What keeps them, or the log, from being opened, read or written.
    pub fn open(folder: &Folder, log: &Log) -> Result<Tables> {
        let storage = Storage::open(&place(folder, log))?;
        if log.cluster().is_none() {
            carry_over::from(folder, &storage)?;
        }
        last_use::find_owners(&storage, log)?;
        let mut heeded = erasures::heeded(storage.database())?;
        if !log.holds(heeded)? {
            tracing::warn!(
                position = heeded.position,
                "the log has another history than the search tasks, the dev mailbox, wrong passwords and sign-ins under way, which are forgotten"
            );
            storage.change(|tx| PARTS.iter().try_for_each(|part| (part.begin_again)(tx)))?;
            heeded = Mark::default();
        }
        let (last_use, search_tasks) = (LastUse::new(storage.clone()), SearchTasks::new(storage.clone()));
        let (mailbox, couriers) = (Mailbox::new(storage.clone()), CourierProgress::new(storage.clone()));
        let figures = FigureRing::new(storage.clone());
        let (wrong_passwords, challenges) = (WrongPasswords::new(storage.clone()), Challenges::new(storage.clone()));
        let (log, heeded) = (log.clone(), Arc::new(heeded.into()));
        let tables = Tables {
            log,
            storage,
            last_use,
            search_tasks,
            mailbox,
            couriers,
            figures,
            wrong_passwords,
            challenges,
            heeded,
        };
        tables.flush()?;
        Ok(tables)
    }

    /// When sessions and service tokens were last used.
    pub fn last_use(&self) -> &LastUse {
        &self.last_use
    }

    /// Questions that are answered later.
    pub fn search_tasks(&self) -> &SearchTasks {
        &self.search_tasks
    }

    /// Mails that go nowhere else.
    pub fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    /// How far the couriers are.
    pub fn couriers(&self) -> &CourierProgress {
        &self.couriers
    }

    /// What each minute of the last day was like.
    pub fn figures(&self) -> &FigureRing {
        &self.figures
    }

    /// Wrong passwords of late.
    pub fn wrong_passwords(&self) -> &WrongPasswords {
        &self.wrong_passwords
    }

    /// Sign-ins that are under way.
    pub fn challenges(&self) -> &Challenges {
        &self.challenges
    }

    /// Forgets a person who was erased: out of every table, and out of the file.
    ///
    /// # Errors
    /// When it could not be written; then the next [`Tables::flush`] does it.
    pub fn forget(&self, user_id: UserId) -> Result<()> {
        self.forget_all(&[user_id], |_| Ok(()))
    }

    /// Writes what is only in memory, and forgets everybody who was erased since the last time, whichever process
    /// erased them: once more where that is done already.
    ///
    /// # Errors
    /// When the log could not be read, or it could not be written: the next call does it.
    pub fn flush(&self) -> Result<()> {
        let mut heeded = self.heeded.lock().unwrap_or_else(PoisonError::into_inner);
        let head = Mark::from(self.log.head()?);
        self.last_use.flush()?;
        let now = store::now();
        self.wrong_passwords.forget_old(now)?;
        self.challenges.forget_old(now)?;
        let erased = erasures::between(&self.log, heeded.position, head.position)?;
        if *heeded != head {
            self.forget_all(&erased, |tx| erasures::heed(tx, head))?;
            *heeded = head;
        }
        Ok(())
    }

    /// Takes out of the file what a reader has kept from being overwritten when somebody was forgotten.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn wipe_residue(&self) -> Result<()> {
        self.storage.wipe_residue()
    }

    /// The file, when something in it was found damaged since it was opened.
    pub fn damaged(&self) -> Option<String> {
        self.storage.database().damaged().map(|path| path.display().to_string())
    }

    fn forget_all(&self, people: &[UserId], and: impl FnOnce(&mut Tx<'_>) -> Result<()>) -> Result<()> {
        self.storage.change(|tx| {
            // While nothing else is written: what is being flushed is written before, or not at all.
            self.last_use.drop_pending(people);
            for user_id in people {
                PARTS.iter().try_for_each(|part| (part.forget)(tx, *user_id))?;
            }
            and(tx)
        })?;
        if people.is_empty() {
            return Ok(());
        }
        failpoint::pass("questions-deleted");
        self.storage.wipe()
    }
}
