//! Ways to cheat, each with an honest attempt that comes close to it.

mod draws;
mod honest;
mod lengths;
mod openings;
mod prompts;
mod signatures;
mod weights;

use anyhow::Context;
use cuckoo_engine::{GenerateRequest, SaidEnd};
use futures::future::BoxFuture;

use super::{
    attempt::Attempt,
    checkpoint::Checkpoint,
    player::{leaf, Answer},
    stage::Stage,
};

/// One try of an attack.
pub(super) struct Trial<'a> {
    pub(super) stage: &'a Stage,
    /// Chooses question and seed.
    pub(super) number: u64,
}

pub(super) type Playing<'a> = BoxFuture<'a, anyhow::Result<Attempt>>;
type Play = for<'a> fn(&'a Trial<'a>) -> Playing<'a>;

/// A way to cheat.
pub(super) struct Attack {
    pub(super) name: &'static str,
    pub(super) goal: Goal,
    pub(super) cheat: Play,
    pub(super) twin: Play,
}

/// How soon it must be found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// In each attempt that is audited.
    Attempt,
    /// A miner that does it in every attempt gets no more work after at most so many audits. One attempt says too little.
    Miner { audits: u32 },
}

const fn attack(name: &'static str, cheat: Play, twin: Play) -> Attack {
    Attack { name, goal: Goal::Attempt, cheat, twin }
}

/// What changes one token in an attempt.
const fn slight(name: &'static str, cheat: Play, twin: Play) -> Attack {
    Attack { name, goal: Goal::Miner { audits: 12 }, cheat, twin }
}

/// All of them.
pub(super) const ATTACKS: &[Attack] = &[
    attack("weights moved by 2 %", weights::near, honest::plain),
    attack("other model of the same shape", weights::other, honest::plain),
    attack("four bits for eight", weights::four_bits, honest::plain),
    attack("layer skipped", weights::layer_skipped, honest::plain),
    attack("small model", weights::small, honest::plain),
    attack("small model, openings of the big one", weights::small_with_big_openings, honest::plain),
    attack("small model, openings of the big one made to fit", weights::small_with_forged_openings, honest::plain),
    attack("small model, temperature tuned", weights::small_tuned, honest::cooler),
    attack("prompt cut at its head", prompts::head, honest::short_prompt),
    attack("prompt cut in its middle", prompts::middle, honest::short_prompt),
    attack("prompt cut at its tail", prompts::tail, honest::short_prompt),
    attack("system prompt dropped", prompts::system, honest::no_system_prompt),
    attack("system prompt dropped and counted so", prompts::system_counted, honest::no_system_prompt),
    attack("other seed", draws::other_seed, honest::plain),
    attack("cached answer to another seed", draws::cached, honest::repeated),
    attack("cached answer, openings made to fit", draws::cached_forged, honest::repeated),
    attack("other temperature", draws::other_temperature, honest::cooler),
    attack("other temperature, openings made to fit", draws::other_temperature_forged, honest::cooler),
    attack("other top-p", draws::other_top_p, honest::narrow),
    attack("greedy for drawn", draws::greedy, honest::greedy),
    attack("stopped early, said to have ended", lengths::stopped, honest::ended),
    attack("stopped early, said to be at the limit", lengths::short, honest::plain),
    attack("stopped early, said to be cancelled", lengths::cancelled, honest::cancelled),
    slight("stopped early, end made to fit", lengths::stopped_forged, honest::ended),
    slight("padded, end hidden", lengths::padded_forged, honest::ended),
    attack("padded behind its end", lengths::padded, honest::ended),
    attack("more tokens than asked for", lengths::excess, honest::plain),
    attack("more tokens counted than sent", lengths::miscounted, honest::stop_string),
    attack("1 % of the tokens replaced when sent", draws::replaced, honest::plain),
    slight("one token replaced, opening made to fit", draws::replaced_forged, honest::plain),
    attack("text that the tokens do not say", lengths::other_text, honest::stop_string),
    attack("constant openings", openings::constant, honest::plain),
    attack("openings of another attempt", openings::replayed, honest::plain),
    attack("openings that are no numbers", openings::no_numbers, honest::plain),
    attack("openings withheld", openings::withheld, honest::plain),
    attack("one opening missing", openings::one_missing, honest::plain),
    attack("one opening too many", openings::one_more, honest::plain),
    attack("openings that were not committed to", openings::exchanged, honest::plain),
    attack("states left out", openings::without_states, honest::plain),
    attack("states of another attempt", openings::replayed_states, honest::plain),
    attack("states that are nothing", openings::empty_states, honest::plain),
    attack("two receipts", signatures::two_receipts, signatures::signed_twice),
    attack("receipt for another understanding", signatures::other_understanding, honest::cooler),
    attack("other tokens sent than committed to", signatures::other_delivery, signatures::honest_delivery),
    attack("receipt of another task", signatures::other_task, honest::plain),
    attack("receipt of another attempt", signatures::other_attempt, honest::plain),
    attack("receipt of another chain", signatures::other_chain, honest::plain),
];

impl Trial<'_> {
    fn request(&self) -> GenerateRequest {
        self.stage.request(self.number)
    }

    async fn answer(&self, of: Checkpoint, request: &GenerateRequest) -> anyhow::Result<Answer> {
        self.stage.miner.answer(of.id(), request).await
    }

    /// The answer to `done`, claimed as one to `asked`.
    async fn claim(&self, of: Checkpoint, asked: &GenerateRequest, done: &GenerateRequest) -> anyhow::Result<Attempt> {
        let answer = self.answer(of, done).await?;
        Attempt::new(self.stage, self.number, asked, &answer)
    }

    /// An honest attempt at `asked`.
    async fn honest(&self, asked: &GenerateRequest) -> anyhow::Result<Attempt> {
        self.claim(Checkpoint::Promised, asked, asked).await
    }

    /// An answer that ended by itself after the first of its tokens and before the last that was allowed, and its request.
    async fn ended(&self) -> anyhow::Result<(GenerateRequest, Answer)> {
        for number in (0..64).map(|at| self.number + 1_000 * at) {
            let mut request = self.stage.request(number);
            request.sampling.max_tokens = Some(3 * self.stage.tokens);
            let answer = self.answer(Checkpoint::Promised, &request).await?;
            if answer.has_ended() && (2..2 * self.stage.tokens).contains(&answer.completion_tokens) {
                return Ok((request, answer));
            }
        }
        anyhow::bail!("no answer ends by itself")
    }

    /// The text of tokens that do not end it, as at a limit.
    async fn text(&self, tokens: &[u32]) -> anyhow::Result<String> {
        let said = self.stage.miner.said(Checkpoint::Promised.id(), tokens, &[]).await?;
        Ok(match said.end {
            SaidEnd::Open => said.certain + &said.held,
            SaidEnd::Last | SaidEnd::Early => said.certain,
        })
    }

    /// `attempt` up to its token `at`, then `token` with an opening made to fit, then what the promised model says next.
    async fn diverted(&self, mut attempt: Attempt, at: usize, token: u32) -> anyhow::Result<Attempt> {
        let (drawing, position) = (attempt.drawing(), u32::try_from(at)?);
        let forged = super::forge::forged(&attempt.leaves[at], &drawing, position, token)?;
        attempt.cut(at);
        attempt.tokens.push(token);
        attempt.leaves.push(forged);
        let most = attempt.request.sampling.max_tokens.context("attempts have a limit")?;
        let mut rest = attempt.request.clone();
        rest.resumed = attempt.tokens.clone();
        rest.sampling.max_tokens = Some(most.saturating_sub(position + 1).max(1));
        let rest = self.answer(Checkpoint::Promised, &rest).await?;
        attempt.tokens.extend(rest.tokens());
        for drawn in &rest.drawn {
            attempt.leaves.push(leaf(drawn)?);
        }
        attempt.completion_tokens = position + 1 + rest.completion_tokens;
        attempt.finish = match rest.has_ended() {
            true => cuckoo_primitives::task::Finish::Stop,
            false => cuckoo_primitives::task::Finish::Length,
        };
        attempt.text = self.text(&attempt.tokens).await?;
        Ok(attempt)
    }

    /// A candidate that may stand in the place of the token at `at`, and ends no text.
    fn other_candidate(&self, attempt: &Attempt, at: usize) -> anyhow::Result<u32> {
        let leaf = attempt.leaves.get(at).context("the answer is too short")?;
        let other = leaf.candidates.iter().find(|it| it.token != leaf.token && it.token > self.stage.end);
        Ok(other.context("a leaf has candidates")?.token)
    }
}
