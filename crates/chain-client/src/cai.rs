//! Amounts as people write them.

use std::{fmt, str::FromStr};

use cuckoo_primitives::{Balance, CAI};

/// Digits after the point of an amount in CAI.
const CAI_DECIMALS: usize = 18;

/// No amount of CAI: the beginning of what was written instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no amount of CAI; write decimal digits, for example 25000 or 0.5, at most 18 of them after the point"
)]
pub struct NotAnAmount(String);

/// An amount of CAI, read from decimal digits such as `25000` or `0.5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cai(pub Balance);

impl FromStr for Cai {
    type Err = NotAnAmount;

    fn from_str(text: &str) -> Result<Self, NotAnAmount> {
        let refused = || NotAnAmount(text.chars().take(40).collect());
        let digits = text.replace([',', '_'], "");
        let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
        let only_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !only_digits(whole) || !only_digits(fraction) || fraction.len() > CAI_DECIMALS {
            return Err(refused());
        }
        let whole: Balance = whole.parse().map_err(|_| refused())?;
        let fraction: Balance = format!("{fraction:0<CAI_DECIMALS$}").parse().map_err(|_| refused())?;
        whole.checked_mul(CAI).and_then(|planck| planck.checked_add(fraction)).map(Self).ok_or_else(refused)
    }
}

impl fmt::Display for Cai {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / CAI, self.0 % CAI);
        match fraction {
            0 => write!(f, "{whole} CAI"),
            _ => write!(f, "{whole}.{} CAI", format!("{fraction:0>CAI_DECIMALS$}").trim_end_matches('0')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly() {
        for (text, planck) in [
            ("25000", 25_000 * CAI),
            ("20,000.5", 20_000 * CAI + CAI / 2),
            ("0.000000000000000001", 1),
            ("1000000000", 1_000_000_000 * CAI),
        ] {
            assert_eq!(text.parse::<Cai>(), Ok(Cai(planck)), "{text}");
        }
        assert_eq!(Cai(20_000 * CAI + CAI / 2).to_string(), "20000.5 CAI");
        assert_eq!(Cai(3 * CAI).to_string(), "3 CAI");
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        let huge = "9".repeat(40);
        for text in ["", ".5", "-1", "1e3", "1.0000000000000000001", "one", &huge] {
            assert!(text.parse::<Cai>().is_err(), "{text}");
        }
    }
}
