//! Which of the models that miners offer are taken for what their ids say.
//!
//! Anybody can offer anything under any id. Which files are behind it is named by the model's root, which the gateway's
//! operator may know; servers of other makers (class `unverified/…`) show no files at all. This keeps mistakes out, and
//! swindlers that do not lie about their class, which only audits show. Of models that the gateway's own engine has nothing else
//! than that engine's files is taken: else whoever names others is audited by nobody.

use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
};

use cuckoo_audit_engine::OwnModel;
use cuckoo_primitives::Hash;
use cuckoo_wire::{limits::MAX_MODEL_ID_LEN, link::ModelKind};

use super::offer::OfferedModel;

/// Classes of servers that show nothing of their files begin so.
const UNVERIFIED: &str = "unverified/";

/// The files that a model is of, written `ID=HASH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRoot {
    /// What clients ask for.
    pub model: String,
    /// Names the exact files.
    pub root: Hash,
}

/// No model and root: the beginning of what was written instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no files of a model; write ID=HASH with 64 hexadecimal digits, as `miner-worker models list` shows them")]
pub struct NotARoot(String);

impl FromStr for ModelRoot {
    type Err = NotARoot;

    fn from_str(text: &str) -> Result<Self, NotARoot> {
        let refused = || NotARoot(text.chars().take(60).collect());
        let (model, root) = text.split_once('=').ok_or_else(refused)?;
        if model.is_empty() || model.len() > MAX_MODEL_ID_LEN {
            return Err(refused());
        }
        let mut bytes = [0; 32];
        let digits = root.strip_prefix("0x").unwrap_or(root);
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| refused())?;
        Ok(Self { model: model.to_owned(), root: Hash::from(bytes) })
    }
}

/// What the operator knows of models.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownModels {
    /// Those of the gateway's own engine.
    own: Vec<OwnModel>,
    /// Of models that are not named any files will do.
    roots: BTreeMap<String, BTreeSet<Hash>>,
    /// Models that servers may answer for that show no files.
    unverified: BTreeSet<String>,
}

impl KnownModels {
    /// Each model has all the `roots` that are named for it; if none is, that of the gateway's `own` engine, if it has it.
    pub(crate) fn new(roots: &[ModelRoot], own: &[OwnModel], unverified: &[String]) -> Self {
        let unverified = unverified.iter().cloned().collect();
        let mut known = Self { own: own.to_vec(), roots: BTreeMap::new(), unverified };
        for ModelRoot { model, root } in roots {
            known.roots.entry(model.clone()).or_default().insert(*root);
        }
        for OwnModel { id, root, .. } in own {
            known.roots.entry(id.clone()).or_insert_with(|| BTreeSet::from([*root]));
        }
        known
    }

    /// Why an offered model is not drawn; `None` if it is.
    pub(crate) fn objection(&self, model: &OfferedModel) -> Option<&'static str> {
        if model.numeric_class.starts_with(UNVERIFIED) {
            // Its root is a hash of a name.
            return (!self.unverified.contains(&model.id))
                .then_some("it is unverified, and not among --unverified-models");
        }
        if self.roots.get(&model.id).is_some_and(|roots| !roots.contains(&model.model_root)) {
            return Some("its files are not those that the gateway knows (--model-root, --audit-models)");
        }
        let own = self.own.iter().find(|own| own.root == model.model_root)?;
        if own.is_embedding != (model.kind == ModelKind::Embedding) {
            return Some("the gateway has the same files as a model of another kind");
        }
        // Vectors of texts that are cut elsewhere are others.
        (own.is_embedding && own.context_tokens != model.context_tokens).then_some(
            "it reads another number of tokens of a text than the gateway's (context_tokens in manifest.json)",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cuckoo_primitives::settlement::Price;

    fn offered(id: &str, root: u8, numeric_class: &str) -> OfferedModel {
        OfferedModel {
            id: id.into(),
            kind: ModelKind::Chat,
            model_root: Hash::repeat_byte(root),
            context_tokens: 1,
            numeric_class: numeric_class.into(),
            ask: Price::default(),
        }
    }

    fn root(model: &str, root: u8) -> ModelRoot {
        format!("{model}={}", hex::encode([root; 32])).parse().unwrap()
    }

    #[test]
    fn a_model_whose_files_are_named_is_of_these() {
        let known = KnownModels::new(&[root("a", 1), root("a", 2)], &[own("a", false), own("c", false)], &[]);
        let named = [("a", 1, true), ("a", 2, true), ("a", 3, false), ("b", 3, true)];
        for (id, root, is_taken) in named.into_iter().chain([("c", 3, true), ("c", 1, false)]) {
            assert_eq!(known.objection(&offered(id, root, "0.1/cpu")).is_none(), is_taken, "{id} {root}");
        }
    }

    /// With the root 3.
    fn own(id: &str, is_embedding: bool) -> OwnModel {
        OwnModel { id: id.into(), root: Hash::repeat_byte(3), is_embedding, context_tokens: 1, class: "0.1/cpu".into() }
    }

    #[test]
    fn files_of_the_gateways_own_models_are_taken_as_it_reads_them() {
        let known = KnownModels::new(&[], &[own("a", true)], &[]);
        let embedding = |context_tokens| OfferedModel {
            kind: ModelKind::Embedding,
            context_tokens,
            // Whatever it is called.
            ..offered("e", 3, "0.1/cpu")
        };
        assert_eq!(known.objection(&embedding(1)), None);
        assert!(known.objection(&embedding(2)).unwrap().contains("context_tokens"));
        assert!(known.objection(&offered("e", 3, "0.1/cpu")).unwrap().contains("another kind"));
        let chat = KnownModels::new(&[], &[own("a", false)], &[]);
        assert_eq!(chat.objection(&OfferedModel { context_tokens: 9, ..offered("a", 3, "0.1/cpu") }), None);
    }

    #[test]
    fn servers_that_show_no_files_answer_for_listed_models_only() {
        let known = KnownModels::new(&[root("a", 1)], &[], &["a".into()]);
        assert_eq!(known.objection(&offered("a", 9, "unverified/vllm")), None);
        assert!(known.objection(&offered("b", 9, "unverified/vllm")).unwrap().contains("--unverified-models"));
        assert!(KnownModels::default().objection(&offered("a", 9, "unverified/vllm")).is_some());
        assert_eq!(KnownModels::default().objection(&offered("a", 9, "0.1/cpu")), None);
    }

    #[test]
    fn roots_are_hexadecimal() {
        assert_eq!(format!("org/m:q8=0x{}", hex::encode([7; 32])).parse(), Ok(root("org/m:q8", 7)));
        for wrong in
            ["", "a", "a=", "a=12", "=00", &format!("={}", hex::encode([7; 32])), &format!("a={}", "g".repeat(64))]
        {
            assert!(wrong.parse::<ModelRoot>().unwrap_err().to_string().contains("ID=HASH"), "{wrong}");
        }
    }
}
