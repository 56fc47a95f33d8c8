//! Cuts each line of the standard input: writes the stems of its words, one space between (`scripts/recall`).

use std::io::{BufRead, BufWriter, Write};

fn main() -> std::io::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let stems = search::words::words(&line?).stems;
        writeln!(out, "{}", stems.trim_end().replace('\n', " "))?;
    }
    out.flush()
}
