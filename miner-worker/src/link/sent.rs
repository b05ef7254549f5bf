//! What an attempt has sent so far, and who answers for it.

use std::sync::Arc;

use cuckoo_primitives::{evidence::SignedReceipt, signing::Statement, task::Finish};
use cuckoo_wire::link::{self, miner_message::Message, FailureCode};

use super::{
    attempt::AttemptId, batch::split, error::LinkError, miner::Miner, outbox::Outbox, pay::TaskPay, tokens::Tokens,
    work::Failed,
};
use crate::receipt::{sign, ReceiptBuilder};

/// The part of an answer that has been sent, to the byte: a piece counts from the moment in which it can no longer be
/// held back.
///
/// It ends in one of four ways. [`Sent::sign`] makes the receipt by which it is paid; since that takes this value, an
/// attempt is signed for once. [`Sent::forgive`] is for failures of this miner's own. [`Sent::lose`] is for what the
/// coordinator calls bad. Whatever else ends an attempt drops it, as the end of the link does. In the last two ways the
/// coordinator has got it for nothing, and that counts against it.
pub(super) struct Sent {
    id: AttemptId,
    miner: Arc<Miner>,
    outbox: Outbox,
    receipt: ReceiptBuilder,
    pay: TaskPay,
    is_settled: bool,
}

impl Sent {
    /// Nothing yet, of the answer for which `receipt` will be.
    pub(super) fn new(id: AttemptId, miner: Arc<Miner>, outbox: Outbox, receipt: ReceiptBuilder, pay: TaskPay) -> Self {
        Self { id, miner, outbox, receipt, pay, is_settled: false }
    }

    /// Takes note of how many tokens the model has read by now.
    pub(super) fn prompt(&mut self, tokens: u32) {
        self.receipt.prompt(tokens);
    }

    /// Sends text that stands for these tokens, in several messages if it is long. The last ones carry the tokens, so
    /// that none counts whose text was not sent, and what is told of them.
    pub(super) async fn text(&mut self, text: String, tokens: Tokens) -> Result<(), LinkError> {
        self.pieces(text, tokens, false).await
    }

    /// The same for the end of an answer that ended by itself, of which there may be nothing left but the signature.
    pub(super) async fn last(&mut self, text: String, tokens: Tokens) -> Result<(), LinkError> {
        match text.is_empty() && tokens.is_empty() && !self.receipt.lacks_signature() {
            true => Ok(()),
            false => self.pieces(text, tokens, true).await,
        }
    }

    async fn pieces(&mut self, text: String, tokens: Tokens, is_end: bool) -> Result<(), LinkError> {
        let mut texts = split(text);
        let mut last_text = texts.pop().unwrap_or_default();
        for text in texts {
            self.piece(text, Tokens::default(), false).await?;
        }
        let mut parts = tokens.split();
        let last = parts.pop().unwrap_or_default();
        for tokens in parts {
            self.piece(std::mem::take(&mut last_text), tokens, false).await?;
        }
        self.piece(last_text, last, is_end).await
    }

    async fn piece(&mut self, text: String, tokens: Tokens, is_last: bool) -> Result<(), LinkError> {
        let room = self.outbox.room().await?;
        let Tokens { count, logprobs, leaves, end } = tokens;
        self.receipt.text(&text, count);
        let token_ids = leaves.iter().chain(&end).map(|leaf| leaf.token).collect();
        leaves.into_iter().chain(end).for_each(|leaf| self.receipt.draw(leaf));
        let genesis = self.miner.chain().genesis();
        let signature = self.receipt.due(is_last).map(|delivered| {
            let hash = delivered.signing_hash(&genesis);
            self.miner.key().sign(hash.as_bytes()).0.to_vec()
        });
        room.send(Message::Output(link::Output {
            text,
            tokens: count,
            logprobs,
            token_ids,
            signature: signature.unwrap_or_default().into(),
            ..output(self.id)
        }));
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

    /// Signs for all of it, once it is kept how its tokens were drawn: what this miner could not show if it was asked, it
    /// does not sign. From now on the coordinator owes what it costs.
    pub(super) async fn sign(mut self, finish: Finish) -> Result<SignedReceipt, Failed> {
        let receipt = self.receipt.receipt(finish);
        let signed = sign(receipt, self.miner.key(), &self.miner.chain().genesis());
        if let Some(leaves) = self.receipt.take_leaves() {
            if let Err(error) = self.miner.kept().keep(signed.clone(), leaves).await {
                tracing::error!(
                    target: "miner::task",
                    %error,
                    "an answer is lost, since it could not be kept how its tokens were drawn; see to the disk of --data-dir"
                );
                self.forgive();
                return Err(Failed::new(FailureCode::Internal, "this miner cannot keep what it would answer for"));
            }
        }
        self.is_settled = true;
        // Before it is sent, since its voucher may come at once.
        self.pay.delivered(&signed.receipt, self.receipt.delivered());
        Ok(signed)
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
