//! What honest miners show.

use anyhow::Context;
use cuckoo_audit::{score::Stretch, threshold::Calibration};
use cuckoo_engine::GenerateRequest;
use cuckoo_sampler::ONE;
use futures::{stream, StreamExt};

use super::{
    attempt::Attempt,
    checkpoint::Checkpoint,
    stage::Stage,
    verdict::{verdict, Verdict},
};

/// Numbers of attempts begin here, apart from those of cheats and their twins.
const FIRST: u64 = 1 << 40;

/// Honest attempts that were not found honest, and all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) attempts: u32,
    /// By evidence, or as what no honest miner can have done.
    pub(super) failed: u32,
    /// By statistics.
    pub(super) deviant: u32,
    /// By statistics, a little.
    pub(super) suspicious: u32,
}

/// What was measured of honest attempts.
#[derive(Clone, Debug, Default)]
pub(super) struct Measured {
    pub(super) stretches: Vec<Stretch>,
    pub(super) tokens: u64,
    /// Tokens that the auditor's engine would not have drawn.
    pub(super) disagreeing: u64,
    pub(super) count: Count,
}

impl Measured {
    pub(super) fn calibration(&self) -> Calibration {
        Calibration::of(&self.stretches, self.tokens)
    }

    pub(super) fn extend(&mut self, other: Self) {
        self.stretches.extend(other.stretches);
        self.tokens += other.tokens;
        self.disagreeing += other.disagreeing;
        self.count.attempts += other.count.attempts;
        self.count.failed += other.count.failed;
        self.count.deviant += other.count.deviant;
        self.count.suspicious += other.count.suspicious;
    }

    fn take(&mut self, verdict: &Verdict) {
        self.count.attempts += 1;
        self.count.suspicious += u32::from(verdict.is_suspicious());
        let Some(scores) = verdict.scores() else {
            self.count.failed += 1;
            return;
        };
        self.tokens += u64::from(scores.tokens);
        self.disagreeing += u64::from(scores.disagreeing);
        self.stretches.extend(&scores.stretches);
        self.count.deviant += u32::from(verdict.caught().is_some());
    }
}

/// Attempts of at least so many tokens, as many at once as the miner's engine has room for. Of each five one is greedy, one
/// cool, one all but greedy, one of few likely tokens.
pub(super) async fn measure(stage: &Stage, tokens: u64) -> anyhow::Result<Measured> {
    let mut measured = Measured::default();
    let attempts = (0..).map(|at| one(stage, FIRST + at));
    let mut attempts = stream::iter(attempts).buffer_unordered(stage.at_once);
    while measured.tokens < tokens {
        let verdict = attempts.next().await.context("there are always more")??;
        measured.take(&verdict);
        let failed = measured.count.failed;
        anyhow::ensure!(failed <= 8 + measured.count.attempts / 4, "{failed} honest attempts have failed");
    }
    Ok(measured)
}

async fn one(stage: &Stage, number: u64) -> anyhow::Result<Verdict> {
    let asked = request(stage, number);
    let answer = stage.miner.answer(Checkpoint::Promised.id(), &asked).await?;
    verdict(stage, &Attempt::new(stage, number, &asked, &answer)?).await
}

fn request(stage: &Stage, number: u64) -> GenerateRequest {
    let mut request = stage.request(number);
    // Other than the number of questions, so that each is asked in every way.
    match number % 5 {
        1 => request.sampling.draw.temperature = 0,
        2 => request.sampling.draw.temperature = ONE * 7 / 10,
        3 => request.sampling.draw.top_p = ONE * 9 / 10,
        // Where dividing by it stretches what rounding does most.
        4 => request.sampling.draw.temperature = ONE / 100,
        _ => {}
    }
    request
}
