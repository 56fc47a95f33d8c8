//! `letopis config`: what is set, and where.

use crate::arguments::Common;
use crate::context::Context;
use crate::exit::{Code, failure};
use crate::output::{Column, Listing};
use crate::settings::table::ROWS;
use crate::settings::{categories, initial};
use anyhow::{Context as _, Result};
use serde_json::json;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;

/// Lists every setting.
///
/// # Errors
/// When nobody reads any more.
pub fn show(context: &Context) -> Result<()> {
    const COLUMNS: &[Column] = &[
        Column::new("key"),
        Column::new("value").yields(1),
        Column::new("origin").yields(2),
        Column::new("meaning").yields(3),
    ];
    let mut listing = Listing::new(context.output, COLUMNS);
    for row in &ROWS {
        let set = context.layers.get(row.key);
        let value = set.map(|set| if row.secret { "********" } else { set.text.as_str() });
        listing.row(&json!({
            "key": row.key, "env": row.env, "value": value,
            "origin": set.map_or("not set", |set| set.origin.as_str()), "meaning": row.meaning,
        }))?;
    }
    let (defined, file) = context.layers.categories();
    for category in defined {
        listing.row(&json!({
            "key": format!("{}.{}", categories::KEY, category.key), "env": null, "value": category.kind.name(),
            "origin": file, "meaning": format!("a category of notifications: {}", category.title.en),
        }))?;
    }
    listing.end()
}

/// Writes the file to begin with: `letopis.toml`, or the one that `--config` names.
///
/// # Errors
/// Code 4 when there is one.
pub fn init(common: &Common) -> Result<()> {
    let path = common.config.as_deref().unwrap_or(Path::new("letopis.toml"));
    let shown = path.display();
    let mut file = match File::create_new(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let message = format!("{shown} is there already and was left as it is; name another file with --config");
            return Err(failure(Code::Conflict, message));
        }
        Err(error) => return Err(error).with_context(|| format!("could not make {shown}")),
    };
    file.write_all(initial::text().as_bytes()).with_context(|| format!("could not write {shown}"))?;
    crate::output::note(format_args!(
        "wrote {shown}: every setting with its default; `letopis config show` tells what holds"
    ));
    Ok(())
}
