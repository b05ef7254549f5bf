//! Listening for HTTP.

mod by_address;
mod client;
mod http;

pub(crate) use by_address::network_of;
pub(crate) use http::{serve_http, ConnectionLimits};
