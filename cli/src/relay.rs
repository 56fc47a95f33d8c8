//! `letopis relay`: whether other services are told of this log.

use crate::context::Context;
use crate::{arguments, control, output};
use anyhow::Result;
use node::operations::Request;
use relay::Arming;
use serde_json::json;
use store::RelayPlace;

/// `letopis relay arm` and `letopis relay disarm`.
///
/// # Errors
/// When it cannot be written down.
pub async fn verb(context: &Context, asked: &arguments::Relay) -> Result<()> {
    let armed = match asked {
        arguments::Relay::Arm => true,
        arguments::Relay::Disarm => false,
    };
    let done = match &context.settings.database {
        None => control::carry_out(context, Request::ArmRelay { armed }).await?,
        // Every node looks there, and none has to be able to start for it.
        Some(cluster) => {
            Arming::open(&RelayPlace::shared(cluster))?.set(armed)?;
            json!({"armed": armed})
        }
    };
    output::show(context.output, &done)
}
