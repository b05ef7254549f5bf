//! GGUF files: a header of keys and values, then tensors.
//!
//! A file comes from strangers. Every count, length, depth, dimension and offset in it is compared with the file's size
//! and with a fixed maximum before anything is allocated or read by it, and whatever does not fit is an error that names
//! it. Values stay where they are until they are asked for.

mod cursor;
mod file;
#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod fuzz;
mod header;
mod metadata;
mod tensor;
#[cfg(test)]
mod tests;
mod value;
mod write;

pub(crate) use file::GgufFile;
pub(crate) use metadata::Metadata;
pub(crate) use tensor::TensorInfo;
pub(crate) use write::{rewrite, RewriteError};
