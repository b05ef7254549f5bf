//! What an attempt has sent so far, and who answers for it.

use cuckoo_primitives::task::Finish;
use cuckoo_wire::link::{self, miner_message::Message};

use super::{attempt::AttemptId, batch::split, error::LinkError, logprobs, miner::Miner, outbox::Outbox, pay::TaskPay};
use crate::receipt::{ReceiptBuilder, SignedReceipt};

/// The part of an answer that has been sent, to the byte: a piece counts from the moment in which it can no longer be
/// held back.
///
/// It ends in one of four ways. [`Sent::sign`] makes the receipt by which it is paid; since that takes this value, an
/// attempt is signed for once. [`Sent::forgive`] is for failures of this miner's own. [`Sent::lose`] is for what the
/// coordinator calls bad. Whatever else ends an attempt drops it, as the end of the link does. In the last two ways the
/// coordinator has got it for nothing, and that counts against it.
pub(super) struct Sent {
    id: AttemptId,
    outbox: Outbox,
    receipt: ReceiptBuilder,
    pay: TaskPay,
    is_settled: bool,
}

impl Sent {
    /// Nothing yet, of the answer for which `receipt` will be.
    pub(super) fn new(id: AttemptId, outbox: Outbox, receipt: ReceiptBuilder, pay: TaskPay) -> Self {
        Self { id, outbox, receipt, pay, is_settled: false }
    }

    /// Takes note of how many tokens the model has read by now.
    pub(super) fn prompt(&mut self, tokens: u32) {
        self.receipt.prompt(tokens);
    }

    /// Sends text that stands for so many tokens, in several messages if it is long. The last ones carry the tokens, so
    /// that none counts whose text was not sent, and their log-probabilities, of which there are none or one for each.
    pub(super) async fn text(
        &mut self,
        text: String,
        tokens: u32,
        logprobs: Vec<link::TokenLogprobs>,
    ) -> Result<(), LinkError> {
        let mut pieces = split(text);
        let mut last = pieces.pop().unwrap_or_default();
        for text in pieces {
            self.piece(text, 0, Vec::new()).await?;
        }
        for (tokens, logprobs) in logprobs::split(logprobs, tokens) {
            self.piece(std::mem::take(&mut last), tokens, logprobs).await?;
        }
        Ok(())
    }

    async fn piece(&mut self, text: String, tokens: u32, logprobs: Vec<link::TokenLogprobs>) -> Result<(), LinkError> {
        let room = self.outbox.room().await?;
        self.receipt.text(&text, tokens);
        room.send(Message::Output(link::Output { text, tokens, logprobs, ..output(self.id) }));
        Ok(())
    }

    /// Sends the next vector, as little-endian f32. By now the model has read so many tokens.
    pub(super) async fn vector(&mut self, vector: Vec<u8>, prompt_tokens: u32) -> Result<(), LinkError> {
        let room = self.outbox.room().await?;
        self.receipt.vector(&vector);
        self.receipt.prompt(prompt_tokens);
        room.send(Message::Output(link::Output { vector: vector.into(), ..output(self.id) }));
        Ok(())
    }

    /// Tokens of all pieces.
    pub(super) fn tokens(&self) -> u32 {
        self.receipt.tokens()
    }

    /// Vectors that were sent.
    pub(super) fn vectors(&self) -> usize {
        self.receipt.delivered().vectors
    }

    /// Whether nothing was sent.
    pub(super) fn is_empty(&self) -> bool {
        self.receipt.is_empty()
    }

    /// Signs for all of it. From now on the coordinator owes what it costs.
    pub(super) fn sign(mut self, miner: &Miner, finish: Finish) -> SignedReceipt {
        self.is_settled = true;
        let receipt = self.receipt.receipt(finish);
        // Before it is sent, since its voucher may come at once.
        self.pay.delivered(&receipt, self.receipt.delivered());
        SignedReceipt::sign(receipt, miner.key(), &miner.chain().genesis())
    }

    /// The coordinator will not pay for it.
    pub(super) fn lose(mut self) {
        self.is_settled = true;
        if !self.is_empty() {
            self.pay.lost(&self.receipt.receipt(Finish::Cancelled), self.receipt.delivered());
        }
    }

    /// Nobody has to pay for it.
    pub(super) fn forgive(mut self) {
        self.is_settled = true;
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        // A panic is a failure of this miner's own.
        if !self.is_settled && !self.is_empty() && !std::thread::panicking() {
            self.pay.cut_off(&self.receipt.receipt(Finish::Cancelled), self.receipt.delivered());
        }
    }
}

fn output(id: AttemptId) -> link::Output {
    link::Output { task_id: id.task_id.to_vec().into(), attempt: id.attempt, ..Default::default() }
}
