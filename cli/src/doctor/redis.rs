//! Whether Redis is there, where it is set.

use super::{Advice, Check};
use crate::context::Context;
use serde_json::json;

pub(super) async fn redis(context: &Context) -> Check {
    let Some(address) = &context.settings.redis else {
        return Check::ok("redis", "not set: each node keeps sessions and rate limits to itself");
    };
    match node::redis::look(address).await {
        Ok(version) => Check::ok("redis", format!("{address} answers ({version})")).with(json!({"version": version})),
        Err(error) => Check::warning("redis", format!("{address}: {error}"), Advice::RedisUnreachable),
    }
}
