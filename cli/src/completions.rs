//! What shells and `man` know of the command line: made from the same arguments that are parsed.

use crate::arguments::{Arguments, Completions, Man};
use crate::output::out;
use anyhow::{Context, Result};
use clap::CommandFactory;
use std::io::Write;

/// Prints a shell's completions.
///
/// # Errors
/// When nobody reads any more.
pub fn completions(asked: &Completions) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(asked.shell, &mut Arguments::command(), "letopis", &mut script);
    let mut out = out();
    out.write_all(&script)?;
    Ok(out.flush()?)
}

/// Prints the first manual page, or writes one for each verb into a folder.
///
/// # Errors
/// When the folder cannot be written.
pub fn man(asked: &Man) -> Result<()> {
    let Some(folder) = &asked.folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Arguments::command()).render(&mut page)?;
        let mut out = out();
        out.write_all(&page)?;
        return Ok(out.flush()?);
    };
    let failed = || format!("the manual pages could not be written into {}", folder.display());
    std::fs::create_dir_all(folder).with_context(failed)?;
    clap_mangen::generate_to(Arguments::command(), folder).with_context(failed)
}
