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
/// Most people that are looked at where somebody wants to know how many get it.
pub const PREVIEW_PEOPLE_MAX: u64 = 1_000_000;

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
    /// Most people that are looked at; the page that is begun is ended.
    pub people_max: u64,
    /// Whether the samples are all that is wanted: nobody is looked at once they are found.
    pub samples_only: bool,
}

/// Who would get it. The command line shows it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// How many people would get it, over at least one channel.
    pub recipients: u64,
    /// How many of the audience would not, by why.
    pub by_reason: BTreeMap<&'static str, u64>,
    /// How many people were looked at, where there may be more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub looked_at: Option<u64>,
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
    let (mut after, mut looked_at) = (None, 0);
    loop {
        let page = crowd.page(parts.recipients, after, IDS_MAX).await?;
        let suppressed = Suppressed::of(parts.keys, parts.recipients, &page.people).await?;
        looked_at += IDS_MAX as u64;
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
        if page.is_last || parts.samples_only && first.len() == SAMPLES {
            break;
        }
        if looked_at >= parts.people_max {
            preview.looked_at = Some(looked_at);
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

#[cfg(test)]
mod tests {
    use super::*;
    use domain::mailing::{Audience, Saying};
    use domain::notify::{Categories, CategoryKey, Kind};
    use domain::text::UserName;
    use domain::user::{SignedUp, SignedUpAs};
    use domain::{Event, Personal, user};
    use projections::{ProjectionId, Projections};
    use store::{Appender, Batch, Folder, NewEvent};
    use uuid::Uuid;

    const AT: Timestamp = Timestamp(1_700_000_000_000_000);

    /// One more than fit into a page; the last of them signed up a second later.
    struct World {
        appender: Appender,
        projections: Projections,
        _place: tempfile::TempDir,
    }

    impl World {
        fn new() -> World {
            let place = tempfile::tempdir().unwrap();
            let folder = Folder::create(place.path()).unwrap();
            let mut appender = Appender::open(&folder, &folder.master_key()).unwrap();
            let signed_up = |number: usize| {
                let personal = SignedUpAs { user_name: UserName::parse(&format!("p{number}")).unwrap(), email: None };
                let at = AT.plus_seconds(i64::from(number > IDS_MAX));
                let event = user::Event::SignedUp(SignedUp { at, personal: Personal::Known(personal) });
                let event = Event::User(UserId(Uuid::from_u128(number as u128)), event);
                NewEvent { version: 1, event, meta: "{}".to_owned() }
            };
            let events = (1..=IDS_MAX + 1).map(signed_up).collect();
            appender.append(&Batch { at: AT, events, ..Batch::default() }).unwrap();
            let projections = Projections::open(&folder, appender.log(&folder).unwrap()).unwrap();
            World { appender, projections, _place: place }
        }

        async fn preview(
            &self,
            audience: Audience,
            channel: Channel,
            (people_max, samples_only): (u64, bool),
        ) -> Preview {
            let plan = Plan {
                category: CategoryKey::MARKETING,
                kind: Kind::Marketing,
                channels: vec![channel],
                saying: Saying::Plain,
                audience,
                send_at: None,
                schedule: None,
                per_second_max: None,
                expires_in: 3_600,
            };
            let categories = Categories::default();
            let parts = PreviewParts {
                recipients: &self.projections.database(ProjectionId::Recipients),
                templates: None,
                keys: &self.appender.keys(),
                variables: &VariablesSource::default(),
                category: categories.get(&CategoryKey::MARKETING).unwrap(),
                active: HashSet::new(),
                product: "Garden & Co",
                public_url: "https://garden.example",
                people_max,
                samples_only,
            };
            preview(parts, &plan, Vec::new(), None, AT.plus_seconds(2)).await.unwrap()
        }
    }

    #[tokio::test]
    async fn who_is_looked_at_is_counted_where_there_may_be_more() {
        let world = World::new();
        let look = async |people_max| world.preview(Audience::default(), Channel::Email, (people_max, false)).await;
        let (some, all) = (look(1).await, look(PREVIEW_PEOPLE_MAX).await);
        assert_eq!((some.by_reason["no-address"], some.looked_at), (IDS_MAX as u64, Some(IDS_MAX as u64)));
        assert_eq!((all.by_reason["no-address"], all.looked_at), (IDS_MAX as u64 + 1, None));
    }

    #[tokio::test]
    async fn for_samples_as_many_are_looked_at_as_it_takes() {
        let world = World::new();
        let look =
            async |audience| world.preview(audience, Channel::Inbox, (PREVIEW_PEOPLE_MAX, true)).await.recipients;
        assert_eq!(look(Audience::default()).await, IDS_MAX as u64);
        let newer = Audience { signed_up_after: Some(AT), ..Audience::default() };
        assert_eq!(look(newer).await, 1, "the last of all");
    }
}
