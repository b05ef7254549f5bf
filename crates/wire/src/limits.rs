//! Bounds that both sides of a link enforce.

/// Version of the link protocol; both sides must speak the same.
pub const PROTOCOL: u32 = 6;
/// Largest message on the link, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;
/// Largest message from a miner, in bytes: a vector of 64 KiB or a piece of text, and what is around it. Coordinators read
/// the first message of strangers, and must not hold megabytes for each.
pub const MAX_MINER_MESSAGE_BYTES: usize = 128 * 1024;
/// Longest wait for the other side's next handshake message, in milliseconds.
pub const HANDSHAKE_TIMEOUT_MS: u64 = 10_000;
/// Most models in one offer.
pub const MAX_MODELS: usize = 64;
/// Longest model id, in bytes.
pub const MAX_MODEL_ID_LEN: usize = 128;
/// Most slots one miner can offer one coordinator.
pub const MAX_SLOTS: u32 = 1024;
/// Most stop strings of a task.
pub const MAX_STOP_STRINGS: usize = 4;
/// Largest frequency and presence penalty, either way.
pub const MAX_PENALTY: f32 = 2.0;
/// Largest repetition penalty.
pub const MAX_REPETITION_PENALTY: f32 = 2.0;
/// Most alternatives whose log-probabilities are reported for a token.
pub const MAX_TOP_LOGPROBS: u32 = 20;
/// Longest JSON schema of a task, in bytes.
pub const MAX_SCHEMA_BYTES: usize = 64 * 1024;
/// Most bytes that a token can stand for, in reports of log-probabilities.
pub const MAX_TOKEN_BYTES: usize = 1024;
/// Most inputs of one embedding task.
pub const MAX_EMBEDDING_INPUTS: usize = 2048;
/// Attempts that one link carries: then the miner closes it and dials anew. So many shares of seeds a miner can show.
pub const ATTEMPTS_PER_LINK: usize = 450_000;
/// Most leaves that are opened at once; of 64 candidates each they are 72 KiB.
pub const MAX_OPENED: u32 = 128;
/// Openings of one link that a miner works on at once; it leaves further questions unread.
pub const MAX_OPENINGS_AT_ONCE: usize = 4;
