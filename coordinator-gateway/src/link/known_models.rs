//! Which of the models that miners offer are taken for what their ids say.
//!
//! Anybody can offer anything under any id. Which files are behind it is named by the model's root, which the gateway's
//! operator may know; servers of other makers (class `unverified/…`) show no files at all. This keeps mistakes out, and
//! swindlers that do not lie about their class: what a miner says of itself is not audited here. Of models that the gateway's own
//! engine has, nothing else than that engine's files is taken: else whoever names others is audited by nobody.

use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
};

use cuckoo_primitives::Hash;
use cuckoo_wire::limits::MAX_MODEL_ID_LEN;

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
    /// Of models that are not named any files will do.
    roots: BTreeMap<String, BTreeSet<Hash>>,
    /// Models that servers may answer for that show no files.
    unverified: BTreeSet<String>,
}

impl KnownModels {
    /// Each model has all the `roots` that are named for it; if none is, that of the gateway's `own` engine, if it has it.
    pub(crate) fn new(roots: &[ModelRoot], own: Vec<(String, Hash)>, unverified: &[String]) -> Self {
        let mut known = Self { roots: BTreeMap::new(), unverified: unverified.iter().cloned().collect() };
        for ModelRoot { model, root } in roots {
            known.roots.entry(model.clone()).or_default().insert(*root);
        }
        for (model, root) in own {
            known.roots.entry(model).or_insert_with(|| BTreeSet::from([root]));
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
        let roots = self.roots.get(&model.id)?;
        (!roots.contains(&model.model_root))
            .then_some("its files are not those that the gateway knows (--model-root, --audit-models)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cuckoo_primitives::settlement::Price;
    use cuckoo_wire::link::ModelKind;

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
        let own = vec![("a".into(), Hash::repeat_byte(3)), ("c".into(), Hash::repeat_byte(3))];
        let known = KnownModels::new(&[root("a", 1), root("a", 2)], own, &[]);
        let named = [("a", 1, true), ("a", 2, true), ("a", 3, false), ("b", 3, true)];
        for (id, root, is_taken) in named.into_iter().chain([("c", 3, true), ("c", 1, false)]) {
            assert_eq!(known.objection(&offered(id, root, "0.1/cpu")).is_none(), is_taken, "{id} {root}");
        }
    }

    #[test]
    fn servers_that_show_no_files_answer_for_listed_models_only() {
        let known = KnownModels::new(&[root("a", 1)], vec![], &["a".into()]);
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
