//! Whether the services to sign in by answer, where they are set.

use super::{Advice, Check};
use crate::context::Context;
use node::Module;
use oidc::Client;

/// One check for each, in the order of the settings.
pub(super) async fn providers(context: &Context) -> Vec<Check> {
    let settings = &context.settings;
    if !settings.modules.has(Module::External) {
        return Vec::new();
    }
    if settings.providers.is_empty() {
        return vec![Check::ok("sign-in", "no other service to sign in by is set up")];
    }
    let http = outbound::Client::new(settings.outbound.clone());
    let mut checks = Vec::with_capacity(settings.providers.len());
    for provider in &settings.providers {
        let named = format!("{} at {}", provider.id, provider.issuer);
        checks.push(match Client::new(provider.clone(), http.clone()).look().await {
            Ok(found) => Check::ok("sign-in", format!("{named}: {found}")),
            Err(error) => {
                let advice = Advice::ProviderSilent { id: provider.id.to_string() };
                Check::warning("sign-in", format!("{named}: {error}"), advice)
            }
        });
    }
    checks
}
