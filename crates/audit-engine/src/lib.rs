//! What an auditor's engine says of answers, in a process of its own, so that audits never slow serving and a model that
//! breaks its engine breaks nothing else.
//!
//! [`AuditEngine`] starts that process and asks it; [`serve`] is what runs in it. They talk over its standard input and
//! output, see [`Order`]. [`own`] is what both are for, and all that a program with an engine at hand needs. By what its
//! answers are judged [`Calibrating`] measures.

#![warn(missing_docs)]

mod calibrate;
mod frame;
mod order;
mod own;
mod process;
mod serve;

pub use calibrate::{CalibrateError, Calibrating, Measured};
pub use frame::FrameError;
pub use order::{Order, OwnModel, Produced};
pub use own::{own, Asked};
pub use process::{AuditEngine, StartError, Unable};
pub use serve::{serve, ServeError};
