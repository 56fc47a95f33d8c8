//! Templates, with every version that they ever had: deliveries are rendered from the version that they pin, also of a
//! template that was deleted since.

use crate::ProjectionId;
use crate::engine::definition::Definition;
use crate::engine::fold::Fold;
use crate::engine::table::{Key, Table};
use domain::id::TemplateKey;
use domain::notify::CategoryKey;
use domain::template::{self, ContentPublished, VersionPublished};
use domain::{TemplateId, Timestamp};
use std::collections::BTreeMap;
use store::Fact;
use store::sql::{Columns, Database, Row, Tx};

pub(crate) const DEFINITION: Definition = Definition {
    id: ProjectionId::Templates,
    name: "templates",
    version: 1,
    tables: TABLES,
    indexes: INDEXES,
    compared: COMPARED,
    guards: false,
    folds: &[Fold::Template(apply)],
};

const TABLES: &str = "
    create table template (
        template_id bytea primary key,
        key text not null,
        live boolean not null,
        newest bigint not null,
        stream_version bigint not null,
        created bigint not null,
        created_at bigint not null,
        updated_at bigint not null
    );
    create table template_version (
        template_id bytea not null,
        version bigint not null,
        category text not null,
        variables text not null,
        published_at bigint not null,
        primary key (template_id, version)
    );
    create table template_content (
        template_id bytea not null,
        piece bigint not null,
        version bigint not null,
        locale text not null,
        subject text,
        body text,
        html text,
        primary key (template_id, piece)
    );
";

const INDEXES: &str = "
    create index if not exists template_by_key on template (key);
    create index if not exists template_by_creation on template (created);
    create index if not exists template_content_by_version on template_content (template_id, version, piece);
";

const COMPARED: &[Table] = &[
    Table {
        name: "template",
        key: &[Key::Id("template_id")],
        columns: &["key", "live", "newest", "stream_version", "created", "created_at", "updated_at"],
    },
    Table {
        name: "template_version",
        key: &[Key::Id("template_id"), Key::Number("version")],
        columns: &["category", "variables", "published_at"],
    },
    Table {
        name: "template_content",
        key: &[Key::Id("template_id"), Key::Number("piece")],
        columns: &["version", "locale", "subject", "body", "html"],
    },
];

/// A template, at its newest version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pub template_id: TemplateId,
    pub key: TemplateKey,
    /// Whether it was not deleted.
    pub live: bool,
    /// The newest version.
    pub version: u32,
    /// The version of its stream.
    pub stream_version: u64,
    pub category: CategoryKey,
    /// Where its creation stands in the log; the cursor of [`list`].
    pub created: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// One version of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub version: u32,
    pub category: CategoryKey,
    pub published_at: Timestamp,
    pub definition: template::Definition,
}

fn apply(tx: &mut Tx<'_>, fact: &Fact, template_id: TemplateId, event: &template::Event) -> Result<(), store::Error> {
    match event {
        template::Event::Created(created) => tx.queue(
            "insert into template
                (template_id, key, live, newest, stream_version, created, created_at, updated_at)
             values ($1, $2, false, 0, $3, $4, $5, $5)",
            &[
                (&template_id).into(),
                created.key.to_string().as_str().into(),
                fact.version.into(),
                fact.position.into(),
                fact.recorded_at.into(),
            ],
        ),
        template::Event::ContentPublished(content) => insert_content(tx, fact, template_id, content),
        template::Event::VersionPublished(published) => {
            insert_version(tx, fact, template_id, published)?;
            tx.queue(
                "update template set live = true, newest = $2, stream_version = $3, updated_at = $4
                 where template_id = $1",
                &[(&template_id).into(), published.version.into(), fact.version.into(), fact.recorded_at.into()],
            )
        }
        template::Event::Deleted => tx.queue(
            "update template set live = false, stream_version = $2, updated_at = $3 where template_id = $1",
            &[(&template_id).into(), fact.version.into(), fact.recorded_at.into()],
        ),
    }
}

fn insert_content(
    tx: &mut Tx<'_>,
    fact: &Fact,
    template_id: TemplateId,
    content: &ContentPublished,
) -> Result<(), store::Error> {
    tx.queue(
        "insert into template_content (template_id, piece, version, locale, subject, body, html)
         values ($1, $2, $3, $4, $5, $6, $7)",
        &[
            (&template_id).into(),
            fact.version.into(),
            content.version.into(),
            content.locale.as_str().into(),
            content.subject.as_deref().into(),
            content.text.as_deref().into(),
            content.html.as_deref().into(),
        ],
    )
}

fn insert_version(
    tx: &mut Tx<'_>,
    fact: &Fact,
    template_id: TemplateId,
    published: &VersionPublished,
) -> Result<(), store::Error> {
    let variables = serde_json::to_string(&published.variables).map_err(|_| malformed("variables"))?;
    tx.queue(
        "insert into template_version (template_id, version, category, variables, published_at)
         values ($1, $2, $3, $4, $5)",
        &[
            (&template_id).into(),
            published.version.into(),
            published.category.as_str().into(),
            variables.as_str().into(),
            fact.recorded_at.into(),
        ],
    )
}

macro_rules! template_columns {
    () => {
        "t.template_id, t.key, t.live, t.newest, t.stream_version, v.category, t.created, t.created_at, t.updated_at"
    };
}
macro_rules! templates {
    ($which:literal) => {
        concat!(
            "select ",
            template_columns!(),
            " from template t join template_version v on v.template_id = t.template_id and v.version = t.newest ",
            $which
        )
    };
}
/// What [`template()`] reads.
const TEMPLATE: Columns = Columns::of(template_columns!());

/// The template of that id, also one that was deleted.
pub async fn by_id(db: &Database, template_id: TemplateId) -> Result<Option<Template>, store::Error> {
    db.row(templates!("where t.template_id = $1"), &[(&template_id).into()], template).await
}

/// The template that has a key now.
pub async fn by_key(db: &Database, key: TemplateKey) -> Result<Option<Template>, store::Error> {
    let key = key.to_string();
    db.row(templates!("where t.key = $1 and t.live"), &[key.as_str().into()], template).await
}

/// The templates that were not deleted, the newest first, from below a cursor on.
pub async fn list(db: &Database, before: Option<u64>, limit: u32) -> Result<Vec<Template>, store::Error> {
    let before = before.unwrap_or(i64::MAX.cast_unsigned()).cast_signed();
    db.rows(
        templates!("where t.live and t.created < $1 order by t.created desc limit $2"),
        &[before.into(), limit.into()],
        template,
    )
    .await
}

/// One version of a template, also of one that was deleted; none where there is no such version.
pub async fn version(db: &Database, template_id: TemplateId, version: u32) -> Result<Option<Version>, store::Error> {
    let head = db
        .row(
            "select category, variables, published_at from template_version
             where template_id = $1 and version = $2",
            &[(&template_id).into(), version.into()],
            |row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned(), row.timestamp(2)?)),
        )
        .await?;
    let Some((category, variables, published_at)) = head else { return Ok(None) };
    let pieces = db
        .rows(
            "select locale, subject, body, html from template_content
             where template_id = $1 and version = $2 order by piece",
            &[(&template_id).into(), version.into()],
            |row| {
                Ok((
                    row.text(0)?.to_owned(),
                    row.maybe_text(1)?.map(str::to_owned),
                    row.maybe_text(2)?.map(str::to_owned),
                    row.maybe_text(3)?.map(str::to_owned),
                ))
            },
        )
        .await?;
    let mut locales = BTreeMap::<String, template::Content>::new();
    for (locale, subject, text, html) in pieces {
        let content = locales.entry(locale).or_default();
        content.subject.push_str(&subject.unwrap_or_default());
        append(&mut content.text, text);
        append(&mut content.html, html);
    }
    let variables = serde_json::from_str(&variables).map_err(|_| malformed("variables"))?;
    let definition = template::Definition::restored(variables, locales);
    let category = CategoryKey::parse(&category).map_err(|_| malformed("category"))?;
    Ok(Some(Version { version, category, published_at, definition }))
}

fn append(whole: &mut Option<String>, piece: Option<String>) {
    if let Some(piece) = piece {
        whole.get_or_insert_default().push_str(&piece);
    }
}

fn template(row: &Row<'_>) -> Result<Template, store::Error> {
    let number = |column: usize| Ok::<_, store::Error>(row.int(column)?.cast_unsigned());
    let key = TemplateKey::parse(row.text(const { TEMPLATE.at("key") })?);
    let category = CategoryKey::parse(row.text(const { TEMPLATE.at("category") })?);
    Ok(Template {
        template_id: TemplateId(row.uuid(const { TEMPLATE.at("template_id") })?),
        key: key.ok_or_else(|| malformed("key"))?,
        live: row.bool(const { TEMPLATE.at("live") })?,
        version: u32::try_from(number(const { TEMPLATE.at("newest") })?).unwrap_or(u32::MAX),
        stream_version: number(const { TEMPLATE.at("stream_version") })?,
        category: category.map_err(|_| malformed("category"))?,
        created: number(const { TEMPLATE.at("created") })?,
        created_at: row.timestamp(const { TEMPLATE.at("created_at") })?,
        updated_at: row.timestamp(const { TEMPLATE.at("updated_at") })?,
    })
}

fn malformed(expected: &'static str) -> store::Error {
    store::Error::Column { index: 0, expected }
}
