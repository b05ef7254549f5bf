//! Weights as files store them.

mod stored;

pub(crate) use stored::{Stored, StoredType};
