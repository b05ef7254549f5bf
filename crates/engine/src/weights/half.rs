//! Numbers of sixteen bits.

/// Value of an IEEE half; exact.
#[inline]
pub(crate) fn f16_to_f32(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let magnitude = u32::from(bits & 0x7fff) << 13;
    let value = if bits & 0x7c00 == 0x7c00 {
        magnitude | 0x7f80_0000
    } else {
        // Multiplying by 2^112 moves the exponent to its place and makes subnormal halves normal.
        (f32::from_bits(magnitude) * f32::from_bits(0x7780_0000)).to_bits()
    };
    f32::from_bits(sign | value)
}

/// The nearest IEEE half, ties to even; what is too large becomes infinite.
#[inline]
pub(crate) fn f32_to_f16(value: f32) -> u16 {
    const TWO_TO_16: u32 = 0x4780_0000;
    const TWO_TO_MINUS_14: u32 = 0x3880_0000;
    const INFINITY: u32 = 0x7f80_0000;
    let bits = value.to_bits();
    let sign = ((bits >> 16) & 0x8000) as u16;
    let magnitude = bits & 0x7fff_ffff;
    let half = if magnitude >= TWO_TO_16 {
        if magnitude > INFINITY {
            0x7e00
        } else {
            0x7c00
        }
    } else if magnitude < TWO_TO_MINUS_14 {
        // The last bit of a number in [0.5, 1) is worth 2^-24, as that of a subnormal half.
        (f32::from_bits(magnitude) + 0.5).to_bits().wrapping_sub(0.5f32.to_bits())
    } else {
        let rounded = magnitude.wrapping_add(0xfff).wrapping_add((magnitude >> 13) & 1);
        (rounded >> 13).wrapping_sub(112 << 10)
    };
    sign | half as u16
}

/// Value of a bfloat16; exact.
#[inline]
pub(crate) fn bf16_to_f32(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_survives_the_way_there_and_back() {
        for bits in 0..=u16::MAX {
            let value = f16_to_f32(bits);
            if value.is_nan() {
                assert!(f16_to_f32(f32_to_f16(value)).is_nan());
            } else {
                assert_eq!(f32_to_f16(value), bits, "{value}");
            }
        }
        assert_eq!(f16_to_f32(0x3c00), 1.0);
        assert_eq!(f16_to_f32(0x0001), 2f32.powi(-24));
        assert_eq!(f16_to_f32(0xfbff), -65504.0);
        assert_eq!(f16_to_f32(0x7c00), f32::INFINITY);
    }

    #[test]
    fn what_lies_between_two_halves_goes_to_the_nearer_and_ties_to_the_even_one() {
        for bits in 0..0x7bff_u16 {
            let (low, high) = (f16_to_f32(bits), f16_to_f32(bits + 1));
            let middle = (low + high) / 2.0;
            assert_eq!(f32_to_f16(middle), bits + (bits & 1), "{middle}");
            assert_eq!(f32_to_f16(f32::from_bits(middle.to_bits() - 1)), bits);
            assert_eq!(f32_to_f16(f32::from_bits(middle.to_bits() + 1)), bits + 1);
            assert_eq!(f32_to_f16(-low), bits | 0x8000);
        }
        assert_eq!(f32_to_f16(65519.9), 0x7bff);
        assert_eq!(f32_to_f16(65520.0), 0x7c00);
        assert_eq!(f32_to_f16(f32::INFINITY), 0x7c00);
    }
}
