//! Who is calling.

pub(crate) mod back_off;
pub(crate) mod caller;
pub(crate) mod challenges;
pub(crate) mod credentials;
pub(crate) mod enforcement;
pub(crate) mod failures;
pub(crate) mod fresh;
pub(crate) mod lookup;
pub(crate) mod new_name;
pub(crate) mod operator;
pub(crate) mod second_factor;
pub(crate) mod service_token;
mod session_entry;
pub(crate) mod session_token;
pub(crate) mod sign_in;
pub(crate) mod standing;
pub(crate) mod webauthn;
