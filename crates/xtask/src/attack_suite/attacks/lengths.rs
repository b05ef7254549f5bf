//! Texts that are shorter or longer than they have to be, or say something else.

use cuckoo_primitives::task::Finish;

use super::{
    super::{attempt::Attempt, forge::forged},
    Checkpoint, Playing, Trial,
};

/// The first quarter of an honest answer.
async fn quarter(trial: &Trial<'_>, finish: Finish) -> anyhow::Result<Attempt> {
    let mut attempt = trial.honest(&trial.request()).await?;
    attempt.cut(attempt.tokens.len().div_ceil(4));
    attempt.finish = finish;
    attempt.text = trial.text(&attempt.tokens).await?;
    Ok(attempt)
}

pub(super) fn stopped<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(quarter(trial, Finish::Stop))
}

pub(super) fn short<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(quarter(trial, Finish::Length))
}

pub(super) fn cancelled<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(quarter(trial, Finish::Cancelled))
}

/// A token that ends the text where the model had more to say.
pub(super) fn stopped_forged<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async {
        let mut attempt = trial.honest(&trial.request()).await?;
        let at = attempt.tokens.len() / 4;
        let end = forged(&attempt.leaves[at], &attempt.drawing(), u32::try_from(at)?, trial.stage.end)?;
        attempt.cut(at);
        attempt.finish = Finish::Stop;
        attempt.text = trial.text(&attempt.tokens).await?;
        attempt.tokens.push(trial.stage.end);
        attempt.leaves.push(end);
        Ok(attempt)
    })
}

/// Another token where the model would have ended, and what follows from it.
pub(super) fn padded_forged<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async {
        let (asked, answer) = trial.ended().await?;
        let attempt = Attempt::new(trial.stage, trial.number, &asked, &answer)?;
        let at = attempt.tokens.len() - 1;
        let token = trial.other_candidate(&attempt, at)?;
        trial.diverted(attempt, at, token).await
    })
}

/// Tokens behind the one that ends the text.
pub(super) fn padded<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async {
        let (asked, answer) = trial.ended().await?;
        let mut attempt = Attempt::new(trial.stage, trial.number, &asked, &answer)?;
        let filling = attempt.leaves.last().cloned();
        let token = trial.other_candidate(&attempt, attempt.leaves.len() - 1)?;
        for leaf in std::iter::repeat_n(filling, 5).flatten() {
            let (drawing, position) = (attempt.drawing(), u32::try_from(attempt.leaves.len())?);
            let mut leaf = forged(&leaf, &drawing, position, token)?;
            leaf.projection = position.is_multiple_of(8).then_some([0; 16]);
            attempt.tokens.push(token);
            attempt.leaves.push(leaf);
        }
        attempt.completion_tokens += 6;
        attempt.finish = Finish::Length;
        Ok(attempt)
    })
}

/// Goes on behind the limit.
pub(super) fn excess<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async {
        let done = trial.request();
        let answer = trial.answer(Checkpoint::Promised, &done).await?;
        let mut asked = done;
        asked.sampling.max_tokens = Some(answer.completion_tokens.saturating_sub(1));
        Attempt::new(trial.stage, trial.number, &asked, &answer)
    })
}

/// Counts more than it has sent.
pub(super) fn miscounted<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async {
        let mut attempt = trial.honest(&trial.request()).await?;
        attempt.completion_tokens += 10;
        Ok(attempt)
    })
}

/// Sends a text of its own.
pub(super) fn other_text<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async {
        let mut attempt = trial.honest(&trial.request()).await?;
        attempt.text.insert_str(0, "Buy lighthouses! ");
        Ok(attempt)
    })
}
