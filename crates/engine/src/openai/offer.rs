//! A server's model, as it is offered.

use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::{api::ModelKind, manifest::check_id};

/// Keeps these hashes apart from those of manifests.
const ROOT_DOMAIN: &[u8] = b"cuckoo/model/unverified/v1\n";
/// Longest name that a server may have for a model, in bytes.
const MAX_NAME_BYTES: usize = 256;
const MAX_CONTEXT_TOKENS: u32 = 1 << 24;

/// A model of a server and the id under which it is offered. Read from `ID=NAME[,context=TOKENS][,kind=embedding]`,
/// where NAME is what the server calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenAiOffer {
    /// What clients ask for.
    pub id: String,
    /// What the server calls it.
    pub name: String,
    /// What it is for.
    pub kind: ModelKind,
    /// Tokens that prompt and completion may have together; `None`: as many as the server says.
    pub context_tokens: Option<u32>,
}

/// Why a text is no offer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}; an offer is ID=NAME, ID=NAME,context=4096 or ID=NAME,kind=embedding")]
pub struct OfferError(String);

impl OpenAiOffer {
    /// Names the offer where a model's files would be named. Says only what the server calls the model.
    pub(super) fn model_root(&self) -> [u8; 32] {
        Sha256::new().chain_update(ROOT_DOMAIN).chain_update(&self.name).finalize().into()
    }
}

impl FromStr for OpenAiOffer {
    type Err = OfferError;

    fn from_str(text: &str) -> Result<Self, OfferError> {
        let refused = |why: &str| OfferError(why.to_owned());
        let (id, rest) = text.split_once('=').ok_or_else(|| refused("the server's name for the model is missing"))?;
        check_id(id).map_err(|error| OfferError(error.to_string()))?;
        let mut parts = rest.split(',');
        let name = parts.next().unwrap_or_default();
        if name.is_empty() || name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
            return Err(refused("the server's name for the model is empty, too long or not printable"));
        }
        let mut offer = Self { id: id.to_owned(), name: name.to_owned(), kind: ModelKind::Chat, context_tokens: None };
        for part in parts {
            match part.split_once('=') {
                Some(("context", tokens)) => {
                    let tokens = tokens.parse().ok().filter(|tokens| (1..=MAX_CONTEXT_TOKENS).contains(tokens));
                    offer.context_tokens = Some(tokens.ok_or_else(|| refused("a context is a number of tokens"))?);
                }
                Some(("kind", "chat")) => offer.kind = ModelKind::Chat,
                Some(("kind", "embedding")) => offer.kind = ModelKind::Embedding,
                _ => return Err(refused("only context and kind can be said of a model")),
            }
        }
        Ok(offer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_are_read() {
        let plain: OpenAiOffer = "llama3=llama3:8b".parse().unwrap();
        let expected =
            OpenAiOffer { id: "llama3".into(), name: "llama3:8b".into(), kind: ModelKind::Chat, context_tokens: None };
        assert_eq!(plain, expected);
        let full: OpenAiOffer = "vectors=org/Name-v2,kind=embedding,context=512".parse().unwrap();
        assert_eq!(
            (full.name.as_str(), full.kind, full.context_tokens),
            ("org/Name-v2", ModelKind::Embedding, Some(512))
        );
    }

    #[test]
    fn other_texts_are_refused() {
        for text in
            ["", "llama3", "=x", "a/b=x", "a=", "a=x,context=0", "a=x,context=y", "a=x,kind=image", "a=x,y", "a=\n"]
        {
            assert!(text.parse::<OpenAiOffer>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_root_is_of_the_servers_name_alone() {
        let root = |text: &str| text.parse::<OpenAiOffer>().unwrap().model_root();
        assert_eq!(root("a=x"), root("b=x,context=5"));
        assert_ne!(root("a=x"), root("a=y"));
        assert_eq!(root("a=x"), <[u8; 32]>::from(Sha256::digest(b"cuckoo/model/unverified/v1\nx")));
    }
}
