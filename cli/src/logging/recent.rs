//! Hands errors on to where an operator finds the last ones (`node::recent_errors`).

use std::fmt::{Debug, Write};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Keeps what is reported as an error.
pub struct RecentErrors;

impl<S: Subscriber> Layer<S> for RecentErrors {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() == Level::ERROR {
            let mut line = Line::default();
            event.record(&mut line);
            node::recent_errors::keep(store::now(), event.metadata().target(), &line.text());
        }
    }
}

/// The message, and behind it the fields by name.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Line {
    fn text(self) -> String {
        self.message + &self.fields
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing into a string does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt;

    #[test]
    fn errors_are_kept_with_their_fields_and_nothing_else_is() {
        let subscriber = tracing_subscriber::registry().with(RecentErrors);
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!("a warning of this test");
            tracing::error!(position = 7, "an error of this test");
        });
        let kept = node::recent_errors::since(domain::Timestamp(0));
        assert!(kept.iter().any(|error| error.line == "an error of this test position=7"), "{kept:?}");
        assert!(kept.iter().all(|error| error.line != "a warning of this test"));
    }
}
