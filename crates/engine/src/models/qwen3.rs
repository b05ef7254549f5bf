//! Qwen 3: no biases, each head of queries and keys is normalised before its rotary positions, which turn the halves.

use crate::{
    compute::RopePairs,
    models::family::{Family, Part},
};

pub(crate) const FAMILY: Family = Family {
    architecture: "qwen3",
    pairs: RopePairs::Halves,
    biases: Part::Never,
    head_norms: Part::Always,
    rope_factors: Part::Never,
};
