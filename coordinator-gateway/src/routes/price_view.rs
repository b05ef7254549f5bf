//! Amounts and prices as the API shows them: exactly, which JSON's numbers are not.

use cuckoo_primitives::{settlement::Price, Balance, CAI};
use serde::Serialize;
use utoipa::ToSchema;

/// An amount of money.
#[derive(Serialize, ToSchema)]
#[cfg_attr(test, derive(Debug, PartialEq, Eq))]
pub(crate) struct Amount {
    /// In planck, of which 10^18 are one CAI.
    planck: String,
    /// In CAI.
    #[schema(example = "0.01")]
    cai: String,
}

/// What is paid to miners, and what for.
#[derive(Serialize, ToSchema)]
pub(crate) struct PriceView {
    /// For 1,000 tokens read.
    prompt_1k_tokens: Amount,
    /// For 1,000 tokens written.
    completion_1k_tokens: Amount,
    /// For an image.
    image: Amount,
    /// For a second of audio.
    audio_second: Amount,
}

impl From<Balance> for Amount {
    fn from(planck: Balance) -> Self {
        let (whole, fraction) = (planck / CAI, planck % CAI);
        let cai = match fraction {
            0 => whole.to_string(),
            _ => format!("{whole}.{}", format!("{fraction:0>18}").trim_end_matches('0')),
        };
        Self { planck: planck.to_string(), cai }
    }
}

impl From<Price> for PriceView {
    fn from(price: Price) -> Self {
        let [prompt_1k_tokens, completion_1k_tokens, image, audio_second] = price.figures().map(Amount::from);
        Self { prompt_1k_tokens, completion_1k_tokens, image, audio_second }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_exactly() {
        let shown = |planck: Balance| {
            let Amount { planck, cai } = planck.into();
            (planck, cai)
        };
        assert_eq!(shown(0), ("0".into(), "0".into()));
        assert_eq!(shown(1), ("1".into(), "0.000000000000000001".into()));
        assert_eq!(shown(12 * CAI + CAI / 2), ("12500000000000000000".into(), "12.5".into()));
    }
}
