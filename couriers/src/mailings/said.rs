//! What a mailing says: the version of its template that a run stays with, or its plain words, with its variables.

use crate::render::{self, Context, RenderError, Rendered, Source};
use domain::TemplateId;
use domain::delivery::{Content, Details};
use domain::mailing::Saying;
use domain::template::{self, Definition};
use projections::templates;
use serde_json::{Map, Value};
use store::sql::Database;

/// What a run says.
pub(super) struct Said {
    /// What each delivery names.
    pub(super) content: Content,
    source: Words,
}

enum Words {
    Template(Box<Definition>),
    Plain(template::Content),
}

/// Why a mailing says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsayable {
    /// Its template was deleted, or has no such version.
    #[error("its template no longer exists")]
    NoTemplate,
    /// It has neither a template nor a text: they went with who wrote them.
    #[error("its text was erased")]
    Forgotten,
}

impl Said {
    /// Looks up what is said. `db` is that of templates; none where this server has none.
    pub(super) async fn of(
        db: Option<&Database>,
        saying: &Saying,
        details: &Details,
    ) -> Result<Result<Said, Unsayable>, store::Error> {
        let (template_id, version) = match saying {
            Saying::Plain => {
                let plain = details.plain.clone();
                return Ok(plain.ok_or(Unsayable::Forgotten).map(|plain| Said {
                    content: Content::Plain,
                    source: Words::Plain(template::Content {
                        subject: plain.subject,
                        text: Some(plain.text),
                        html: plain.html,
                    }),
                }));
            }
            Saying::Template { template_id, version } => (*template_id, *version),
        };
        let Some(db) = db else { return Ok(Err(Unsayable::NoTemplate)) };
        let found = templates::by_id(db, TemplateId(template_id)).await?.filter(|found| found.live);
        let Some(found) = found else { return Ok(Err(Unsayable::NoTemplate)) };
        let version = templates::version(db, found.template_id, version.unwrap_or(found.version)).await?;
        Ok(version.ok_or(Unsayable::NoTemplate).map(|version| Said {
            content: Content::Template { template_id, version: version.version },
            source: Words::Template(Box::new(version.definition)),
        }))
    }

    /// What is forgotten: the rules call such a run off before anybody could read it.
    pub(super) fn forgotten() -> Said {
        Said { content: Content::Plain, source: Words::Plain(template::Content::default()) }
    }

    /// How it reads with these variables and no others.
    pub(super) fn render(
        &self,
        locale: &str,
        variables: &Map<String, Value>,
        context: &Context<'_>,
    ) -> Result<Rendered, RenderError> {
        render::render(&self.source(), locale, variables, context)
    }

    /// The same with the examples of those that are left out.
    pub(super) fn preview(
        &self,
        locale: &str,
        variables: &Map<String, Value>,
        context: &Context<'_>,
    ) -> Result<Rendered, RenderError> {
        render::preview(&self.source(), locale, variables, context)
    }

    fn source(&self) -> Source<'_> {
        match &self.source {
            Words::Template(definition) => Source::Template(definition),
            Words::Plain(content) => Source::Plain(content),
        }
    }
}

/// What was fetched goes before what the draft says.
pub(super) fn merged(details: &Details, fetched: &Map<String, Value>) -> Map<String, Value> {
    let mut all = details.variables.clone();
    all.extend(fetched.iter().map(|(name, value)| (name.clone(), value.clone())));
    all
}
