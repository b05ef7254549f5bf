//! Another model than was promised.

use cuckoo_sampler::ONE;

use super::{
    super::{
        attempt::Attempt,
        forge::{forged, stretched},
        player::leaf,
    },
    Checkpoint, Playing, Trial,
};

/// How much cooler a small model must be for its tokens to seem likely to a big one.
const COOLER: f64 = 0.8;

fn runs<'a>(trial: &'a Trial<'a>, checkpoint: Checkpoint) -> Playing<'a> {
    Box::pin(async move {
        let asked = trial.request();
        trial.claim(checkpoint, &asked, &asked).await
    })
}

pub(super) fn near<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    runs(trial, Checkpoint::Near)
}

pub(super) fn other<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    runs(trial, Checkpoint::Other)
}

pub(super) fn four_bits<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    runs(trial, Checkpoint::FourBits)
}

pub(super) fn layer_skipped<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    runs(trial, Checkpoint::LayerSkipped)
}

pub(super) fn small<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    runs(trial, Checkpoint::Small)
}

/// The tokens of the small model; the promised one reads them once, for logits and states that are right in every place.
async fn small_read_by_big(trial: &Trial<'_>, is_forged: bool) -> anyhow::Result<Attempt> {
    let asked = trial.request();
    let mut attempt = trial.claim(Checkpoint::Small, &asked, &asked).await?;
    let drawing = attempt.drawing();
    let draws = trial.stage.miner.draws(Checkpoint::Promised.id(), &asked, &attempt.tokens).await?;
    let places = draws.iter().zip(&attempt.tokens).zip(0..);
    let leaves = places.map(|((drawn, token), position)| {
        let mut leaf = leaf(drawn)?;
        match is_forged {
            true => forged(&leaf, &drawing, position, *token),
            false => {
                leaf.token = *token;
                Ok(leaf)
            }
        }
    });
    attempt.leaves = leaves.collect::<Result<_, _>>()?;
    Ok(attempt)
}

pub(super) fn small_with_big_openings<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(small_read_by_big(trial, false))
}

pub(super) fn small_with_forged_openings<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(small_read_by_big(trial, true))
}

/// The small model at a lower temperature, its logits stretched so that they draw the same at the one that was asked for.
pub(super) fn small_tuned<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async {
        let asked = trial.request();
        let mut cooler = asked.clone();
        cooler.sampling.draw.temperature = (f64::from(ONE) * COOLER) as u32;
        let mut attempt = trial.claim(Checkpoint::Small, &asked, &cooler).await?;
        fit(&mut attempt, 1.0 / COOLER)?;
        Ok(attempt)
    })
}

/// Stretches the logits, and mends what rounding has changed.
pub(super) fn fit(attempt: &mut Attempt, factor: f64) -> anyhow::Result<()> {
    let drawing = attempt.drawing();
    for (leaf, position) in attempt.leaves.iter_mut().zip(0..) {
        *leaf = forged(&stretched(leaf, factor), &drawing, position, leaf.token)?;
    }
    Ok(())
}
