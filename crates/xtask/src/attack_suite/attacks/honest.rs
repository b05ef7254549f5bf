//! Honest attempts: each looks like a cheat and is none.

use cuckoo_engine::Prompt;
use cuckoo_primitives::task::Finish;
use cuckoo_sampler::ONE;

use super::{super::attempt::Attempt, Checkpoint, Playing, Trial};

pub(super) fn plain<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async { trial.honest(&trial.request()).await })
}

/// A low temperature, asked for.
pub(super) fn cooler<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async {
        let mut asked = trial.request();
        asked.sampling.draw.temperature = ONE * 4 / 5;
        trial.honest(&asked).await
    })
}

/// Few likely tokens, asked for.
pub(super) fn narrow<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async {
        let mut asked = trial.request();
        asked.sampling.draw.top_p = ONE / 2;
        trial.honest(&asked).await
    })
}

/// No noise at all, asked for.
pub(super) fn greedy<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async {
        let mut asked = trial.request();
        asked.sampling.draw.temperature = 0;
        trial.honest(&asked).await
    })
}

/// A prompt that is short because it was asked so.
pub(super) fn short_prompt<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async {
        let mut asked = trial.request();
        asked.prompt = super::prompts::head_of(&asked.prompt);
        trial.honest(&asked).await
    })
}

/// Nobody has given a system prompt.
pub(super) fn no_system_prompt<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async {
        let mut asked = trial.request();
        if let Prompt::Chat(messages) = &mut asked.prompt {
            messages.retain(|message| message.role != "system");
        }
        trial.honest(&asked).await
    })
}

/// The same question with the same seed for the second time: the same answer, and rightly so.
pub(super) fn repeated<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async {
        let asked = trial.request();
        trial.answer(Checkpoint::Promised, &asked).await?;
        trial.honest(&asked).await
    })
}

/// A text that ends by itself, sooner than it had to.
pub(super) fn ended<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async {
        let (asked, answer) = trial.ended().await?;
        Attempt::new(trial.stage, trial.number, &asked, &answer)
    })
}

/// A text that a stop string ends.
pub(super) fn stop_string<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async {
        let mut asked = trial.request();
        let text = trial.answer(Checkpoint::Promised, &asked).await?.text;
        let middle: String = text.chars().skip(text.chars().count() / 2).take(2).collect();
        asked.sampling.stop = vec![middle];
        trial.honest(&asked).await
    })
}

/// A text that the coordinator has cut off.
pub(super) fn cancelled<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async {
        let mut attempt = trial.honest(&trial.request()).await?;
        attempt.cut(attempt.tokens.len() / 2);
        attempt.finish = Finish::Cancelled;
        attempt.was_cancelled = true;
        attempt.text = trial.stage.miner.said(Checkpoint::Promised.id(), &attempt.tokens, &[]).await?.certain;
        Ok(attempt)
    })
}
