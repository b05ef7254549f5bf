//! The HTTP API, one file per resource.

pub(crate) mod audits;
pub(crate) mod chat_completions;
pub(crate) mod completions;
pub(crate) mod embeddings;
pub(crate) mod health;
pub(crate) mod miners;
pub(crate) mod models;
pub(crate) mod prices;
pub(crate) mod receipts;
pub(crate) mod usage;

mod event_stream;
mod json_body;
mod logprobs;
mod price_view;
mod sampling;
mod served;
mod task_id;
mod text;

pub(crate) use json_body::BodyLimits;
pub(crate) use price_view::Amount;
