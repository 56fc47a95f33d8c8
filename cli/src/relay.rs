//! `letopis relay`: whether other services are told of this log.

use crate::context::Context;
use crate::{arguments, control, report};
use anyhow::Result;
use node::operations::Request;

/// `letopis relay arm` and `letopis relay disarm`.
///
/// # Errors
/// When it cannot be written down.
pub async fn verb(context: &Context, asked: &arguments::Relay) -> Result<()> {
    let armed = match asked {
        arguments::Relay::Arm => true,
        arguments::Relay::Disarm => false,
    };
    report::show(context.output, &control::carry_out(context, Request::ArmRelay { armed }).await?)
}
