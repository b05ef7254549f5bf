//! What coordinators promise for tasks, and how miners check it, with the code of both programs.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{ensure, Context};
use cuckoo_chain_client::account_of;
use cuckoo_primitives::{
    settlement::{channel_of, ChannelId, Price, SignedVoucher, Voucher},
    signing::Statement,
    task::{Finish, Receipt, TaskSpec},
    Balance, Hash, CAI,
};
use cuckoo_wire::{
    charge::{charged, Delivered},
    link::{task::Work, Chat, ChatMessage, Sampling, Task},
    money::{voucher_from_wire, voucher_to_wire},
};

use super::parties::{Parties, Party};

/// Of the model that does the tasks.
const CONTEXT_TOKENS: u32 = 2_048;
/// Longest answer.
const MAX_TOKENS: u32 = 128;
/// Bytes of text that a token stands for.
const BYTES_PER_TOKEN: u64 = 4;

/// What each pair promised in the end, and how fast that went on one core.
pub(super) struct Promised {
    /// One for each pair; those of one miner follow each other.
    pub(super) vouchers: Vec<SignedVoucher>,
    pub(super) signing: Rate,
    pub(super) verifying: Rate,
}

/// How often something was done, and how long a core took for all of it.
#[derive(Clone, Copy, Default)]
pub(super) struct Rate {
    count: u64,
    time: Duration,
}

impl Rate {
    pub(super) fn per_second(&self) -> f64 {
        self.count as f64 / self.time.as_secs_f64()
    }

    /// Does it, and counts that.
    fn time<T>(&mut self, what: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = what();
        self.time += start.elapsed();
        self.count += 1;
        done
    }

    fn and(self, other: Self) -> Self {
        Self { count: self.count + other.count, time: self.time + other.time }
    }
}

/// Has every coordinator pay every miner for so many tasks, and signs and checks a voucher after each.
pub(super) fn promise(parties: &Parties, genesis: &Hash, tasks_per_pair: u32) -> anyhow::Result<Promised> {
    let threads = thread::available_parallelism()?.get();
    let parts: Vec<&[Party]> = parties.miners.chunks(parties.miners.len().div_ceil(threads)).collect();
    let mut all = Promised { vouchers: Vec::new(), signing: Rate::default(), verifying: Rate::default() };
    thread::scope(|scope| {
        let coordinators = &parties.coordinators;
        let begin = |miners| scope.spawn(move || promise_part(coordinators, miners, genesis, tasks_per_pair));
        let begun: Vec<_> = parts.into_iter().map(begin).collect();
        for part in begun {
            let part = part.join().map_err(|_| anyhow::anyhow!("a thread panicked"))??;
            all.vouchers.extend(part.vouchers);
            all.signing = all.signing.and(part.signing);
            all.verifying = all.verifying.and(part.verifying);
        }
        Ok(all)
    })
}

fn promise_part(
    coordinators: &[Party],
    miners: &[Party],
    genesis: &Hash,
    tasks_per_pair: u32,
) -> anyhow::Result<Promised> {
    let price = Price::new(CAI / 100, CAI / 50, 0, 0).context("the price is too high")?;
    let mut done = Promised { vouchers: Vec::new(), signing: Rate::default(), verifying: Rate::default() };
    for miner in miners {
        for coordinator in coordinators {
            let mut pair = Pair::new(coordinator, miner, genesis);
            for number in 0..tasks_per_pair {
                pair.work(&price, number, &mut done.signing, &mut done.verifying)?;
            }
            done.vouchers.extend(pair.held);
        }
    }
    Ok(done)
}

/// A coordinator, a miner, and their channel.
struct Pair<'a> {
    coordinator: &'a Party,
    miner: &'a Party,
    genesis: &'a Hash,
    channel: ChannelId,
    task: Task,
    receipt: Receipt,
    /// What the coordinator has promised, and for how many tasks.
    promised: (Balance, u64),
    /// The newest voucher that the miner has.
    held: Option<SignedVoucher>,
}

impl<'a> Pair<'a> {
    fn new(coordinator: &'a Party, miner: &'a Party, genesis: &'a Hash) -> Self {
        let seed: &[u8; 32] = miner.stash.as_ref();
        let content = "Name the capital of France.".into();
        let message = ChatMessage { role: "user".into(), content, name: String::new() };
        let sampling = Some(Sampling { max_tokens: MAX_TOKENS, ..Default::default() });
        Self {
            coordinator,
            miner,
            genesis,
            channel: channel_of(seed, &coordinator.stash, 0),
            task: Task { work: Some(Work::Chat(Chat { messages: vec![message], sampling })), ..Default::default() },
            receipt: Receipt {
                spec: TaskSpec {
                    task_id: [0; 16],
                    attempt: 0,
                    link: Hash::zero(),
                    coordinator: account_of(&coordinator.operator),
                    miner: account_of(&miner.operator),
                    model_root: Hash::zero(),
                    numeric_class: Hash::zero(),
                    request_hash: Hash::zero(),
                    deadline_ms: 0,
                    drawing: None,
                },
                output_hash: Hash::zero(),
                prompt_tokens: 38,
                completion_tokens: 0,
                finish: Finish::Stop,
                commitment: None,
            },
            promised: (0, 0),
            held: None,
        }
    }

    /// One more task: it is charged, a voucher over all so far is signed and sent, and the miner checks and keeps it.
    fn work(&mut self, price: &Price, number: u32, signing: &mut Rate, verifying: &mut Rate) -> anyhow::Result<()> {
        self.receipt.completion_tokens = 1 + number % MAX_TOKENS;
        let text_bytes = u64::from(self.receipt.completion_tokens) * BYTES_PER_TOKEN;
        let delivered = Delivered { text_bytes, vectors: 0 };
        let cost = price.cost(&charged(&self.task, CONTEXT_TOKENS, &self.receipt, delivered));
        self.promised = (self.promised.0 + cost, self.promised.1 + 1);
        let sent = signing.time(|| voucher_to_wire(&self.sign()));
        let (coordinator, miner) = (&self.coordinator.stash, &self.miner.stash);
        let received = verifying.time(|| -> anyhow::Result<SignedVoucher> {
            let received = voucher_from_wire(&sent, coordinator, miner, self.channel)?;
            ensure!(received.operator == self.receipt.spec.coordinator, "another operator signed");
            ensure!(received.is_signed(self.genesis), "the voucher is not signed");
            Ok(received)
        })?;
        let held = self.held.as_ref().map_or(0, |held| held.voucher.amount);
        ensure!(received.voucher.amount == held + cost, "the voucher promises another amount");
        self.held = Some(received);
        Ok(())
    }

    fn sign(&self) -> SignedVoucher {
        let voucher = Voucher {
            coordinator: self.coordinator.stash.clone(),
            miner: self.miner.stash.clone(),
            channel: self.channel,
            amount: self.promised.0,
            tasks: self.promised.1,
        };
        let signature = self.coordinator.operator.sign(voucher.signing_hash(self.genesis).as_bytes()).0;
        SignedVoucher { voucher, operator: account_of(&self.coordinator.operator), signature }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_ends_with_a_voucher_over_all_its_tasks() {
        let parties = Parties::new().unwrap();
        let genesis = Hash::repeat_byte(1);
        let done = promise_part(&parties.coordinators[..2], &parties.miners[..1], &genesis, 3).unwrap();
        assert_eq!(done.vouchers.len(), 2);
        assert_eq!((done.signing.count, done.verifying.count), (6, 6));
        for (signed, coordinator) in done.vouchers.iter().zip(&parties.coordinators) {
            assert_eq!(signed.voucher.coordinator, coordinator.stash);
            assert_eq!(signed.voucher.miner, parties.miners[0].stash);
            assert_eq!(signed.voucher.tasks, 3);
            // 38 prompt tokens each; 1, 2 and 3 of completion.
            assert_eq!(signed.voucher.amount, (3 * 38 * (CAI / 100) + 6 * (CAI / 50)) / 1_000);
            assert!(signed.is_signed(&genesis));
        }
    }
}
