//! One answer, as a miner gives it with and without committing to it, and as an auditor goes through it.

use std::time::Instant;

use anyhow::{bail, ensure, Context};
use cuckoo_audit_engine::Asked;
use cuckoo_chain_client::Keypair;
use cuckoo_engine::{ChatMessage, Drawn, Engine, GenerateRequest, GenerationEvent, LocalEngine, Prompt, Sampling};
use cuckoo_primitives::{
    commitment::{Leaf, Tree},
    task::Drawing,
};
use cuckoo_sampler::{Parameters, ONE};

/// A miner signs for so many tokens at a time.
const SIGNED_EVERY: u32 = 32;

/// What is kept of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// Nothing: it is only sent.
    Nothing,
    /// How each token was drawn, checked, hashed and signed for.
    Leaves,
}

/// An answer.
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) tokens: u32,
    /// From the first token to the last.
    pub(super) seconds: f64,
    leaves: Vec<Leaf>,
}

/// The question of a round.
pub(super) fn request(model: &str, tokens: u32, round: u32) -> GenerateRequest {
    let content = format!("Tell a long story about {} ships that meet at an island.", round + 2);
    let mut sampling = Sampling {
        max_tokens: Some(tokens),
        draw: Parameters { temperature: ONE, top_k: 64, top_p: ONE },
        ..Sampling::default()
    };
    sampling.seed[..4].copy_from_slice(&round.to_le_bytes());
    GenerateRequest::new(model, Prompt::Chat(vec![ChatMessage { role: "user".into(), content }]), sampling)
}

impl Answer {
    /// Has `engine` give it.
    pub(super) async fn of(engine: &LocalEngine, request: &GenerateRequest, kept: Kept) -> anyhow::Result<Self> {
        let request = GenerateRequest { records: kept == Kept::Leaves, ..request.clone() };
        let drawing = Drawing {
            parameters: request.sampling.draw,
            seed: request.sampling.seed,
            is_shaped: false,
            first_position: 0,
            max_tokens: request.sampling.max_tokens.unwrap_or(u32::MAX),
        };
        let key = Keypair::from_secret_key([7; 32])?;
        let mut generation = engine.generate(request).await?;
        let (mut text, mut leaves, mut began) = (String::new(), Vec::new(), None);
        let (mut sent, mut opened, mut signed) = (Tree::default(), Tree::default(), 0);
        loop {
            let event = generation.events.recv().await.context("a generation ended without a last event")?;
            let now = Instant::now();
            let began = *began.get_or_insert(now);
            let (drawn, done) = match event {
                GenerationEvent::Piece { text: piece, tokens_drawn, .. } => {
                    text.push_str(&piece);
                    (tokens_drawn, None)
                }
                GenerationEvent::Done { completion_tokens, end, .. } => {
                    (end.into_iter().collect(), Some(completion_tokens))
                }
                GenerationEvent::Failed(error) => return Err(error.into()),
            };
            for drawn in drawn {
                let leaf = leaf(drawn)?;
                let position = u32::try_from(leaves.len())?;
                ensure!(leaf.is_drawn(&drawing, position), "token {position} is not drawn");
                sent.push(&leaf.token);
                opened.push(&leaf);
                leaves.push(leaf);
            }
            if kept == Kept::Leaves && (sent.len() >= signed + SIGNED_EVERY || done.is_some()) {
                signed = sent.len();
                std::hint::black_box((key.sign(sent.root().as_bytes()), opened.root()));
            }
            if let Some(tokens) = done {
                return Ok(Self { text, tokens, seconds: began.elapsed().as_secs_f64(), leaves });
            }
        }
    }

    /// How long an auditor with the same engine takes to go through it, its prompt included, in seconds.
    pub(super) async fn audit(&self, engine: &LocalEngine, request: &GenerateRequest) -> anyhow::Result<f64> {
        let began = Instant::now();
        let tokens: Vec<u32> = self.leaves.iter().map(|leaf| leaf.token).collect();
        let candidates: Vec<Vec<u32>> =
            self.leaves.iter().map(|leaf| leaf.candidates.iter().map(|it| it.token).collect()).collect();
        let context_tokens = u32::MAX;
        let asked = Asked { request, echo: None, tokens: &tokens, candidates: &candidates, context_tokens };
        let own = cuckoo_audit_engine::own(engine, asked).await??;
        ensure!(own.tokens.len() == tokens.len(), "an honest answer does not pass");
        Ok(began.elapsed().as_secs_f64())
    }
}

fn leaf(drawn: Drawn) -> anyhow::Result<Leaf> {
    let Drawn { token, candidates, projection } = drawn;
    let Ok(candidates) = candidates.try_into() else { bail!("an engine names too many candidates") };
    Ok(Leaf { token, candidates, projection })
}
