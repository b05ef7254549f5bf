//! What work costs.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use crate::{Balance, CAI};

/// Highest figure that a price may have, in planck: 1,000,000 CAI. With it no cost of any [`Usage`] overflows.
pub const MAX_PRICE: Balance = CAI.saturating_mul(1_000_000);

/// What a coordinator offers, or a miner asks, for the work of one model, in planck.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Price {
    prompt: Balance,
    completion: Balance,
    image: Balance,
    audio: Balance,
}

/// What one task used.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Usage {
    /// Tokens read.
    pub prompt_tokens: u32,
    /// Tokens produced.
    pub completion_tokens: u32,
    /// Images produced.
    pub images: u32,
    /// Sound listened to, in milliseconds.
    pub audio_ms: u32,
}

impl Price {
    /// For 1,000 prompt tokens, 1,000 completion tokens, an image and a second of audio, in planck; `None` if one of
    /// them is above [`MAX_PRICE`].
    pub fn new(prompt: Balance, completion: Balance, image: Balance, audio: Balance) -> Option<Self> {
        let price = Self { prompt, completion, image, audio };
        price.figures().into_iter().all(|figure| figure <= MAX_PRICE).then_some(price)
    }

    /// For 1,000 prompt tokens, 1,000 completion tokens, an image and a second of audio, in planck.
    pub fn figures(&self) -> [Balance; 4] {
        [self.prompt, self.completion, self.image, self.audio]
    }

    /// Whether none of its figures is below what `ask` asks.
    pub fn meets(&self, ask: &Self) -> bool {
        self.figures().iter().zip(ask.figures()).all(|(offered, asked)| *offered >= asked)
    }

    /// What `usage` costs in planck, rounded up once over all of it.
    pub fn cost(&self, usage: &Usage) -> Balance {
        let Usage { prompt_tokens, completion_tokens, images, audio_ms } = *usage;
        // Each is below 2^80 planck times 2^32 times 1,000 at most: the sum stays below 2^125.
        let in_thousandths = [
            self.prompt.saturating_mul(prompt_tokens.into()),
            self.completion.saturating_mul(completion_tokens.into()),
            self.image.saturating_mul(images.into()).saturating_mul(1_000),
            self.audio.saturating_mul(audio_ms.into()),
        ];
        in_thousandths.into_iter().fold(0u128, Balance::saturating_add).div_ceil(1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price() -> Price {
        Price::new(1_500, 4_000, 70, 9).unwrap()
    }

    #[test]
    fn cost_is_the_sum_of_its_parts_rounded_up_once() {
        let cost = |prompt_tokens, completion_tokens, images, audio_ms| {
            price().cost(&Usage { prompt_tokens, completion_tokens, images, audio_ms })
        };
        assert_eq!(cost(0, 0, 0, 0), 0);
        assert_eq!(cost(1_000, 0, 0, 0), 1_500);
        assert_eq!(cost(0, 1_000, 0, 0), 4_000);
        assert_eq!(cost(0, 0, 3, 0), 210);
        assert_eq!(cost(0, 0, 0, 2_000), 18);
        // 1.5 and 0.009 planck.
        assert_eq!(cost(1, 0, 0, 1), 2);
        // 1.5 + 4 + 70 + 0.009 planck.
        assert_eq!(cost(1, 1, 1, 1), 76);
    }

    #[test]
    fn the_largest_cost_does_not_overflow() {
        let price = Price::new(MAX_PRICE, MAX_PRICE, MAX_PRICE, MAX_PRICE).unwrap();
        let most = u32::MAX;
        let usage = Usage { prompt_tokens: most, completion_tokens: most, images: most, audio_ms: most };
        let exact = MAX_PRICE * u128::from(most) * 1_003 / 1_000;
        assert_eq!(price.cost(&usage), exact);
        assert!(MAX_PRICE.checked_mul(u128::from(most)).and_then(|cost| cost.checked_mul(1_003)).is_some());
    }

    #[test]
    fn prices_beyond_the_highest_are_refused() {
        assert!(Price::new(MAX_PRICE, 0, 0, 0).is_some());
        for at in 0..4 {
            let mut figures = [0; 4];
            figures[at] = MAX_PRICE + 1;
            let [prompt, completion, image, audio] = figures;
            assert_eq!(Price::new(prompt, completion, image, audio), None);
        }
    }

    #[test]
    fn an_offer_meets_an_ask_if_it_does_in_every_figure() {
        let ask = price();
        assert!(ask.meets(&ask));
        assert!(ask.meets(&Price::default()));
        for at in 0..4 {
            let mut figures = ask.figures();
            figures[at] -= 1;
            let [prompt, completion, image, audio] = figures;
            assert!(!Price::new(prompt, completion, image, audio).unwrap().meets(&ask));
        }
    }

    #[test]
    fn what_is_free_costs_nothing() {
        let usage = Usage { prompt_tokens: 7, completion_tokens: 8, images: 9, audio_ms: 10 };
        assert_eq!(Price::default().cost(&usage), 0);
    }
}
