//! Less of a prompt than was asked, which is less to read.

use cuckoo_engine::{ChatMessage, Prompt};

use super::{super::attempt::Attempt, Checkpoint, Playing, Trial};

/// The question without a part of its words.
fn without(prompt: &Prompt, cut: impl Fn(usize, usize) -> bool) -> Prompt {
    let shorten = |message: &ChatMessage| {
        let words: Vec<&str> = message.content.split(' ').collect();
        let kept = words.iter().enumerate().filter(|(at, _)| message.role != "user" || !cut(*at, words.len()));
        ChatMessage { content: kept.map(|(_, word)| *word).collect::<Vec<_>>().join(" "), ..message.clone() }
    };
    match prompt {
        Prompt::Chat(messages) => Prompt::Chat(messages.iter().map(shorten).collect()),
        Prompt::Text(text) => Prompt::Text(text.clone()),
    }
}

/// The question without its last third.
pub(super) fn head_of(prompt: &Prompt) -> Prompt {
    without(prompt, |at, count| 3 * at >= 2 * count)
}

/// Answers another prompt, and says that it has read as many tokens as it should.
async fn answers(trial: &Trial<'_>, change: impl Fn(&Prompt) -> Prompt) -> anyhow::Result<Attempt> {
    let asked = trial.request();
    let mut done = asked.clone();
    done.prompt = change(&asked.prompt);
    let mut attempt = trial.claim(Checkpoint::Promised, &asked, &done).await?;
    attempt.prompt_tokens = trial.stage.miner.prompt_tokens(Checkpoint::Promised.id(), &asked).await?;
    Ok(attempt)
}

pub(super) fn head<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(answers(trial, |prompt| without(prompt, |at, count| 3 * at < count)))
}

pub(super) fn middle<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(answers(trial, |prompt| without(prompt, |at, count| (count..2 * count).contains(&(3 * at)))))
}

pub(super) fn tail<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(answers(trial, head_of))
}

fn without_system(prompt: &Prompt) -> Prompt {
    match prompt {
        Prompt::Chat(messages) => {
            Prompt::Chat(messages.iter().filter(|message| message.role != "system").cloned().collect())
        }
        Prompt::Text(text) => Prompt::Text(text.clone()),
    }
}

pub(super) fn system<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(answers(trial, without_system))
}

/// The same, and it says what it has read.
pub(super) fn system_counted<'a>(trial: &'a Trial<'a>) -> Playing<'a> {
    Box::pin(async {
        let asked = trial.request();
        let mut done = asked.clone();
        done.prompt = without_system(&asked.prompt);
        trial.claim(Checkpoint::Promised, &asked, &done).await
    })
}
