//! What this miner asks for its work.

use std::{collections::BTreeMap, str::FromStr};

use cuckoo_chain_client::Cai;
use cuckoo_engine::ModelInfo;
use cuckoo_primitives::{settlement::Price, Balance};

use crate::error::ConfigError;

/// A price as people write it: `P:C` or `P:C:I:A`, CAI for 1,000 prompt tokens, 1,000 completion tokens, an image and
/// a second of audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceArg(pub Price);

/// What is asked for one model: `MODEL=P:C` or `MODEL=P:C:I:A`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelAsk {
    /// The model's id.
    pub model: String,
    /// What is asked for it.
    pub price: Price,
}

/// What this miner asks for each of its models.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asks {
    default: Price,
    by_model: BTreeMap<String, Price>,
}

impl FromStr for PriceArg {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let refused = |reason| ConfigError::Price { text: text.chars().take(80).collect(), reason };
        let figures = text.split(':').map(|figure| figure.parse().map(|Cai(planck)| planck));
        let figures: Vec<Balance> =
            figures.collect::<Result<_, _>>().map_err(|_| refused("one of its figures is no amount of CAI"))?;
        let price = match *figures {
            [prompt, completion] => Price::new(prompt, completion, 0, 0),
            [prompt, completion, image, audio] => Price::new(prompt, completion, image, audio),
            _ => return Err(refused("it has neither two figures nor four")),
        };
        price.map(Self).ok_or_else(|| refused("one of its figures is above 1,000,000 CAI"))
    }
}

impl FromStr for ModelAsk {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let refused = |reason| ConfigError::Price { text: text.chars().take(80).collect(), reason };
        let (model, price) = text.rsplit_once('=').ok_or_else(|| refused("it names no model"))?;
        if model.is_empty() {
            return Err(refused("it names no model"));
        }
        let PriceArg(price) = price.parse()?;
        Ok(Self { model: model.into(), price })
    }
}

impl Asks {
    /// Asks `default` for every model that is not in `by_model`.
    pub fn new(default: Price, by_model: impl IntoIterator<Item = ModelAsk>) -> Self {
        Self { default, by_model: by_model.into_iter().map(|ask| (ask.model, ask.price)).collect() }
    }

    /// What is asked for this model.
    pub fn of(&self, model: &str) -> Price {
        self.by_model.get(model).copied().unwrap_or(self.default)
    }

    /// Whether all models that are named are there: a misspelt one would be worked for at the default.
    pub fn check(&self, models: &[ModelInfo]) -> Result<(), ConfigError> {
        let unknown = self.by_model.keys().find(|id| models.iter().all(|model| model.id != **id));
        unknown.map_or(Ok(()), |id| Err(ConfigError::AskForUnknown { model: id.chars().take(80).collect() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cuckoo_engine::ModelKind;
    use cuckoo_primitives::CAI;

    fn price(text: &str) -> Result<Price, ConfigError> {
        text.parse().map(|PriceArg(price)| price)
    }

    #[test]
    fn prices_have_two_figures_or_four() {
        assert_eq!(price("0.001:0.002").unwrap().figures(), [CAI / 1_000, CAI / 500, 0, 0]);
        assert_eq!(price("1:2:3:0.5").unwrap().figures(), [CAI, 2 * CAI, 3 * CAI, CAI / 2]);
        assert_eq!(price("0:0").unwrap(), Price::default());
        for wrong in ["", "1", "1:2:3", "1:2:3:4:5", "a:b", "-1:2", "1000001:1"] {
            let said = price(wrong).unwrap_err().to_string();
            assert!(said.contains("0.001:0.002"), "{said}");
        }
    }

    #[test]
    fn what_is_asked_for_a_model_goes_before_the_default() {
        let ask: ModelAsk = "org/model=v2=0.5:1".parse().unwrap();
        assert_eq!((ask.model.as_str(), ask.price.figures()[1]), ("org/model=v2", CAI));
        let asks = Asks::new(price("0.1:0.2").unwrap(), [ask]);
        assert_eq!(asks.of("org/model=v2").figures()[1], CAI);
        assert_eq!(asks.of("other").figures()[1], CAI / 5);
        for wrong in ["0.1:0.2", "=0.1:0.2", "m=", "m=1"] {
            assert!(wrong.parse::<ModelAsk>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_misspelt_model_is_named() {
        let model = ModelInfo {
            id: "chat".into(),
            kind: ModelKind::Chat,
            model_root: [1; 32],
            context_tokens: 64,
            numeric_class: "test".into(),
        };
        let asks = |name: &str| Asks::new(Price::default(), [ModelAsk { model: name.into(), price: Price::default() }]);
        assert_eq!(asks("chat").check(std::slice::from_ref(&model)), Ok(()));
        let said = asks("caht").check(&[model]).unwrap_err().to_string();
        assert!(said.contains("caht") && said.contains("--ask"), "{said}");
    }
}
