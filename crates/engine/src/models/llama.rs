//! The llama family: Llama 2 and 3, SmolLM2, Mistral and what else is converted under this name.
//!
//! Files store the heads of queries and keys so that rotary positions turn neighbours. Llama 3.1 and later slow the
//! turns down by factors in a tensor of their own.

use crate::{
    compute::RopePairs,
    models::family::{Family, Part},
};

pub(crate) const FAMILY: Family = Family {
    architecture: "llama",
    pairs: RopePairs::Neighbours,
    biases: Part::Maybe,
    head_norms: Part::Never,
    rope_factors: Part::Maybe,
};
