//! Listening for HTTP.

mod by_address;
mod http;
mod write_timeout;

pub(crate) use by_address::network_of;
pub(crate) use http::{serve_http, ConnectionLimits};
