//! What runs in the process.

use std::{collections::HashMap, fmt::Display};

use cuckoo_audit::score::{score, score_vectors, Claim, Failure, Scores};
use cuckoo_engine::{Engine, ModelInfo, ModelKind};
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
            let all: u32 = tokens.iter().fold(0, |sum, tokens| sum.saturating_add(*tokens));
            // Of what was cut off the miner may have read more than it has sent vectors of.
            let least = match was_cancelled {
                true => tokens.iter().take(count as usize).fold(0, |sum: u32, tokens| sum.saturating_add(*tokens)),
                false => all,
            };
            let own = engine.embed(id, texts).await.map_err(unable)?.all().await.map_err(unable)?;
            Ok(score_vectors((receipt.prompt_tokens, &some), (least..=all, &own.vectors)))
        }
        (Work::Generate { .. }, Produced::Vectors { .. }) | (Work::Embed { .. }, Produced::Text { .. }) => {
            Err(Unable("something else was produced than was asked for".into()))
        }
    }
}

fn unable(error: impl Display) -> Unable {
    Unable(error.to_string())
}
