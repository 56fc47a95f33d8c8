//! Tables that fit the terminal: cells are cut, and columns left out, the least important first.

use super::cell::Cell;
use serde_json::Value;
use std::cmp::Reverse;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Between two columns.
const GAP: usize = 2;
/// A column of text is cut to no less than this many columns of the terminal before a whole column is left out.
const TEXT_WIDTH_MIN: usize = 16;
/// A cell is cut behind this, however wide the terminal is.
const TEXT_WIDTH_MAX: usize = 100;

/// A column of a list.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The field of a row that it shows.
    pub name: &'static str,
    /// 0 is always shown; of the others the highest gives way first.
    yields: u8,
    /// In columns of the terminal, so that rows which come later find room.
    width_min: usize,
}

impl Column {
    /// One that is always there.
    pub const fn new(name: &'static str) -> Column {
        Column { name, yields: 0, width_min: 0 }
    }

    /// One that is cut, and then left out, where there is no room: the highest rank first.
    pub const fn yields(self, rank: u8) -> Column {
        Column { yields: rank, ..self }
    }

    /// One that is at least so wide where there is room, for a list that goes on.
    pub const fn at_least(self, width_min: usize) -> Column {
        Column { width_min, ..self }
    }

    /// What stands above it.
    pub fn header(self) -> String {
        self.name.to_uppercase().replace('_', " ")
    }
}

/// How the columns of a table are laid out.
#[derive(Debug)]
pub struct Layout(Vec<Place>);

#[derive(Clone, Copy, Debug)]
struct Place {
    /// In columns of the terminal; 0 where it is left out.
    width: usize,
    /// Whether its cells end below each other.
    is_right: bool,
}

impl Layout {
    /// The layout of these rows on a screen of so many columns; without a screen nothing is cut.
    pub fn of(columns: &[Column], rows: &[Vec<Cell>], screen: Option<usize>) -> Layout {
        let place = |(at, column): (usize, &Column)| {
            let widest = rows.iter().map(|row| row[at].text.width()).max().unwrap_or_default();
            let is_right = rows.iter().any(|row| row[at].is_number);
            Place { width: widest.max(column.header().width()).max(column.width_min), is_right }
        };
        let mut layout = Layout(columns.iter().enumerate().map(place).collect());
        if let Some(screen) = screen {
            layout.fit(columns, rows, screen);
        }
        layout
    }

    fn fit(&mut self, columns: &[Column], rows: &[Vec<Cell>], screen: usize) {
        let mut order = (0..columns.len()).collect::<Vec<_>>();
        order.sort_by_key(|at| Reverse((columns[*at].yields, *at)));
        let texts = order.iter().copied().filter(|at| rows.iter().any(|row| row[*at].may_be_cut)).collect::<Vec<_>>();
        for at in &texts {
            self.0[*at].width = self.0[*at].width.min(TEXT_WIDTH_MAX);
        }
        for at in &texts {
            let excess = self.total().saturating_sub(screen);
            let width = self.0[*at].width;
            self.0[*at].width = width.saturating_sub(excess).max(TEXT_WIDTH_MIN.min(width));
        }
        for at in order.into_iter().filter(|at| columns[*at].yields > 0) {
            if self.total() > screen {
                self.0[at].width = 0;
            }
        }
    }

    fn total(&self) -> usize {
        let shown = self.0.iter().filter(|place| place.width > 0);
        shown.map(|place| place.width + GAP).sum::<usize>().saturating_sub(GAP)
    }

    /// The columns that are left out.
    pub fn left_out(&self, columns: &[Column]) -> Vec<&'static str> {
        columns.iter().zip(&self.0).filter(|(_, place)| place.width == 0).map(|(column, _)| column.name).collect()
    }

    /// What stands above the columns.
    pub fn header(&self, columns: &[Column]) -> String {
        let cells = columns.iter().map(|column| Cell::of(&Value::String(column.header()))).collect::<Vec<_>>();
        self.line(&cells, false)
    }

    /// One line of the table, without spaces at its end.
    pub fn line(&self, cells: &[Cell], colours: bool) -> String {
        let (mut line, mut pending) = (String::new(), 0);
        for (cell, place) in cells.iter().zip(&self.0).filter(|(_, place)| place.width > 0) {
            let text = cut(&cell.text, place.width);
            let space = place.width - text.width();
            let (before, after) = if place.is_right { (space, 0) } else { (0, space) };
            line.extend(std::iter::repeat_n(' ', pending + before));
            match cell.style.filter(|_| colours) {
                Some(style) => line.push_str(&format!("{style}{text}{style:#}")),
                None => line.push_str(&text),
            }
            pending = after + GAP;
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// The text, cut to so many columns of the terminal.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut shown = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or_default();
        if used > width {
            break;
        }
        shown.push(c);
    }
    shown.push('…');
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const COLUMNS: &[Column] = &[
        Column::new("position"),
        Column::new("type").yields(1),
        Column::new("payload").yields(2),
        Column::new("version").yields(3),
    ];

    fn rows() -> Vec<Vec<Cell>> {
        let row = |position: u64, payload: &str| {
            vec![
                Cell::of(&json!(position)),
                Cell::of(&json!("message.posted.v1")),
                Cell::of(&json!(payload)),
                Cell::of(&json!(1)),
            ]
        };
        vec![row(7, "короткая"), row(12_345, &"длинная ".repeat(40))]
    }

    fn shown(screen: Option<usize>) -> (Vec<String>, Vec<&'static str>) {
        let rows = rows();
        let layout = Layout::of(COLUMNS, &rows, screen);
        (rows.iter().map(|row| layout.line(row, false)).collect(), layout.left_out(COLUMNS))
    }

    #[test]
    fn a_table_fits_its_screen_and_numbers_end_below_each_other() {
        for screen in 40..200 {
            let (lines, _) = shown(Some(screen));
            assert!(lines.iter().all(|line| line.width() <= screen), "{screen}: {lines:?}");
            assert!(lines[0].starts_with("       7  ") && lines[1].starts_with("   12345  "), "{lines:?}");
        }
    }

    #[test]
    fn text_is_cut_before_columns_are_left_out_the_least_important_first() {
        assert!(shown(Some(80)).1.is_empty());
        assert!(shown(Some(80)).0[1].contains('…'));
        assert_eq!(shown(Some(45)).1, ["version"]);
        assert_eq!(shown(Some(30)).1, ["payload", "version"]);
        assert_eq!(shown(Some(5)).1, ["type", "payload", "version"], "the first is always there");
    }

    #[test]
    fn lines_end_with_their_last_letter() {
        let rows =
            [vec![Cell::of(&json!("a")), Cell::of(&json!(null))], vec![Cell::of(&json!("b")), Cell::of(&json!("c"))]];
        let layout = Layout::of(&[Column::new("one"), Column::new("two")], &rows, None);
        assert_eq!(rows.map(|row| layout.line(&row, false)), ["a", "b    c"]);
    }

    #[test]
    fn without_a_screen_nothing_is_cut() {
        assert!(shown(None).0[1].contains(&"длинная ".repeat(40)));
    }

    #[test]
    fn texts_are_cut_between_characters_by_their_width() {
        assert_eq!(cut("яяя", 3), "яяя");
        assert_eq!(cut("яяяя", 3), "яя…");
        assert_eq!(cut("東京都", 5), "東京…", "a wide sign takes two columns");
        assert_eq!(cut("東京都", 4), "東…");
    }
}
