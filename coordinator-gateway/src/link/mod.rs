//! The miners' side: connections, the mutual proof of operator keys, and one task per link that reads it.

mod connection;
mod handshake;
mod known_models;
mod limits;
mod offer;
mod openings;
mod peer;
mod running;
mod server;
mod session;
mod turns;

pub(crate) use connection::LinkListener;
pub(crate) use handshake::Refused;
pub(crate) use known_models::KnownModels;
pub use known_models::{ModelRoot, NotARoot};
pub(crate) use limits::UnprovenLinks;
pub(crate) use offer::{Offer, OfferedModel};
#[cfg(test)]
pub(crate) use peer::Sent;
pub(crate) use peer::{Ending, Link};
pub(crate) use running::AttemptMessage;
pub(crate) use server::{serve_links, LinkContext};
pub(crate) use session::of_same_stash;
pub(crate) use turns::Turns;
