//! What became of a mailing for each recipient, as CSV (RFC 4180). It is read and sent page by page.

use super::listed::{Listed, MailingDelivery};
use crate::app::App;
use crate::auth::caller::Notifier;
use crate::error::{Code, Error};
use crate::http::address::ClientAddress;
use crate::http::ndjson::{self, EndedEarly, Lines};
use crate::http::params::Params;
use axum::extract::{Path, State};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Deliveries that are read at once.
const PAGE: u32 = 500;
/// What an export counts of the bytes of answers, from its beginning to its end: a page of rows, and the parts.
const BYTES_HELD: usize = 4 * 1024 * 1024;
/// So many at a time; one more is refused as overloaded.
static PLACES: Semaphore = Semaphore::const_new(4);
const HEAD: &str = "user_id,user_name,channel,state,detail,at,due_at,expires_at,attempts,delivery_id\r\n";
/// A spreadsheet takes a cell that begins so for a formula, and runs it.
const FORMULAS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Export a mailing's deliveries
///
/// Of its last run, or of another: all rows as CSV, in the order in which they were requested. A cell that a
/// spreadsheet would take for a formula begins with an apostrophe.
#[utoipa::path(get, path = "/v1/mailings/{id}/deliveries.csv", operation_id = "exportMailingDeliveries",
    tag = "notifications",
    params(("id" = Uuid, Path, description = "A mailing."),
        ("state" = Option<String>, Query, description = "Only those in this state."),
        ("run" = Option<u32>, Query, minimum = 1, description = "The run; by default the last one.")),
    responses((status = 200, body = String, content_type = "text/csv", description = "The rows.")))]
pub(super) async fn deliveries_csv(
    State(app): State<App>,
    _notifier: Notifier,
    address: ClientAddress,
    Path(mailing): Path<String>,
    params: Params,
) -> Result<Response, Error> {
    of(app, address, &mailing, params).await
}

pub(super) async fn of(
    app: App,
    ClientAddress(address): ClientAddress,
    mailing: &str,
    params: Params,
) -> Result<Response, Error> {
    let place = PLACES.try_acquire();
    let place =
        place.map_err(|_| Error::new(Code::Overloaded, "too many exports are running; try again in a moment"))?;
    let held = app.budget.take(address, BYTES_HELD, Some(place))?;
    let listed = Listed::wanted(&app, mailing, &params).await?;
    let position = listed.position;
    let (mut lines, body) = ndjson::channel();
    // Until both the last part is taken and nothing more is read.
    let until_read = Arc::clone(&held);
    tokio::spawn(async move {
        let _held = until_read;
        let written = write(&listed, &mut lines).await;
        lines.end(written);
    });
    let mut answer = ndjson::answer(body, "deliveries.csv", position, held);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    Ok(answer)
}

async fn write(listed: &Listed, out: &mut Lines) -> Result<(), EndedEarly> {
    out.write(HEAD.as_bytes().to_vec()).await?;
    let mut after = 0;
    loop {
        let rows = listed.rows(after, PAGE).await?;
        let is_last = rows.len() < PAGE as usize;
        after = rows.last().map_or(after, |row| row.position);
        let text = listed.named(rows).await?.iter().map(line).collect::<String>();
        if !text.is_empty() {
            out.write(text.into_bytes()).await?;
        }
        if is_last {
            return Ok(());
        }
    }
}

fn line(row: &MailingDelivery) -> String {
    let cells = [
        row.user_id.to_string(),
        row.user_name.clone().unwrap_or_default(),
        row.channel.name().to_owned(),
        row.state.to_owned(),
        row.detail.clone().unwrap_or_default(),
        row.at.to_string(),
        row.due_at.to_string(),
        row.expires_at.to_string(),
        row.attempts.to_string(),
        row.delivery_id.to_string(),
    ];
    cells.map(|text| cell(&text)).join(",") + "\r\n"
}

fn cell(text: &str) -> String {
    let formula = if text.starts_with(FORMULAS) { "'" } else { "" };
    if formula.is_empty() && !text.contains([',', '"', '\r', '\n']) {
        return text.to_owned();
    }
    format!("\"{formula}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        for (text, expected) in [
            ("Anna", "Anna"),
            ("Anna, Boris", "\"Anna, Boris\""),
            ("the \"best\"", "\"the \"\"best\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\t=1\""),
            ("\r=1", "\"'\r=1\""),
            ("", ""),
        ] {
            assert_eq!(cell(text), expected);
        }
    }
}
