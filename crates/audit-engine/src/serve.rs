//! What runs in the process.

use std::{collections::HashMap, fmt::Display};

use cuckoo_audit::score::{score, score_vectors, Claim, Failure, Scores};
use cuckoo_engine::{Engine, ModelInfo, ModelKind, WINDOW_INPUTS};
use cuckoo_primitives::Hash;
use cuckoo_tasks::Work;
use cuckoo_wire::link;
use prost::Message;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    frame::{self, FrameError},
    order::{Order, OwnModel, Produced, Ready, Reply},
    own::{own, Asked},
    process::Unable,
};

/// Why a process ends before it is told to.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// What it is told makes no sense, or nobody listens.
    #[error("orders or replies do not come across: {0}")]
    Frame(#[from] FrameError),
}

/// Goes through the attempts that come from `orders` with the models of `engine`, one after the other, until there is
/// no more. What is found goes to `replies`.
///
/// # Errors
/// If the pipes break.
pub async fn serve(
    engine: &dyn Engine,
    orders: &mut (impl AsyncRead + Unpin),
    replies: &mut (impl AsyncWrite + Unpin),
) -> Result<(), ServeError> {
    let (ids, models): (HashMap<Hash, String>, Vec<OwnModel>) = engine
        .models()
        .into_iter()
        .map(|model| {
            let root = Hash::from(model.model_root);
            let ModelInfo { id, kind, context_tokens, numeric_class: class, .. } = model;
            let is_embedding = kind == ModelKind::Embedding;
            ((root, id.clone()), OwnModel { id, root, is_embedding, context_tokens, class })
        })
        .unzip();
    frame::write(replies, &Ready { models }).await?;
    while let Some(order) = frame::read::<Order>(orders).await? {
        let reply = match scored(engine, &ids, order).await {
            Ok(scored) => Reply::Scored(scored),
            Err(Unable(why)) => Reply::Unable(why),
        };
        frame::write(replies, &reply).await?;
    }
    Ok(())
}

async fn scored(
    engine: &dyn Engine,
    ids: &HashMap<Hash, String>,
    order: Order,
) -> Result<Result<Scores, Failure>, Unable> {
    let Order { task, receipt, produced } = order;
    let id = ids.get(&receipt.spec.model_root).ok_or_else(|| Unable("it is of a model that is not here".into()))?;
    let task = link::Task::decode(task.as_slice()).map_err(unable)?;
    let seed = receipt.spec.drawing.as_ref().map(|drawing| drawing.seed);
    let work = cuckoo_tasks::read(&task, seed).map_err(unable)?;
    match (work, produced) {
        (Work::Generate { mut request, echo }, Produced::Text { tokens, leaves, context_tokens, was_cancelled }) => {
            request.model.clone_from(id);
            if tokens.len() != leaves.len() {
                let committed = receipt.commitment.map_or(0, |commitment| commitment.tokens);
                return Ok(Err(Failure::lengths(committed, tokens.len(), leaves.len())));
            }
            let candidates: Vec<Vec<u32>> =
                leaves.iter().map(|leaf| leaf.candidates.iter().map(|it| it.token).collect()).collect();
            let (echo, tokens) = (echo.as_deref(), tokens.as_slice());
            let asked = Asked { request: &request, echo, tokens, candidates: &candidates, context_tokens };
            let own = own(engine, asked).await.map_err(unable)?;
            let claim = Claim { receipt: &receipt, tokens, leaves: &leaves, was_cancelled };
            Ok(own.and_then(|own| score(&claim, &own)))
        }
        (Work::Embed { inputs, .. }, Produced::Vectors { count, some, was_cancelled }) => {
            let texts: Option<Vec<String>> =
                some.iter().map(|(place, _)| inputs.get(*place as usize).cloned()).collect();
            let texts = texts.ok_or_else(|| Unable("a vector of no input".into()))?;
            let tokens = engine.embedding_tokens(id, inputs).await.map_err(unable)?;
            let of_first = |inputs: usize| tokens.iter().take(inputs).fold(0u32, |sum, next| sum.saturating_add(*next));
            let delivered = count as usize;
            // Of what was cut off the miner may have read more than it has sent vectors of.
            let counted = match was_cancelled {
                true => of_first(delivered)..=of_first(delivered.saturating_add(WINDOW_INPUTS)),
                false => of_first(usize::MAX)..=of_first(usize::MAX),
            };
            let own = engine.embed(id, texts).await.map_err(unable)?.all().await.map_err(unable)?;
            Ok(score_vectors((receipt.prompt_tokens, &some), (counted, &own.vectors)))
        }
        (Work::Generate { .. }, Produced::Vectors { .. }) | (Work::Embed { .. }, Produced::Text { .. }) => {
            Err(Unable("something else was produced than was asked for".into()))
        }
    }
}

fn unable(error: impl Display) -> Unable {
    Unable(error.to_string())
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use cuckoo_engine::{Embedding, EmbeddingEvent, EngineError, GenerateRequest, Generation};
    use cuckoo_primitives::fixture;
    use tokio::sync::mpsc;

    use super::*;

    /// Has one embedding model: the vector of a text is its length and 1, and each of its bytes is a token.
    struct Lengths;

    #[async_trait]
    impl Engine for Lengths {
        fn models(&self) -> Vec<ModelInfo> {
            vec![ModelInfo {
                id: "lengths".into(),
                kind: ModelKind::Embedding,
                model_root: fixture::receipt().spec.model_root.into(),
                context_tokens: 9,
                numeric_class: "test".into(),
            }]
        }

        async fn generate(&self, _: GenerateRequest) -> Result<Generation, EngineError> {
            Err(EngineError::UnknownModel("it only embeds".into()))
        }

        async fn embed(&self, _: &str, inputs: Vec<String>) -> Result<Embedding, EngineError> {
            let (sender, events) = mpsc::channel(2);
            let vectors = inputs.iter().map(|input| vector(input)).collect();
            let prompt_tokens = inputs.iter().map(String::len).sum::<usize>() as u32;
            sender.try_send(EmbeddingEvent::Vectors { vectors, prompt_tokens }).unwrap();
            sender.try_send(EmbeddingEvent::Done { prompt_tokens }).unwrap();
            Ok(Embedding { events })
        }

        async fn embedding_tokens(&self, _: &str, inputs: Vec<String>) -> Result<Vec<u32>, EngineError> {
            Ok(inputs.iter().map(|input| input.len() as u32).collect())
        }
    }

    const INPUTS: [&str; 4] = ["a", "bbb", "cc", "dddd"];

    fn vector(input: &str) -> Vec<f32> {
        vec![input.len() as f32, 1.0]
    }

    /// Vectors of the inputs at these places, of `count` that there were, for so many tokens.
    fn order(prompt_tokens: u32, (count, was_cancelled): (u32, bool), places: &[u32]) -> Order {
        let inputs = INPUTS.map(str::to_owned).to_vec();
        let work = Some(link::task::Work::Embedding(link::Embedding { inputs }));
        let task = link::Task { work, ..Default::default() }.encode_to_vec();
        let mut receipt = fixture::receipt();
        (receipt.prompt_tokens, receipt.spec.drawing) = (prompt_tokens, None);
        let some = places.iter().map(|place| (*place, vector(INPUTS[*place as usize % 4]))).collect();
        Order { task, receipt, produced: Produced::Vectors { count, some, was_cancelled } }
    }

    /// What the process says to these orders, one after the other.
    async fn replies(orders: &[Order]) -> Vec<Reply> {
        let (mut sent, mut said) = (Vec::new(), Vec::new());
        for order in orders {
            frame::write(&mut sent, order).await.unwrap();
        }
        serve(&Lengths, &mut sent.as_slice(), &mut said).await.unwrap();
        let mut said = said.as_slice();
        let ready = frame::read::<Ready>(&mut said).await.unwrap().unwrap();
        assert!(ready.models[0].is_embedding && ready.models[0].context_tokens == 9);
        let mut replies = Vec::new();
        while let Some(reply) = frame::read::<Reply>(&mut said).await.unwrap() {
            replies.push(reply);
        }
        replies
    }

    #[tokio::test]
    async fn some_vectors_are_compared_and_all_tokens_counted() {
        let whole = (4, false);
        let said = replies(&[order(10, whole, &[0, 1, 2, 3]), order(10, whole, &[3]), order(9, whole, &[3])]).await;
        let count = |reply: &Reply| match reply {
            Reply::Scored(Ok(scores)) => scores.stretches.iter().filter(|it| it.state == 0.0).count(),
            other => panic!("{other:?}"),
        };
        assert_eq!((count(&said[0]), count(&said[1])), (4, 1));
        assert_eq!(said[2], Reply::Scored(Err(Failure::Prompt { claimed: 9, own: 10 })));
    }

    #[tokio::test]
    async fn of_what_was_cut_off_more_may_have_been_read_than_was_answered() {
        let cut_off = (2, true);
        for (tokens, is_honest) in [(3, false), (4, true), (7, true), (10, true), (11, false)] {
            let said = replies(&[order(tokens, cut_off, &[1])]).await;
            assert_eq!(matches!(said[0], Reply::Scored(Ok(_))), is_honest, "{tokens}: {said:?}");
        }
    }

    #[tokio::test]
    async fn no_miner_has_read_more_than_a_window_ahead() {
        let counted = async |tokens| {
            let mut order = order(tokens, (2, true), &[1]);
            let work = link::Embedding { inputs: vec!["bbb".into(); 200] };
            let task = link::Task { work: Some(link::task::Work::Embedding(work)), ..Default::default() };
            order.task = task.encode_to_vec();
            replies(&[order]).await.remove(0)
        };
        assert!(matches!(counted(3 * 66).await, Reply::Scored(Ok(_))));
        assert!(matches!(counted(3 * 66 + 1).await, Reply::Scored(Err(Failure::Prompt { .. }))));
    }

    #[tokio::test]
    async fn vectors_of_another_text_are_found() {
        let mut other = order(10, (4, false), &[2]);
        other.produced = Produced::Vectors { count: 4, some: vec![(2, vec![4.0, 1.0])], was_cancelled: false };
        assert_eq!(replies(&[other]).await, [Reply::Scored(Err(Failure::Vector { index: 2 }))]);
    }

    #[tokio::test]
    async fn what_makes_no_sense_speaks_against_nobody() {
        let mut of_another = order(10, (4, false), &[0]);
        of_another.receipt.spec.model_root = Hash::repeat_byte(0xee);
        let mut text = order(10, (4, false), &[0]);
        text.produced = Produced::Text { tokens: vec![], leaves: vec![], context_tokens: 9, was_cancelled: false };
        let nothing = order(10, (4, false), &[]);
        let beyond = order(10, (4, false), &[4]);
        let said = replies(&[of_another, text, beyond, nothing]).await;
        assert!(said[..3].iter().all(|reply| matches!(reply, Reply::Unable(_))), "{said:?}");
        assert_eq!(said[3], Reply::Scored(Err(Failure::Auditor)));
    }
}
