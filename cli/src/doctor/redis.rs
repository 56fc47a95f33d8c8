//! Whether Redis is there, where it is set.

use super::Check;
use crate::context::Context;
use serde_json::json;

pub(super) async fn redis(context: &Context) -> Check {
    let Some(address) = &context.settings.redis else {
        return Check::ok("redis", "not set: each process keeps what it looked up for itself");
    };
    match node::redis::look(address).await {
        Ok(version) => Check::ok("redis", format!("{address} answers ({version})")).with(json!({"version": version})),
        Err(error) => {
            let advice = "start it, or correct LETOPIS_REDIS_URL; the server works without it and asks the database \
                          instead";
            Check::warning("redis", format!("{address}: {error}"), advice)
        }
    }
}
