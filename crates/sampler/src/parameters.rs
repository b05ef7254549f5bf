//! How a token is drawn.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use crate::MAX_CANDIDATES;

/// One, in the units of temperature and of [`Parameters::top_p`].
pub const ONE: u32 = 1 << 16;

/// How a token is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Parameters {
    /// In 2^-16, at most 2; at 0 the likeliest token is taken.
    pub temperature: u32,
    /// How many of the likeliest tokens may be drawn: 1 to [`MAX_CANDIDATES`].
    pub top_k: u8,
    /// Of those, the fewest likeliest that have this part of their probability, in 2^-16: 1 to [`ONE`].
    pub top_p: u32,
}

impl Parameters {
    /// Highest temperature.
    pub const MAX_TEMPERATURE: u32 = 2 * ONE;

    /// Whether every figure is within its bounds.
    pub fn are_valid(&self) -> bool {
        self.temperature <= Self::MAX_TEMPERATURE
            && (1..=MAX_CANDIDATES).contains(&usize::from(self.top_k))
            && (1..=ONE).contains(&self.top_p)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_bounds() {
        let fine = Parameters { temperature: 2 * ONE, top_k: 64, top_p: ONE };
        assert!(fine.are_valid());
        assert!(Parameters { temperature: 0, top_k: 1, top_p: 1 }.are_valid());
        for wrong in [
            Parameters { temperature: 2 * ONE + 1, ..fine },
            Parameters { top_k: 0, ..fine },
            Parameters { top_k: 65, ..fine },
            Parameters { top_p: 0, ..fine },
            Parameters { top_p: ONE + 1, ..fine },
        ] {
            assert!(!wrong.are_valid(), "{wrong:?}");
        }
    }
}
