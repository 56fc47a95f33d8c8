//! Whether NATS is there, where it is set.

use super::Check;
use crate::context::Context;
use couriers::Looked;
use serde_json::json;

pub(super) async fn nats(context: &Context) -> Check {
    let Some(address) = &context.settings.nats else {
        return Check::ok("nats", "not set: other services are told nothing");
    };
    let shown = address.to_string();
    match couriers::look(address.clone()).await {
        Ok(looked) => told(&shown, &looked),
        Err(error) => {
            let advice = "start it with JetStream, or correct LETOPIS_NATS_URL; the server works without it and tells \
                          other services later what they miss";
            Check::warning("nats", format!("{shown}: {error}"), advice)
        }
    }
}

fn told(shown: &str, looked: &Looked) -> Check {
    let version = &looked.version;
    let Some(stream) = looked.stream else {
        let found = format!("{shown} answers ({version}); there is no stream yet: a server that runs makes it");
        return Check::ok("nats", found);
    };
    let (messages, position) = (stream.messages, stream.position);
    let at = position.map_or_else(String::new, |position| format!(", the last one of position {position}"));
    let found = format!("{shown} answers ({version}); the stream holds {messages} messages{at}");
    Check::ok("nats", found).with(json!({"version": version, "messages": messages, "position": position}))
}
