//! Listening for HTTP.

mod http;

pub(crate) use http::{serve_http, ConnectionLimits};
