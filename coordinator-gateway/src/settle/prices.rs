//! What the gateway pays for the work of each model.

use std::{collections::BTreeMap, str::FromStr};

use cuckoo_chain_client::Cai;
use cuckoo_primitives::settlement::Price;
use cuckoo_wire::limits::MAX_MODEL_ID_LEN;

/// No price: the beginning of what was written instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no price; write CAI for 1,000 prompt tokens and for 1,000 completion tokens, for example 0.01:0.02, and if \
     need be for an image and for a second of audio (0.01:0.02:0.5:0.001); none of them above 1000000"
)]
pub struct NotAPrice(String);

/// A price as people write it: CAI for 1,000 prompt tokens, 1,000 completion tokens and, if they are there, an image and
/// a second of audio, with colons between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaiPrice(pub Price);

impl FromStr for CaiPrice {
    type Err = NotAPrice;

    fn from_str(text: &str) -> Result<Self, NotAPrice> {
        let refused = || NotAPrice(text.chars().take(60).collect());
        let parts: Vec<&str> = text.split(':').collect();
        if !(2..=4).contains(&parts.len()) {
            return Err(refused());
        }
        let mut figures = [0; 4];
        for (figure, part) in figures.iter_mut().zip(parts) {
            *figure = part.parse::<Cai>().map_err(|_| refused())?.0;
        }
        let [prompt, completion, image, audio] = figures;
        Price::new(prompt, completion, image, audio).map(Self).ok_or_else(refused)
    }
}

/// The price of one model, written `MODEL=` and a [`CaiPrice`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelPrice {
    /// What clients ask for.
    pub model: String,
    /// What is paid for it.
    pub price: CaiPrice,
}

impl FromStr for ModelPrice {
    type Err = NotAPrice;

    fn from_str(text: &str) -> Result<Self, NotAPrice> {
        let refused = || NotAPrice(text.chars().take(60).collect());
        let (model, price) = text.split_once('=').ok_or_else(refused)?;
        if model.is_empty() || model.len() > MAX_MODEL_ID_LEN {
            return Err(refused());
        }
        Ok(Self { model: model.to_owned(), price: price.parse()? })
    }
}

/// What is paid for each model.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prices {
    default: Price,
    of_models: BTreeMap<String, Price>,
}

impl Prices {
    /// `default` for all models but those of `of_models`; of two prices of one model the later counts.
    pub(crate) fn new(default: CaiPrice, of_models: &[ModelPrice]) -> Self {
        let of_models = of_models.iter().map(|priced| (priced.model.clone(), priced.price.0)).collect();
        Self { default: default.0, of_models }
    }

    /// What is paid for the work of `model`.
    pub(crate) fn of(&self, model: &str) -> Price {
        self.of_models.get(model).copied().unwrap_or(self.default)
    }

    /// What is paid for models that have no price of their own.
    pub(crate) fn default_price(&self) -> Price {
        self.default
    }

    /// Models that have a price of their own, by name.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&str, Price)> {
        self.of_models.iter().map(|(model, price)| (model.as_str(), *price))
    }

    /// Whether nothing is paid for anything, so that nothing has to stand behind it.
    pub(crate) fn are_free(&self) -> bool {
        is_free(&self.default) && self.of_models.values().all(is_free)
    }
}

/// Whether nothing is paid at this price.
pub(crate) fn is_free(price: &Price) -> bool {
    *price == Price::default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cuckoo_primitives::CAI;

    #[test]
    fn prices_are_read_as_cai() {
        let price = |text: &str| text.parse::<CaiPrice>().map(|price| price.0.figures());
        assert_eq!(price("0.01:0.02"), Ok([CAI / 100, CAI / 50, 0, 0]));
        assert_eq!(price("1:2:3:0.5"), Ok([CAI, 2 * CAI, 3 * CAI, CAI / 2]));
        assert_eq!(price("0:0"), Ok([0; 4]));
        for wrong in ["", "1", "1:2:3:4:5", "a:b", "1:", "-1:2", "1000001:0"] {
            assert!(price(wrong).unwrap_err().to_string().contains("0.01:0.02"), "{wrong}");
        }
    }

    #[test]
    fn a_model_is_named_before_the_first_equals_sign() {
        let priced: ModelPrice = "org/model:q8=1:2".parse().unwrap();
        assert_eq!((priced.model.as_str(), priced.price.0.figures()), ("org/model:q8", [CAI, 2 * CAI, 0, 0]));
        for wrong in ["1:2", "=1:2", "m=", "m=1"] {
            assert!(wrong.parse::<ModelPrice>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_model_without_a_price_of_its_own_has_the_default() {
        let prices = Prices::new("1:1".parse().unwrap(), &["a=2:2".parse().unwrap(), "a=3:3".parse().unwrap()]);
        assert_eq!(prices.of("a").figures(), [3 * CAI, 3 * CAI, 0, 0]);
        assert_eq!(prices.of("b").figures(), [CAI, CAI, 0, 0]);
        assert_eq!(prices.named().count(), 1);
    }

    #[test]
    fn prices_are_free_only_if_all_are() {
        let free: CaiPrice = "0:0".parse().unwrap();
        assert!(Prices::new(free, &[]).are_free());
        assert!(!Prices::new(free, &["a=0:1".parse().unwrap()]).are_free());
        assert!(!Prices::new("0:1".parse().unwrap(), &["a=0:0".parse().unwrap()]).are_free());
    }
}
