//! Qwen 2 and 2.5: queries, keys and values have biases, rotary positions turn the halves of a head.

use crate::{
    compute::RopePairs,
    models::family::{Family, Part},
};

pub(crate) const FAMILY: Family = Family {
    architecture: "qwen2",
    pairs: RopePairs::Halves,
    biases: Part::Always,
    head_norms: Part::Never,
    rope_factors: Part::Never,
};
