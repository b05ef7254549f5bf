//! One attempt, from the message to its miner to the promise of its pay.

use std::{pin::pin, sync::Arc, time::Duration};

use cuckoo_primitives::{
    challenge::{Demand, CHALLENGED_WITHIN_MS},
    evidence::SignedReceipt,
    task::{began_ms, Finish},
    Balance,
};
use cuckoo_wire::{
    charge::{charged, is_empty},
    link::{self, CancelReason, FailureCode},
    spec::Between,
};
use tokio::{sync::mpsc, time::Instant};

use super::{
    agreement::Agreement,
    attempt::{Client, Completed, Piece},
    attempts::Attempts,
    continuation::{Alike, Remains},
    failure::{ClientFault, Failure},
    progress::{Progress, Shown, Told},
    receipt_check::{check, Witnessed},
    registry::{Ceiling, Slot, Tried},
    sent_tokens::SentTokens,
    task::{AttemptId, ClientTask},
    transcript::Transcript,
};
use crate::{
    audit::Finished,
    auth::Spending,
    link::{AttemptMessage, Link, OfferedModel},
    store::{Entry, StoredReceipt},
};

/// How long a miner that was told to stop has for its last message. Until then its slot is taken.
const CANCEL_GRACE: Duration = Duration::from_secs(3);
/// How long it has for the receipt by which it is paid for what it sent before. A connection that stalls loses nothing, and
/// one that is dead is known to be within 13 s: so in this time the receipt comes or the link ends, and an honest miner is
/// paid. Longer would help nobody, and keep what the task may cost set aside. As each attempt takes a slot until then, no
/// more of them wait than the link has slots; and what is paid for was bounded when the miner was told to stop.
const RECEIPT_GRACE: Duration = Duration::from_secs(15);
/// So much earlier than ours a miner's clock may say that a task's time is over: it counts from the task's arrival, and no
/// two clocks run alike.
const CLOCKS_DIFFER: Duration = Duration::from_secs(1);
/// How far the chain's clock, which is that of its last block, is usually behind ours at most, in milliseconds. Who asks too
/// early asks again.
const CLOCK_SLACK_MS: u64 = 6_000;

/// One attempt. It never waits for its client, only for its miner and in the end for the journal, and nothing ends it early.
/// So every receipt that comes in time is checked and paid for, and what may be spent stays set aside until that is stored.
pub(super) struct RunningAttempt {
    pub(super) attempts: Arc<Attempts>,
    pub(super) id: AttemptId,
    pub(super) spec: Arc<ClientTask>,
    /// As it was sent.
    pub(super) task: Arc<link::Task>,
    pub(super) link: Arc<Link>,
    /// As the miner offers it.
    pub(super) model: OfferedModel,
    pub(super) messages: mpsc::Receiver<Box<AttemptMessage>>,
    pub(super) transcript: Transcript,
    /// `None` until the miner takes it on.
    pub(super) agreement: Option<Agreement>,
    /// Of classes that commit to draws, once it is taken on.
    pub(super) sent: Option<SentTokens>,
    /// What the client was shown before, beyond the tokens that it goes on from.
    pub(super) shown: Shown,
    /// Of classes that commit to draws, once it is taken on.
    pub(super) progress: Option<Progress>,
    /// The miner was told to stop though it did nothing wrong.
    pub(super) is_cut_off: bool,
    /// `None` once the miner has ended the attempt.
    pub(super) slot: Option<Slot>,
    /// Of the client's budget, and of what covers the miner; `None` once it is sure that nothing will be paid. In this order:
    /// whoever is served when the ceiling is given back may need the budget too.
    pub(super) set_aside: Option<(Spending, Ceiling)>,
}

/// What a miner said.
enum Heard {
    /// It takes the attempt on.
    Accepted,
    /// A piece that an honest miner can send.
    Piece {
        /// What of it the client has not been shown yet.
        unseen: Option<Piece>,
        /// Whether there is anything in it for a reader.
        says_something: bool,
    },
    /// It is done, says the miner.
    End(link::Result),
}

impl RunningAttempt {
    pub(super) async fn run(mut self, client: Client) {
        let completed = match self.listen(&client).await {
            Ok(result) => self.pay(&result).await,
            Err(failure) => Err(failure),
        };
        match completed {
            Ok(completed) => self.done(completed, client),
            Err(gone @ Failure::Unread) => self.cut_off(client, gone, CancelReason::Client).await,
            Err(late @ Failure::Deadline) => self.cut_off(client, late, CancelReason::Deadline).await,
            Err(failure) => self.give_up(client, failure).await,
        }
    }

    /// Hands pieces to the client until the miner ends the answer.
    async fn listen(&mut self, client: &Client) -> Result<link::Result, Failure> {
        let begun = Instant::now();
        let deadline = self.transcript.bounds().deadline;
        let (first, further) = (self.attempts.first_token_timeout, self.attempts.token_timeout);
        // When something was last said, and until when something must be.
        let mut last_said = None;
        let patience = |last_said: Option<Instant>| match last_said {
            None => (begun + first, "first token"),
            Some(last) => (last + further, "next token"),
        };
        // Neither is made anew for each piece.
        let mut gone = pin!(client.gone());
        let mut alarm = pin!(tokio::time::sleep_until(deadline.min(patience(None).0)));
        loop {
            let message = tokio::select! {
                biased;
                message = self.messages.recv() => message,
                () = gone.as_mut() => return Err(Failure::Unread),
                () = alarm.as_mut() => {
                    let ((until, awaited), now) = (patience(last_said), Instant::now());
                    if now >= deadline {
                        return Err(Failure::Deadline);
                    }
                    if now >= until {
                        return Err(Failure::Silent(awaited));
                    }
                    alarm.as_mut().reset(deadline.min(until));
                    continue;
                }
            };
            let (unseen, says_something) = match self.read(message)? {
                Heard::Accepted => continue,
                Heard::Piece { unseen, says_something } => (unseen, says_something),
                Heard::End(result) => return Ok(result),
            };
            let now = Instant::now();
            if says_something && last_said.replace(now).is_none() {
                // Set for the first piece, it may be far too late for the next. From here on it is never too late.
                alarm.as_mut().reset(deadline.min(patience(last_said).0));
            }
            if unseen.is_some_and(|piece| !client.hand(piece)) {
                return Err(Failure::Unread);
            }
            // A miner that never pauses has no more time than others.
            if now >= deadline {
                return Err(Failure::Deadline);
            }
        }
    }

    /// Reads one message; `None` is the end of the channel.
    fn read(&mut self, message: Option<Box<AttemptMessage>>) -> Result<Heard, Failure> {
        match message.map(|message| *message) {
            Some(AttemptMessage::Accept(accept)) => self.accepted(&accept).map(|()| Heard::Accepted),
            Some(AttemptMessage::Output(output)) => {
                self.note_tokens(&output)?;
                let told = Told::by(&output);
                let piece = self.transcript.note(output)?;
                let says_something = !piece.is_empty();
                let unseen = match (&mut self.progress, piece) {
                    (Some(progress), Piece::Text(piece)) => progress.note(piece, told)?.map(Piece::Text),
                    (_, piece) => Some(piece),
                };
                Ok(Heard::Piece { unseen, says_something })
            }
            Some(AttemptMessage::Result(result)) => {
                self.slot = None;
                Ok(Heard::End(result))
            }
            Some(AttemptMessage::Failure(failure)) => {
                self.slot = None;
                let is_late = failure.code() == FailureCode::Timeout && self.is_late();
                Err(if is_late { Failure::Deadline } else { failure_of(failure) })
            }
            Some(AttemptMessage::TooMuch) => Err(Failure::Violation("a longer answer than the task allows")),
            None if self.link.has_ended() => Err(Failure::LinkLost),
            None => Err(Failure::Flood),
        }
    }

    fn accepted(&mut self, accept: &link::Accept) -> Result<(), Failure> {
        if self.agreement.is_some() {
            return Err(Failure::Violation("an attempt that is taken on twice"));
        }
        let between = Between {
            genesis: self.attempts.guard.genesis(),
            link: self.link.hash(),
            coordinator: self.attempts.guard.operator().clone(),
            miner: self.link.operator().clone(),
        };
        let agreement = Agreement::new(&self.task, accept, &between, &self.model)?;
        if agreement.spec.drawing.is_some() {
            self.sent = Some(SentTokens::default());
            self.progress = Some(Progress::new(std::mem::take(&mut self.shown), self.spec.sampling()));
        }
        self.agreement = Some(agreement);
        Ok(())
    }

    /// Takes note of the tokens of a piece, and of what was signed for them.
    fn note_tokens(&mut self, output: &link::Output) -> Result<(), Failure> {
        match (&self.agreement, &mut self.sent) {
            (None, _) => Err(Failure::Violation("a piece of what it has not taken on")),
            (Some(_), Some(sent)) => sent.note(output),
            (Some(_), None) if output.token_ids.is_empty() && output.signature.is_empty() => Ok(()),
            (Some(_), None) => Err(Failure::Violation("tokens that nobody can check")),
        }
    }

    /// Checks the miner's receipt and promises its pay; when this returns, that is stored.
    async fn pay(&self, result: &link::Result) -> Result<Completed, Failure> {
        let completed = self.verify(result)?;
        if is_empty(&self.task, self.transcript.delivered()) && completed.receipt.finish != Finish::Cancelled {
            // It costs nothing. Whether it is the answer is not for one miner to say.
            return Err(Failure::Empty(Box::new(completed)));
        }
        // By the rule by which the miner reckons too.
        let cost = self.spec.price.cost(&completed.usage);
        let stored = StoredReceipt {
            receipt: completed.receipt.clone(),
            signature: completed.signature,
            model: self.spec.model().to_owned(),
            api_key_id: self.spec.api_key_id.clone(),
            cost,
        };
        let entry = Entry { stored, charged: completed.usage, channel: self.link.channel().clone() };
        self.attempts.journal.append(entry).await.map_err(|_| Failure::NotStored)?;
        metrics::counter!("gateway_tokens_total", "type" => "input").increment(completed.usage.prompt_tokens.into());
        metrics::counter!("gateway_tokens_total", "type" => "output")
            .increment(completed.usage.completion_tokens.into());
        self.have_audited(&completed, cost).await;
        Ok(completed)
    }

    /// It was answered and paid for; whether that was right may be found out now.
    async fn have_audited(&self, completed: &Completed, price: Balance) {
        let receipt = SignedReceipt { receipt: completed.receipt.clone(), signature: completed.signature };
        let tokens = self.sent.as_ref().map_or_else(Vec::new, |sent| sent.numbers().to_vec());
        let (task, vectors) = (self.task.clone(), self.transcript.vectors().to_vec());
        let (class, context_tokens) = (self.model.numeric_class.clone(), self.model.context_tokens);
        let stash = self.link.channel().miner.clone();
        let own_stake = self.attempts.guard.view().by_stash(&stash).map_or(0, |miner| miner.own_stake);
        let finished = Finished { stash, own_stake, price, task, receipt, tokens, vectors, class, context_tokens };
        self.attempts.auditor.consider(finished).await;
    }

    /// Checks a receipt against what was seen.
    fn verify(&self, result: &link::Result) -> Result<Completed, Failure> {
        let agreement = self.agreement.as_ref().ok_or(Failure::Violation("a receipt for what it has not taken on"))?;
        let witnessed = Witnessed {
            genesis: self.attempts.guard.genesis(),
            agreement,
            sent: self.sent.as_ref(),
            output_hash: self.transcript.output_hash(),
            completion_tokens: self.transcript.tokens(),
        };
        let SignedReceipt { receipt, signature } = check(result, &witnessed)?;
        let is_signed = self.sent.as_ref().is_none_or(SentTokens::is_signed);
        if receipt.finish != Finish::Cancelled && !is_signed {
            return Err(Failure::Violation("a last piece that it does not sign for"));
        }
        if receipt.finish == Finish::Cancelled && !self.is_cut_off && !self.is_late() {
            return Err(Failure::Violation("an answer that was cut off, and nobody had asked for that"));
        }
        self.transcript.check_end(receipt.finish)?;
        let has_caught_up = self.progress.as_ref().is_none_or(Progress::has_caught_up);
        if receipt.finish != Finish::Cancelled && !has_caught_up {
            return Err(Failure::Differs);
        }
        let (context, delivered) = (self.model.context_tokens, self.transcript.delivered());
        let has_tokens = self.sent.as_ref().is_none_or(|sent| !sent.numbers().is_empty());
        if receipt.finish != Finish::Cancelled && !has_tokens && !is_empty(&self.task, delivered) {
            // Nothing could ever be opened of it, and its prompt would be paid for.
            return Err(Failure::Violation("text of no token"));
        }
        let usage = charged(&self.task, context, &receipt, delivered);
        Ok(Completed { receipt, signature, usage })
    }

    /// It is answered and paid for.
    fn done(self, completed: Completed, client: Client) {
        let receipt = &completed.receipt;
        if receipt.finish == Finish::Cancelled {
            // By the miner's clock the time was over a moment before it was by ours.
            self.count_cut_off(CancelReason::Deadline, true);
            drop(self);
            return client.end(Err(Failure::Deadline));
        }
        // Only now: an answer that was cut off says nothing about how well the miner answers.
        self.attempts.registry.succeeded(self.tried());
        let elapsed = self.spec.arrived.elapsed();
        metrics::histogram!("gen_ai_server_request_duration_seconds").record(elapsed.as_secs_f64());
        metrics::counter!("gateway_tasks_total", "outcome" => "served").increment(1);
        tracing::debug!(
            target: "gateway::dispatch",
            {
                task.id = self.spec.id_hex(),
                attempt = receipt.spec.attempt,
                miner = %receipt.spec.miner,
                prompt_tokens = receipt.prompt_tokens,
                completion_tokens = receipt.completion_tokens,
                duration_ms = elapsed.as_millis() as u64,
            },
            "task served"
        );
        // What it did not use is free before the client learns of the end: it may ask again at once.
        drop(self);
        client.end(Ok(Box::new(completed)));
    }

    /// Nobody waits for the answer any more, which is not the miner's fault: what it has sent by the time it hears of that
    /// is paid for.
    async fn cut_off(mut self, client: Client, failure: Failure, reason: CancelReason) {
        self.is_cut_off = true;
        self.link.cancel(&self.id, reason);
        self.transcript.stop(Instant::now());
        client.end(Err(failure));
        let since = Instant::now();
        let outcome = match self.hear_out(since).await {
            Ok(Some(result)) => self.pay(&result).await.map(Some),
            Ok(None) => Ok(None),
            Err(violation) => Err(violation),
        };
        self.count_cut_off(reason, matches!(outcome, Ok(Some(_))));
        // That no receipt came for what had been sent is the miner's doing.
        if reason == CancelReason::Client && matches!(outcome, Ok(None)) && self.transcript.is_empty() {
            self.attempts.hang_ups.note(self.spec.api_key_id.as_ref(), Instant::now());
        }
        if let Err(failure) = outcome {
            self.note(&failure);
            self.accuse(&failure).await;
            self.set_aside = None;
            self.hear_last_message(since + CANCEL_GRACE).await;
        }
    }

    /// Hears a miner that was told to stop at that time, to its last message: a receipt, or none.
    async fn hear_out(&mut self, since: Instant) -> Result<Option<link::Result>, Failure> {
        while let Some(message) = self.next_before(since + self.grace()).await {
            match self.read(Some(message)) {
                Ok(Heard::Accepted | Heard::Piece { .. }) => {}
                Ok(Heard::End(result)) => return Ok(Some(result)),
                Err(failure @ Failure::Violation(_)) => return Err(failure),
                // Whatever it failed with, it was not let finish.
                Err(_) => return Ok(None),
            }
        }
        Ok(None)
    }

    /// It came to nothing, and nothing is paid.
    async fn give_up(mut self, client: Client, failure: Failure) {
        self.note(&failure);
        self.link.cancel(&self.id, CancelReason::Fault);
        self.set_aside = None;
        self.accuse(&failure).await;
        let remains = self.remains();
        client.break_off(failure, remains);
        self.hear_last_message(Instant::now() + CANCEL_GRACE).await;
    }

    /// What another miner can go on from. An attempt that has said nothing new leaves no more than it was given.
    fn remains(&self) -> Option<Box<Remains>> {
        let (agreement, sent, progress) = (self.agreement.as_ref()?, self.sent.as_ref()?, self.progress.as_ref()?);
        let seed = agreement.spec.drawing.filter(|_| progress.has_news())?.seed;
        let firm = sent.numbers().get(..progress.firm())?;
        let tokens = [&self.task.resumed[..], firm].concat();
        Some(Box::new(Remains { alike: Alike::to(&self.model), seed, tokens, shown: progress.shown().clone() }))
    }

    /// Has what a miner did brought before the chain, if that can be shown there: a receipt that contradicts what it has
    /// signed before, or silence after it has taken the attempt on.
    async fn accuse(&self, failure: &Failure) {
        let Some(agreement) = &self.agreement else { return };
        let stored = match failure {
            Failure::BadReceipt(bad) => match bad.evidence() {
                Some(evidence) => self.attempts.evidence.add(evidence).await.map(drop),
                None => Ok(()),
            },
            Failure::Silent(_) => {
                let began = began_ms(&agreement.spec.task_id).unwrap_or_default();
                let time = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
                // The chain's clock is that of its last block.
                let due = agreement.spec.deadline_ms.saturating_add(CLOCK_SLACK_MS);
                let between = (time(due), time(began.saturating_add(CHALLENGED_WITHIN_MS)));
                let accepted = agreement.signed();
                match accepted.is_signed(&self.attempts.guard.genesis()) {
                    true => self.attempts.auditor.demand(&Demand::Result { accepted }, between).await,
                    false => Ok(()),
                }
            }
            _ => Ok(()),
        };
        if let Err(error) = stored {
            tracing::error!(target: "gateway::dispatch", %error, "what shows a miner's fault could not be stored");
        }
    }

    /// Keeps the slot taken while the miner works on what it was told to leave.
    async fn hear_last_message(&mut self, until: Instant) {
        while self.next_before(until).await.is_some() {}
    }

    /// How long a miner that was told to stop is heard: what nobody is paid for is not waited for.
    fn grace(&self) -> Duration {
        match self.transcript.is_empty() {
            true => CANCEL_GRACE,
            false => RECEIPT_GRACE,
        }
    }

    /// The next message; `None` after the last, and when the time is over.
    async fn next_before(&mut self, until: Instant) -> Option<Box<AttemptMessage>> {
        // A miner that never pauses has no more time than others.
        if Instant::now() >= until {
            return None;
        }
        tokio::time::timeout_at(until, self.messages.recv()).await.ok().flatten()
    }

    /// Whether the task's time is over, by any honest clock.
    fn is_late(&self) -> bool {
        Instant::now() + CLOCKS_DIFFER >= self.transcript.bounds().deadline
    }

    fn tried(&self) -> Tried {
        Tried::of(&self.link)
    }

    /// Takes note of a failure.
    fn note(&self, failure: &Failure) {
        self.attempts.registry.failed(self.tried(), failure.blame());
        metrics::counter!("gateway_attempts_failed_total", "reason" => failure.label()).increment(1);
        tracing::info!(
            target: "gateway::dispatch",
            {
                task.id = self.spec.id_hex(),
                attempt = self.id.attempt,
                miner = %self.link.operator(),
                %failure,
            },
            "attempt failed"
        );
    }

    fn count_cut_off(&self, reason: CancelReason, paid: bool) {
        let by = match reason {
            CancelReason::Deadline => "deadline",
            CancelReason::Client | CancelReason::Fault | CancelReason::Unspecified => "client",
        };
        let was_paid = if paid { "yes" } else { "no" };
        metrics::counter!("gateway_attempts_cut_off_total", "by" => by, "paid" => was_paid).increment(1);
        tracing::info!(
            target: "gateway::dispatch",
            {
                task.id = self.spec.id_hex(),
                attempt = self.id.attempt,
                miner = %self.link.operator(),
                by,
                paid,
                completion_tokens = self.transcript.tokens(),
            },
            "attempt cut off"
        );
    }
}

impl Drop for RunningAttempt {
    fn drop(&mut self) {
        self.link.leave(&self.id);
    }
}

fn failure_of(failure: link::Failure) -> Failure {
    match failure.code() {
        FailureCode::Busy => Failure::Busy,
        FailureCode::Uncovered => Failure::Uncovered,
        FailureCode::Price => Failure::Price,
        FailureCode::Clock => Failure::Clock,
        FailureCode::Draining => Failure::Draining,
        FailureCode::InvalidRequest => Failure::ClientFault(ClientFault::Invalid(failure.reason)),
        FailureCode::ContextLength => Failure::ClientFault(ClientFault::ContextLength(failure.reason)),
        FailureCode::UnknownModel => Failure::Miner("it does not have the model that it offers"),
        FailureCode::Cancelled => Failure::Miner("it cancelled"),
        FailureCode::Timeout => Failure::Miner("it ran out of time"),
        FailureCode::Internal => Failure::Miner("internal error"),
        FailureCode::Unspecified => Failure::Miner("no reason given"),
    }
}
