//! The select list of a query, by whose names its rows are read. A name that is not in it does not compile.

/// A select list. Each column is named by its last word: `m.user_name` is `user_name`, `s.version as message_version` is
/// `message_version`.
#[derive(Clone, Copy)]
pub struct Columns {
    list: &'static str,
}

impl Columns {
    /// Of that list: columns with commas between them, and no commas inside of them.
    pub const fn of(list: &'static str) -> Columns {
        Columns { list }
    }

    /// Where the column of that name is, counted from zero. For constants: `row.text(const { ACCOUNT.at("locale") })`
    /// looks nothing up when it runs.
    ///
    /// # Panics
    /// When the list has no such column; of a constant that is an error of the compiler.
    pub const fn at(&self, name: &str) -> usize {
        let (list, name) = (self.list.as_bytes(), name.as_bytes());
        let (mut place, mut index) = (0, 0);
        while index <= list.len() {
            if index == list.len() || list[index] == b',' {
                if is_last_word(list, index, name) {
                    return place;
                }
                place += 1;
            }
            index += 1;
        }
        panic!("the select list has no column of that name")
    }
}

/// Whether that word ends there, and is a whole one.
const fn is_last_word(list: &[u8], end: usize, word: &[u8]) -> bool {
    let Some(begin) = end.checked_sub(word.len()) else { return false };
    let mut index = 0;
    while index < word.len() {
        if list[begin + index] != word[index] {
            return false;
        }
        index += 1;
    }
    begin == 0 || matches!(list[begin - 1], b' ' | b'.' | b',' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: Columns = Columns::of("position, m.user_name, s.version as message_version,\n    version,text");

    #[test]
    fn a_column_is_found_by_its_last_word() {
        for (place, name) in ["position", "user_name", "message_version", "version", "text"].into_iter().enumerate() {
            assert_eq!(LIST.at(name), place, "{name}");
        }
    }

    #[test]
    #[should_panic(expected = "no column of that name")]
    fn a_part_of_a_name_is_none() {
        LIST.at("name");
    }
}
