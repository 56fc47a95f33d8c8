//! `letopis import`: a chat log brought in.

use crate::arguments::Import as Arguments;
use crate::context::Context;
use crate::exit::{Code, failure};
use crate::{control, output, report};
use anyhow::{Context as _, Result};
use node::gzip;
use node::operations::import::{ImportReport, Reject};
use node::operations::{Report, Request};

/// Has a file brought in.
///
/// # Errors
/// What went wrong; what was brought in until then stays. Malformed lines are a failure of the file, told when all others
/// are in.
pub async fn verb(context: &Context, arguments: &Arguments) -> Result<()> {
    // Here and not in the server: what this user may read, and a pipe of this shell, it may not even see.
    let source = gzip::source(&arguments.file)?;
    let request = Request::Import { as_of_file_times: arguments.as_of_file_times, bytes: source.bytes };
    let done = control::carry_out_with(context, request, source).await?;
    let malformed = if let Report::Import(import) = &done { tell(arguments, import)? } else { None };
    report::show(context.output, &done)?;
    malformed.map_or(Ok(()), |told| Err(failure(Code::Failure, told)))
}

/// Says what the summary does not. Tells of malformed lines, if there are any.
fn tell(arguments: &Arguments, import: &ImportReport) -> Result<Option<String>> {
    let malformed = keep_rejects(arguments, import)?;
    if import.summary.messages == 0 && import.summary.already_there != 0 {
        output::note("every message of this file was there already; nothing was imported twice");
    }
    Ok(malformed)
}

/// Writes down what was rejected: what was said cannot be lost without a word. Tells of malformed lines, if there are any.
fn keep_rejects(arguments: &Arguments, import: &ImportReport) -> Result<Option<String>> {
    let ImportReport { summary, rejects } = import;
    if rejects.is_empty() {
        return Ok(None);
    }
    let path = arguments.rejects.clone().unwrap_or_else(|| match arguments.file.as_os_str().as_encoded_bytes() {
        b"-" => "import.rejects.ndjson".into(),
        _ => {
            let mut name = arguments.file.clone().into_os_string();
            name.push(".rejects.ndjson");
            name.into()
        }
    });
    let lines = rejects.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
    let lines = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect::<String>();
    std::fs::write(&path, lines)
        .with_context(|| format!("could not write the rejected lines to {}", path.display()))?;
    let left_out = summary.rejected.saturating_sub(rejects.len() as u64);
    let more = if left_out > 0 { format!("; {left_out} more are only counted") } else { String::new() };
    output::note(format!(
        "{} lines could not be brought in: {} says which and why{more}",
        summary.rejected,
        path.display()
    ));
    let malformed = summary.malformed;
    let first = rejects.iter().find(|reject| reject.kind == Reject::Malformed);
    let first =
        first.map_or_else(String::new, |first| format!("; the first is line {} ({})", first.line, first.reason));
    let told = format!("{malformed} malformed lines were left out and everything else was brought in{first}");
    Ok((malformed > 0).then_some(told))
}
