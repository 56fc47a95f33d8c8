//! What a node does beside its work: one file a job.

pub(crate) mod ownerless_chats;
