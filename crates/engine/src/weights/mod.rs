//! Weights as files store them.

mod block;
mod dequantise;
mod half;
mod quantise;
mod stored;

pub(crate) use block::{Decoded, Quantisation};
pub(crate) use dequantise::{dequantise, plain};
pub(crate) use half::{bf16_to_f32, f16_to_f32, f32_to_f16};
pub(crate) use quantise::quantise_q8_0;
pub(crate) use stored::{Stored, StoredType};
