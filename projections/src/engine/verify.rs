//! Folding the log again in scratch space, and comparing.

use crate::engine::generation::Generation;
use crate::engine::handle::Handle;
use crate::engine::locations::Scratch;
use crate::engine::rebuild::{Progress, build_to};
use crate::engine::skips;
use crate::engine::table::{Key, Table};
use crate::{Error, ProjectionId, Projections, Result};
use std::cmp::Ordering;
use std::collections::VecDeque;
use std::time::Duration;
use store::follower::Checkpoint;
use store::sql::{Row, Snapshot, Value};
use store::{Filter, Mark};
use uuid::Uuid;

/// How many rows are read at once.
const PAGE: u32 = 10_000;
/// How many differing rows of each side of a table are told.
const TOLD_MAX: usize = 5;
/// How often it is looked again when somebody was forgotten while it was compared.
const TRIES_MAX: u32 = 3;
/// Time for the read model to follow before it is looked again.
const PAUSE: Duration = Duration::from_millis(500);

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelVerification {
    pub name: ProjectionId,
    /// The checkpoint that was compared at.
    pub position: u64,
    /// How many rows serve.
    pub rows: u64,
    /// The first rows that differ; none when all is well.
    pub differences: Vec<Difference>,
}

/// A row that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Of which table.
    pub table: &'static str,
    /// Its key, and the columns that differ where both sides have it. What is in them is not told: it may be
    /// personal.
    pub row: String,
    /// On which side.
    pub kind: Kind,
}

/// Where a row is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It serves, and does not follow from the log.
    OnlyServing,
    /// It follows from the log, and does not serve.
    OnlyLog,
}

impl Projections {
    /// Folds the log up to the read model's own checkpoint in scratch space and compares every row. Also beside
    /// the process that writes the read model. It takes as long as reading the log: not for the threads of async
    /// code.
    pub fn verify(&self, name: ProjectionId, progress: &mut dyn FnMut(Progress)) -> Result<ModelVerification> {
        for _ in 1..TRIES_MAX {
            let verified = self.compare(name, progress)?;
            if verified.differences.is_empty() || !self.forgotten_since(verified.position)? {
                return Ok(verified);
            }
            // What was forgotten behind the checkpoint reads as erased before it as well: that is no difference.
            std::thread::sleep(PAUSE);
        }
        self.compare(name, progress)
    }

    /// Whether something personal was forgotten by an event behind that position.
    fn forgotten_since(&self, position: u64) -> Result<bool> {
        for name in std::iter::once("user.erased.v1").chain(domain::VERIFIERS) {
            let filter = Filter { after: position, name: Some(name.to_owned()), ..Filter::default() };
            if !self.log().read_filtered(&filter, 1)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// An index that cannot be read is a difference, and no failure of whoever looks.
    fn compare(&self, name: ProjectionId, progress: &mut dyn FnMut(Progress)) -> Result<ModelVerification> {
        match self.compare_readable(name, progress) {
            Err(Error::Search(error)) if !error.may_pass() => {
                let row = store::described(&error).to_string();
                let differences = vec![Difference { table: "index", row, kind: Kind::OnlyServing }];
                Ok(ModelVerification { name, position: self.position(name), rows: 0, differences })
            }
            compared => compared,
        }
    }

    fn compare_readable(&self, name: ProjectionId, progress: &mut dyn FnMut(Progress)) -> Result<ModelVerification> {
        self.check_files(name, u64::MAX)?;
        let serving = match self.present(name)?.1 {
            Handle::Tables(database) => Serving::Tables(Box::new(database.snapshot()?)),
            Handle::Index(index) => {
                let damaged = index.damaged()?;
                Serving::Index(index.look()?, damaged)
            }
            Handle::Elsewhere => return Err(Error::NotBuilt),
        };
        let mark = match &serving {
            Serving::Tables(snapshot) => Checkpoint::read(snapshot)?,
            Serving::Index(snapshot, _) => Mark { position: snapshot.position, hash: snapshot.hash },
        };
        let position = mark.position;
        if !self.log().holds(mark)? {
            return Err(store::Error::OtherHistory { position }.into());
        }
        let scratch = Scratch::make(self.runner(name).locations(), name)?;
        let skips = skips::read(self.log(), name)?;
        let mut fold = Generation::create(&scratch.place, (name, 0), 0, skips)?;
        if let Some(stop) = build_to(self.log(), name, &mut fold, (self.log().head()?, position), progress)? {
            return Err(stop.error);
        }
        fold.persist()?;
        let mut verified = ModelVerification { name, position, rows: 0, differences: Vec::new() };
        match (&serving, fold.handle()) {
            (Serving::Tables(serving), Handle::Tables(database)) => {
                let folded = database.snapshot()?;
                for table in name.definition().compared {
                    compare_table(serving, &folded, table, &mut verified)?;
                }
            }
            (Serving::Index(serving, damaged), Handle::Index(index)) => {
                verified.differences.extend(damaged.iter().take(TOLD_MAX).map(|file| Difference {
                    table: "file",
                    row: format!("{file}: is not as it was written"),
                    kind: Kind::OnlyServing,
                }));
                // Nothing is read out of files that are known to be damaged.
                if damaged.is_empty() {
                    compare_index(serving, &index.snapshot(), &mut verified)?;
                }
            }
            (Serving::Tables(_) | Serving::Index(..), Handle::Tables(_) | Handle::Index(_) | Handle::Elsewhere) => {}
        }
        Ok(verified)
    }
}

/// What serves, as of one position.
enum Serving {
    Tables(Box<Snapshot>),
    /// With the files that are not as they were written.
    Index(search::Snapshot, Vec<String>),
}

fn compare_index(
    serving: &search::Snapshot,
    folded: &search::Snapshot,
    verified: &mut ModelVerification,
) -> Result<()> {
    for (one, other, kind) in [(serving, folded, Kind::OnlyServing), (folded, serving, Kind::OnlyLog)] {
        let compared = one.compare(other, TOLD_MAX)?;
        if kind == Kind::OnlyServing {
            verified.rows = compared.documents;
        }
        let differences = compared.differences.into_iter();
        verified.differences.extend(differences.map(|found| Difference {
            table: found.kind,
            row: found.document,
            kind,
        }));
    }
    Ok(())
}

fn compare_table(
    serving: &Snapshot,
    folded: &Snapshot,
    table: &'static Table,
    verified: &mut ModelVerification,
) -> Result<(), store::Error> {
    let mut serving = Lines::of(serving, table);
    let mut folded = Lines::of(folded, table);
    let mut told = [0, 0];
    let mut tell = |row: String, kind: Kind| {
        let told = &mut told[usize::from(kind == Kind::OnlyLog)];
        if *told < TOLD_MAX {
            *told += 1;
            verified.differences.push(Difference { table: table.name, row, kind });
        }
    };
    loop {
        let order = match (serving.first()?, folded.first()?) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(other)) => one.key.cmp(&other.key),
        };
        verified.rows += u64::from(order.is_le());
        let one = if order.is_le() { serving.take() } else { None };
        let other = if order.is_ge() { folded.take() } else { None };
        match (one, other) {
            (Some(one), Some(other)) if one.values != other.values => {
                let row = format!("{}: differs in {}", one.named(table), one.differing(&other, table).join(", "));
                tell(row.clone(), Kind::OnlyServing);
                tell(row, Kind::OnlyLog);
            }
            (Some(_), Some(_)) | (None, None) => {}
            (Some(one), None) => tell(one.named(table), Kind::OnlyServing),
            (None, Some(other)) => tell(other.named(table), Kind::OnlyLog),
        }
    }
    Ok(())
}

/// A row.
struct Line {
    key: Vec<Part>,
    values: Vec<String>,
}

/// A part of a row's key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Id(Uuid),
    Number(i64),
}

impl Line {
    fn read(table: &Table, row: &Row<'_>) -> Result<Line, store::Error> {
        let key = table.key.iter().enumerate().map(|(index, key)| match key {
            Key::Id(_) => row.uuid(index).map(Part::Id),
            Key::Number(_) => row.int(index).map(Part::Number),
        });
        let key = key.collect::<Result<Vec<_>, _>>()?;
        let values = (key.len()..row.columns()).map(|index| row.shown(index)).collect::<Result<_, _>>()?;
        Ok(Line { key, values })
    }

    fn named(&self, table: &Table) -> String {
        let parts = table.key.iter().zip(&self.key).map(|(key, part)| match part {
            Part::Id(id) => format!("{}={}", key.column(), id.hyphenated()),
            Part::Number(number) => format!("{}={number}", key.column()),
        });
        parts.collect::<Vec<_>>().join(" ")
    }

    fn differing(&self, other: &Line, table: &Table) -> Vec<&'static str> {
        let pairs = self.values.iter().zip(&other.values).zip(table.columns);
        pairs.filter(|((one, other), _)| one != other).map(|(_, column)| *column).collect()
    }
}

/// The rows of a table by key, a page at a time.
struct Lines<'a> {
    snapshot: &'a Snapshot,
    table: &'static Table,
    page: VecDeque<Line>,
    last: Option<Vec<Part>>,
    ended: bool,
}

impl Lines<'_> {
    fn of<'a>(snapshot: &'a Snapshot, table: &'static Table) -> Lines<'a> {
        Lines { snapshot, table, page: VecDeque::new(), last: None, ended: false }
    }

    fn first(&mut self) -> Result<Option<&Line>, store::Error> {
        if self.page.is_empty() && !self.ended {
            self.read()?;
        }
        Ok(self.page.front())
    }

    fn take(&mut self) -> Option<Line> {
        self.page.pop_front()
    }

    fn read(&mut self) -> Result<(), store::Error> {
        let table = self.table;
        let key = table.key.iter().map(|key| key.column()).collect::<Vec<_>>();
        let columns = key.iter().chain(table.columns).copied().collect::<Vec<_>>().join(", ");
        let (name, key, last) = (table.name, key.join(", "), self.last.as_deref().unwrap_or_default());
        let behind = match last {
            [] => String::new(),
            [..] => {
                let places = (2..2 + last.len()).map(|place| format!("${place}")).collect::<Vec<_>>();
                format!("where ({key}) > ({})", places.join(", "))
            }
        };
        let mut params = vec![Value::from(PAGE)];
        params.extend(last.iter().map(|part| match part {
            Part::Id(id) => Value::from(id),
            Part::Number(number) => Value::from(*number),
        }));
        let sql = format!("select {columns} from {name} {behind} order by {key} limit $1");
        self.page = self.snapshot.rows(&sql, &params, |row| Line::read(table, row))?.into();
        self.ended = self.page.is_empty();
        self.last = self.page.back().map(|line| line.key.clone());
        Ok(())
    }
}
