//! Cuts each line of the standard input: writes the stems of its words, one space between (`scripts/recall`).

use std::io::{BufRead, BufWriter, Write};

fn main() -> std::io::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let stems = search::words::words(&line?).stems;
        let stems = stems.iter().map(|token| token.text.as_str()).collect::<Vec<_>>();
        writeln!(out, "{}", stems.join(" "))?;
    }
    out.flush()
}
