//! Whether NATS is there, where it is set.

use super::{Advice, Check};
use crate::context::Context;
use relay::NatsReport;
use serde_json::json;
use store::{Arming, Folder, Outlet, RelayPlace};

pub(super) async fn nats(context: &Context) -> Check {
    let Some(address) = &context.settings.nats else {
        return Check::ok("nats", "not set: other services hear nothing");
    };
    let shown = address.to_string();
    if is_disarmed(context) {
        let found = format!("the relay of this log sends nothing to {shown}: it is disarmed, as that of a copy is");
        return Check::warning("nats", found, Advice::RelayDisarmed);
    }
    match relay::probe(address.clone()).await {
        Ok(report) => told(&shown, &report),
        Err(error) => Check::warning("nats", format!("{shown}: {error}"), Advice::NatsUnreachable),
    }
}

/// Where that cannot be found out, other checks say why.
fn is_disarmed(context: &Context) -> bool {
    let Some(cluster) = &context.settings.database else {
        return Folder::existing(&context.settings.data).is_ok_and(|folder| folder.is_disarmed(Outlet::Relay));
    };
    Arming::present(&RelayPlace::shared(cluster), Outlet::Relay)
        .and_then(|arming| arming.is_disarmed())
        .unwrap_or_default()
}

fn told(shown: &str, report: &NatsReport) -> Check {
    let version = &report.version;
    let Some(stream) = report.stream else {
        let found = format!("{shown} answers ({version}); there is no stream yet: a running server makes it");
        return Check::ok("nats", found);
    };
    let (messages, position) = (stream.messages, stream.position);
    let at = position.map_or_else(String::new, |position| format!(", the last one of position {position}"));
    let found = format!("{shown} answers ({version}); the stream holds {messages} messages{at}");
    Check::ok("nats", found).with(json!({"version": version, "messages": messages, "position": position}))
}
