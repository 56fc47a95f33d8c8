//! `letopis import`: a chat log brought in.

use crate::arguments::Import as Arguments;
use crate::context::Context;
use crate::exit::{Code, failure};
use crate::{control, output};
use anyhow::{Context as _, Result};
use node::gzip;
use node::operations::Request;
use serde_json::Value;

/// Has a file brought in.
///
/// # Errors
/// What went wrong; what was brought in until then stays. Malformed lines are a failure of the file, told when all others
/// are in.
pub async fn verb(context: &Context, arguments: &Arguments) -> Result<()> {
    // Here and not in the server: what this user may read, and a pipe of this shell, it may not even see.
    let source = gzip::source(&arguments.file)?;
    let request = Request::Import { as_of_file_times: arguments.as_of_file_times, bytes: source.bytes };
    let mut done = control::carry_out_with(context, request, source).await?;
    let malformed = keep_rejects(arguments, &mut done)?;
    if done["messages"] == 0 && done["already_there"] != 0 {
        output::note("every message of this file was there already; nothing was imported twice");
    }
    output::show(context.output, &done)?;
    malformed.map_or(Ok(()), |told| Err(failure(Code::Failure, told)))
}

/// Writes down what was rejected: what was said cannot be lost without a word. Tells of malformed lines, if there are any.
fn keep_rejects(arguments: &Arguments, done: &mut Value) -> Result<Option<String>> {
    let rejects = done.as_object_mut().and_then(|done| done.remove("rejects"));
    let rejects = rejects.as_ref().and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
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
    let lines = rejects.iter().map(|reject| format!("{reject}\n")).collect::<String>();
    std::fs::write(&path, lines)
        .with_context(|| format!("could not write the rejected lines to {}", path.display()))?;
    let left_out = done["rejected"].as_u64().unwrap_or(0).saturating_sub(rejects.len() as u64);
    let more = if left_out > 0 { format!("; {left_out} more are only counted") } else { String::new() };
    output::note(format!(
        "{} lines could not be brought in: {} says which and why{more}",
        done["rejected"],
        path.display()
    ));
    let malformed = done["malformed"].as_u64().unwrap_or(0);
    let first = rejects.iter().find(|reject| reject["kind"] == "malformed").map_or_else(String::new, |first| {
        format!("; the first is line {} ({})", first["line"], first["reason"].as_str().unwrap_or_default())
    });
    let told = format!("{malformed} malformed lines were left out and everything else was brought in{first}");
    Ok((malformed > 0).then_some(told))
}
