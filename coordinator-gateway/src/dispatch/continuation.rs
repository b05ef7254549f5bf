//! Going on with an answer that a miner has broken off.
//!
//! Where draws are committed to, all miners that offer the same files in the same numeric class draw the same tokens from
//! the same seed. So another one takes up behind the tokens that have come, and the client sees one answer.

use std::sync::Arc;

use cuckoo_primitives::{settlement::Usage, task::seed::Seed, Hash};

use super::{progress::Shown, task::ClientTask};
use crate::link::OfferedModel;

/// What a miner must offer to draw the tokens that another one would have drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Alike {
    model_root: Hash,
    numeric_class: String,
    /// At least so many: a text shall not end earlier than it would have.
    context_tokens: u32,
}

impl Alike {
    /// Like who offers this.
    pub(super) fn to(model: &OfferedModel) -> Self {
        Self {
            model_root: model.model_root,
            numeric_class: model.numeric_class.clone(),
            context_tokens: model.context_tokens,
        }
    }

    /// Whether who offers this draws the same.
    pub(super) fn is(&self, model: &OfferedModel) -> bool {
        self.model_root == model.model_root
            && self.numeric_class == model.numeric_class
            && self.context_tokens <= model.context_tokens
    }
}

/// What an attempt that was broken off has left.
#[derive(Clone, Debug)]
pub(super) struct Remains {
    /// Who can go on.
    pub(super) alike: Alike,
    /// From which all tokens are drawn.
    pub(super) seed: Seed,
    /// All of the answer that are firm, those of earlier attempts included.
    pub(super) tokens: Vec<u32>,
    /// What the client has been shown beyond them.
    pub(super) shown: Shown,
}

/// What the next attempts of a task are to go on with.
#[derive(Clone, Debug)]
pub(super) struct Continuation {
    /// The task behind those tokens.
    pub(super) task: Arc<ClientTask>,
    /// Who can do it.
    pub(super) alike: Arc<Alike>,
    /// What the client has been shown beyond them.
    pub(super) shown: Shown,
}

impl Continuation {
    /// Of the task as the client has set it.
    pub(super) fn new(whole: &ClientTask, remains: Remains) -> Self {
        let Remains { alike, seed, tokens, shown } = remains;
        Self { task: Arc::new(whole.behind(tokens, &seed)), alike: Arc::new(alike), shown }
    }

    /// What the client is shown for the whole answer when so much is charged for the last part of it: tokens that were read
    /// again are those that earlier attempts have written.
    pub(super) fn whole(&self, last: Usage) -> Usage {
        let before = u32::try_from(self.task.task.resumed.len()).unwrap_or(u32::MAX);
        Usage {
            prompt_tokens: last.prompt_tokens.saturating_sub(before),
            completion_tokens: last.completion_tokens.saturating_add(before),
            ..last
        }
    }
}

#[cfg(test)]
mod tests {
    use cuckoo_primitives::settlement::Price;
    use cuckoo_wire::link::ModelKind;

    use super::*;

    fn model() -> OfferedModel {
        OfferedModel {
            id: "m".into(),
            kind: ModelKind::Chat,
            model_root: Hash::repeat_byte(1),
            context_tokens: 100,
            numeric_class: "cpu".into(),
            ask: Price::default(),
        }
    }

    #[test]
    fn files_class_and_room_must_be_there() {
        let alike = Alike::to(&model());
        assert!(alike.is(&model()) && alike.is(&OfferedModel { context_tokens: 101, ..model() }));
        for unlike in [
            OfferedModel { model_root: Hash::zero(), ..model() },
            OfferedModel { numeric_class: "gpu".into(), ..model() },
            OfferedModel { context_tokens: 99, ..model() },
        ] {
            assert!(!alike.is(&unlike), "{unlike:?}");
        }
    }
}
