//! `letopis config`: what is set, and where.

use crate::arguments::Common;
use crate::context::Context;
use crate::exit::{Code, failure};
use crate::output::{Column, Listing};
use crate::settings::table::{MASKED, ROWS};
use crate::settings::{categories, initial, oidc};
use anyhow::{Context as _, Result};
use api::ShownSetting;
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
    for ShownSetting { key, env, value, origin, meaning } in settings(context) {
        listing.row(&json!({"key": key, "env": env, "value": value, "origin": origin, "meaning": meaning}))?;
    }
    listing.end()
}

/// Every setting with its origin, masked where it is secret.
pub fn settings(context: &Context) -> Vec<ShownSetting> {
    let shown = ROWS.iter().map(|row| {
        let set = context.layers.get(row.key);
        let value = set.map(|set| if row.secret { MASKED.to_owned() } else { set.text.clone() });
        ShownSetting {
            key: row.key.to_owned(),
            env: Some(row.env.to_owned()),
            value,
            origin: set.map_or("not set", |set| set.origin.as_str()).to_owned(),
            meaning: row.meaning.to_owned(),
        }
    });
    let providers = context.layers.oidc().rows().map(|(name, field, set)| ShownSetting {
        key: format!("{}.{name}.{field}", oidc::KEY),
        env: Some(oidc::variable(name, field)),
        value: Some(oidc::shown(field, set).to_owned()),
        origin: set.origin.clone(),
        meaning: oidc::meaning(field).to_owned(),
    });
    let (defined, file) = context.layers.categories();
    let categories = defined.iter().map(|category| ShownSetting {
        key: format!("{}.{}", categories::KEY, category.key),
        env: None,
        value: Some(category.kind.name().to_owned()),
        origin: file.to_string(),
        meaning: format!("a category of notifications: {}", category.title.en),
    });
    shown.chain(providers).chain(categories).collect()
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
            let message = format!("{shown} exists already and was not changed; name another file with --config");
            return Err(failure(Code::Conflict, message));
        }
        Err(error) => return Err(error).with_context(|| format!("could not make {shown}")),
    };
    file.write_all(initial::text().as_bytes()).with_context(|| format!("could not write {shown}"))?;
    crate::output::note(format_args!(
        "wrote {shown}: every setting with its default; `letopis config show` shows what is set"
    ));
    Ok(())
}
