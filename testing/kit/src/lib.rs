//! What the tests stand on: real servers on free ports over throwaway folders, actors who tell stories over HTTP,
//! and a reader of the OpenAPI document that checks every answer which an actor gets.

mod actor;
mod authenticator;
mod contract;
mod device;
mod live;
mod poison;
mod server;
mod shared;

pub use actor::{Actor, Reply};
pub use authenticator::Authenticator;
pub use contract::Contract;
pub use device::Device;
pub use live::{Heard, Live};
pub use poison::poison;
pub use server::TestApp;
pub use servers;
