//! Who would get a mailing if it were sent now, why others would not, and how it would read.

use super::audience::Crowd;
use super::obstacle::{Suppressed, obstacle};
use super::said::{Said, Unsayable, merged};
use super::variables::VariablesSource;
use crate::render::{Context, RenderError};
use domain::mailing::{Plan, Texts};
use domain::notify::{Category, Channel};
use domain::{Timestamp, UserId};
use projections::recipients::{IDS_MAX, Recipient};
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};
use store::Keys;
use store::sql::Database;

/// How many people are shown how it reads.
const SAMPLES: usize = 3;
/// Most people that are looked at.
const PEOPLE_MAX: usize = 1_000_000;

/// What is looked at.
pub struct PreviewParts<'a> {
    /// That of recipients.
    pub recipients: &'a Database,
    /// That of templates; none where this server has none.
    pub templates: Option<&'a Database>,
    pub keys: &'a Keys,
    pub variables: &'a VariablesSource,
    pub category: &'a Category,
    /// Who was there since the audience says, by what is kept of sessions and tokens.
    pub active: HashSet<UserId>,
    pub product: &'a str,
    pub public_url: &'a str,
}

/// Who would get it. The command line shows it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// How many people would get it, over at least one channel.
    pub recipients: u64,
    /// How many of the audience would not, by why.
    pub by_reason: BTreeMap<&'static str, u64>,
    /// How it would read to the first of them.
    pub samples: Vec<Sample>,
    /// Why variables could not be fetched; the samples show the template's examples then.
    #[serde(rename = "variables_url", skip_serializing_if = "Option::is_none")]
    pub variables_fault: Option<String>,
    /// Why it cannot be said at all, or not with these variables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// How it would read to somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sample {
    pub user_id: UserId,
    pub subject: String,
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
}

/// Looks at everybody in the audience of a draft.
///
/// # Errors
/// When a read model cannot be read.
pub async fn preview(
    parts: PreviewParts<'_>,
    plan: &Plan,
    named: Vec<UserId>,
    texts: Option<&Texts>,
    now: Timestamp,
) -> Result<Preview, store::Error> {
    let crowd = Crowd { audience: plan.audience.clone(), named, until: now, active: parts.active };
    let (mut preview, mut first) = (Preview::default(), Vec::new());
    let (mut after, mut seen) = (None, 0);
    loop {
        let page = crowd.page(parts.recipients, after, IDS_MAX).await?;
        let suppressed = Suppressed::of(parts.keys, parts.recipients, &page.people).await?;
        seen += IDS_MAX;
        for person in page.people {
            let obstacles = told_over(plan).map(|channel| obstacle(parts.category, channel, &person, &suppressed, now));
            match obstacles.collect::<Option<Vec<_>>>().and_then(|reasons| reasons.first().copied()) {
                Some(reason) => *preview.by_reason.entry(reason).or_default() += 1,
                None => {
                    preview.recipients += 1;
                    if first.len() < SAMPLES {
                        first.push(person);
                    }
                }
            }
        }
        if !page.missing.is_empty() {
            *preview.by_reason.entry("erased").or_default() += page.missing.len() as u64;
        }
        after = page.after;
        if page.is_last || seen >= PEOPLE_MAX {
            break;
        }
    }
    let Some(texts) = texts else {
        preview.fault = Some(Unsayable::Forgotten.to_string());
        return Ok(preview);
    };
    let fetched = match &texts.variables_url {
        None => serde_json::Map::new(),
        Some(url) => parts.variables.fetch(url).await.unwrap_or_else(|why| {
            preview.variables_fault = Some(why);
            serde_json::Map::new()
        }),
    };
    match Said::of(parts.templates, &plan.saying, &texts.details).await? {
        Err(unsayable) => preview.fault = Some(unsayable.to_string()),
        Ok(said) => {
            let variables = merged(&texts.details, &fetched);
            let url = format!("{}/u/preview", parts.public_url);
            let context = Context {
                product: parts.product,
                public_url: parts.public_url,
                unsubscribe_url: (!parts.category.locked).then_some(url.as_str()),
                time_zone: "UTC",
            };
            match samples(&said, &first, &variables, &context) {
                Ok(samples) => preview.samples = samples,
                Err(error) => preview.fault = Some(error.to_string()),
            }
        }
    }
    Ok(preview)
}

/// The channels that have deliveries.
fn told_over(plan: &Plan) -> impl Iterator<Item = Channel> {
    plan.channels.iter().copied().filter(|channel| *channel != Channel::Live)
}

fn samples(
    said: &Said,
    people: &[Recipient],
    variables: &serde_json::Map<String, serde_json::Value>,
    context: &Context<'_>,
) -> Result<Vec<Sample>, RenderError> {
    let sample = |person: &Recipient| {
        let context = Context { time_zone: &person.time_zone, ..*context };
        let rendered = said.preview(&person.locale, variables, &context)?;
        let (subject, text, html) = (rendered.subject, rendered.text, rendered.html);
        Ok(Sample { user_id: person.user_id, subject, text, html })
    };
    people.iter().map(sample).collect()
}
