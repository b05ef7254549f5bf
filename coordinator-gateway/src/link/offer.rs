//! What a miner offers, checked.

use std::collections::HashSet;

use cuckoo_primitives::{settlement::Price, Hash};
use cuckoo_wire::{
    handshake::fixed,
    limits::{MAX_MODELS, MAX_MODEL_ID_LEN, MAX_SLOTS},
    link::{self, ModelKind},
    money::price_from_wire,
};

/// Longest numeric class and agent, in bytes.
const MAX_LABEL_LEN: usize = 128;
/// No context is longer, in tokens; it bounds what one answer can take in memory and cost.
const MAX_CONTEXT_TOKENS: u32 = 1024 * 1024;

/// A model as one miner serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OfferedModel {
    /// What clients ask for.
    pub(crate) id: String,
    /// What it is for.
    pub(crate) kind: ModelKind,
    /// Names the exact files.
    pub(crate) model_root: Hash,
    /// Prompt and completion together.
    pub(crate) context_tokens: u32,
    /// Names build, kernels and device.
    pub(crate) numeric_class: String,
    /// For less it takes no task.
    pub(crate) ask: Price,
}

/// What a miner serves now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offer {
    /// Models, each once.
    pub(crate) models: Vec<OfferedModel>,
    /// Models that are not drawn, and why.
    pub(crate) refused: Vec<(String, &'static str)>,
    /// Tasks at once.
    pub(crate) slots: u32,
    /// Program and version.
    pub(crate) agent: String,
}

impl TryFrom<link::Offer> for Offer {
    type Error = String;

    fn try_from(offer: link::Offer) -> Result<Self, String> {
        if offer.models.len() > MAX_MODELS {
            return Err(format!("{} models, at most {MAX_MODELS} can be offered", offer.models.len()));
        }
        if offer.slots > MAX_SLOTS {
            return Err(format!("{} slots, at most {MAX_SLOTS} can be offered", offer.slots));
        }
        let agent = label("agent", offer.agent)?;
        let models = offer.models.into_iter().map(OfferedModel::try_from).collect::<Result<Vec<_>, _>>()?;
        let mut ids = HashSet::new();
        if let Some(twice) = models.iter().find(|model| !ids.insert(&model.id)) {
            return Err(format!("model '{}' is offered twice", twice.id));
        }
        Ok(Self { models, refused: Vec::new(), slots: offer.slots, agent })
    }
}

impl TryFrom<link::Model> for OfferedModel {
    type Error = String;

    fn try_from(model: link::Model) -> Result<Self, String> {
        let kind = match model.kind() {
            ModelKind::Unspecified => return Err("a model without a kind".into()),
            kind => kind,
        };
        if !is_model_id(&model.id) {
            return Err(format!("a model id has 1 to {MAX_MODEL_ID_LEN} characters out of A-Z a-z 0-9 - _ . : / @"));
        }
        if model.context_tokens == 0 || model.context_tokens > MAX_CONTEXT_TOKENS {
            return Err(format!("model '{}' has a context of {} tokens", model.id, model.context_tokens));
        }
        let ask = price_from_wire(model.ask.as_ref())
            .map_err(|error| format!("model '{}': what you ask for it: {error}", model.id))?;
        Ok(Self {
            kind,
            ask,
            model_root: Hash::from(fixed::<32>("model_root", &model.model_root).map_err(|error| error.to_string())?),
            context_tokens: model.context_tokens,
            numeric_class: label("numeric_class", model.numeric_class)?,
            id: model.id,
        })
    }
}

/// Ids appear in URLs, headers, logs and error messages.
fn is_model_id(id: &str) -> bool {
    (1..=MAX_MODEL_ID_LEN).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/@".contains(&byte))
}

fn label(field: &str, text: String) -> Result<String, String> {
    let is_fine = text.len() <= MAX_LABEL_LEN && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    is_fine.then_some(text).ok_or_else(|| format!("{field} must be printable ASCII of at most {MAX_LABEL_LEN} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cuckoo_wire::money::price_to_wire;

    fn model(id: &str) -> link::Model {
        link::Model {
            id: id.into(),
            kind: ModelKind::Chat.into(),
            model_root: vec![1; 32].into(),
            context_tokens: 2048,
            numeric_class: "cpu".into(),
            ask: Some(price_to_wire(&Price::default())),
        }
    }

    fn offer(models: Vec<link::Model>) -> link::Offer {
        link::Offer { models, slots: 2, agent: "test 1".into() }
    }

    #[test]
    fn a_sound_offer_is_taken() {
        let taken = Offer::try_from(offer(vec![model("a/b-1.5:q8"), model("c")])).unwrap();
        assert_eq!(taken.models.len(), 2);
        assert_eq!(Offer::try_from(offer(vec![])).unwrap().models.len(), 0);
    }

    #[test]
    fn unsound_offers_are_refused() {
        let unsound = [
            offer(vec![model("a"), model("a")]),
            offer(vec![model("")]),
            offer(vec![model("line\nbreak")]),
            offer(vec![model(&"x".repeat(MAX_MODEL_ID_LEN + 1))]),
            offer(vec![link::Model { model_root: vec![1; 31].into(), ..model("a") }]),
            offer(vec![link::Model { context_tokens: 0, ..model("a") }]),
            offer(vec![link::Model { kind: 0, ..model("a") }]),
            offer(vec![link::Model { ask: None, ..model("a") }]),
            offer(vec![link::Model { ask: Some(link::Price::default()), ..model("a") }]),
            offer(vec![link::Model { numeric_class: "ä".into(), ..model("a") }]),
            offer((0..=MAX_MODELS).map(|i| model(&i.to_string())).collect()),
            link::Offer { slots: MAX_SLOTS + 1, ..offer(vec![]) },
        ];
        for offer in unsound {
            assert!(Offer::try_from(offer.clone()).is_err(), "{offer:?}");
        }
    }
}
