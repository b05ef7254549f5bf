//! Sums of shares, which can be wider than a share.

/// A length on the line of shares: a number below 2^192, enough for 2^64 candidates with the largest share there is.
///
/// The field order makes the derived order numeric.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Length {
    high: u64,
    low: u128,
}

impl Length {
    /// No length.
    pub(crate) const ZERO: Self = Self { high: 0, low: 0 };

    /// This length and `share` after it.
    pub(crate) fn plus(self, share: u128) -> Self {
        let (low, carried) = self.low.overflowing_add(share);
        // Saturation is out of reach: it takes 2^64 carries, so more candidates than memory can hold.
        Self { high: self.high.saturating_add(u64::from(carried)), low }
    }

    /// How many bits it takes to write this length.
    fn bits(&self) -> u32 {
        match self.high {
            0 => u128::BITS.saturating_sub(self.low.leading_zeros()),
            high => u128::BITS.saturating_add(u64::BITS).saturating_sub(high.leading_zeros()),
        }
    }

    /// The number that the low bits of `bytes`, read as a little-endian integer, make: as many bits as `self` has.
    pub(crate) fn cut(&self, bytes: &[u8; 32]) -> Self {
        let (low, rest) = bytes.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
        let high = rest.first_chunk::<8>().unwrap_or(&[0; 8]);
        let bits = self.bits();
        Self {
            high: u64::from_le_bytes(*high) & low_mask(bits.saturating_sub(u128::BITS)) as u64,
            low: u128::from_le_bytes(*low) & low_mask(bits),
        }
    }
}

/// A mask of the lowest `bits` bits; all of them from 128 on.
fn low_mask(bits: u32) -> u128 {
    u128::MAX.checked_shr(u128::BITS.saturating_sub(bits)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_carry_past_128_bits() {
        let double = Length::ZERO.plus(u128::MAX).plus(u128::MAX);
        assert_eq!(double, Length { high: 1, low: u128::MAX - 1 });
        assert!(double > Length::ZERO.plus(u128::MAX));
    }

    #[test]
    fn cut_keeps_as_many_bits_as_the_length_has() {
        let ones = [0xff; 32];
        assert_eq!(Length { high: 0, low: 1 }.cut(&ones), Length { high: 0, low: 1 });
        assert_eq!(Length { high: 0, low: 0b100 }.cut(&ones), Length { high: 0, low: 0b111 });
        assert_eq!(Length { high: 0, low: u128::MAX }.cut(&ones), Length { high: 0, low: u128::MAX });
        assert_eq!(Length { high: 0b10, low: 0 }.cut(&ones), Length { high: 0b11, low: u128::MAX });
        assert_eq!(Length { high: u64::MAX, low: 0 }.cut(&ones), Length { high: u64::MAX, low: u128::MAX });
        assert_eq!(Length::ZERO.cut(&ones), Length::ZERO);
    }
}
