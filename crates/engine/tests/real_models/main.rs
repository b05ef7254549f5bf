//! The engine with the real models that `scripts/setup` fetches.

mod chat;
mod embeddings;
mod files;
mod golden;
mod load;
mod openai;
mod outputs;
mod verification;
