//! Redeeming everything at once, because somebody asks for it.

use cuckoo_chain_client::{Call, ChainError};
use cuckoo_primitives::{settlement::Settled, Balance};

use super::{errand::batch_size, source::Source};
use crate::wallet::{ChannelKey, Held, Holdings};

/// What became of one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Paid {
    pub(crate) key: ChannelKey,
    /// What was due.
    pub(crate) due: Balance,
    /// What of it is settled now: paid, or on record as a debt.
    pub(crate) settled: Balance,
}

/// Redeems all that is due, in as many calls as that takes, and says in `done` what became of each channel. A call that
/// the chain refuses does not keep the next one from being made; the error is that of the last that failed.
pub(crate) async fn redeem_all(
    source: &dyn Source,
    holdings: &Holdings,
    done: &mut Vec<Paid>,
) -> Result<(), ChainError> {
    let mut due: Vec<(&ChannelKey, &Held, Settled)> = Vec::new();
    for (key, held) in holdings.vouchers() {
        let settled = source.settled(key).await?;
        if held.amount() > settled.amount {
            due.push((key, held, settled));
        }
    }
    if due.is_empty() {
        return Ok(());
    }
    let size = batch_size(source.terms().await?.max_vouchers);
    let mut refused = Ok(());
    for batch in due.chunks(size) {
        let vouchers = batch.iter().map(|(_, held, _)| held.signed.clone()).collect();
        let outcome = source.submit(Call::Redeem { vouchers }).await;
        for (key, held, before) in batch {
            let now = source.settled(key).await?;
            done.push(Paid {
                key: (*key).clone(),
                due: held.amount().saturating_sub(before.amount),
                settled: now.amount.saturating_sub(before.amount),
            });
        }
        match outcome {
            Ok(_) => {}
            Err(error @ ChainError::Dispatch { .. }) => refused = Err(error),
            Err(error) => return Err(error),
        }
    }
    refused
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        settle::fixture::FakeSource,
        wallet::{
            fixture::{voucher, GENESIS},
            Wallet,
        },
    };

    fn holdings(amounts: &[Balance]) -> Holdings {
        let folder = tempfile::tempdir().unwrap();
        let wallet = Wallet::open(folder.path(), &GENESIS).unwrap();
        (1..).zip(amounts).for_each(|(channel, amount)| wallet.import(voucher(1, channel, *amount)));
        assert!(wallet.flush(std::time::Duration::from_secs(10)));
        wallet.holdings()
    }

    fn key(channel: u8) -> ChannelKey {
        ChannelKey::from(&voucher(1, channel, 0).voucher)
    }

    fn settled(done: &[Paid]) -> Vec<Balance> {
        done.iter().map(|paid| paid.settled).collect()
    }

    #[tokio::test]
    async fn all_that_is_due_is_redeemed_whatever_it_is_worth() {
        let (source, mut done) = (FakeSource::default(), Vec::new());
        source.change(|state| state.settled.insert(key(2), 4));
        redeem_all(&source, &holdings(&[1, 5, 2, 3, 4, 6]), &mut done).await.unwrap();
        assert_eq!(settled(&done), [1, 1, 2, 3, 4, 6]);
        assert_eq!(source.change(|state| state.calls.len()), 2);
    }

    #[tokio::test]
    async fn nothing_due_is_no_call() {
        let (source, mut done) = (FakeSource::default(), Vec::new());
        source.change(|state| state.settled.insert(key(1), 4));
        redeem_all(&source, &holdings(&[4]), &mut done).await.unwrap();
        assert!(done.is_empty() && source.change(|state| state.calls.is_empty()));
    }

    #[tokio::test]
    async fn a_call_that_is_refused_does_not_stop_the_next() {
        let (source, mut done) = (FakeSource::default(), Vec::new());
        source.change(|state| state.refused.extend((1..=4).map(key)));
        let error = redeem_all(&source, &holdings(&[1, 1, 1, 1, 7]), &mut done).await.unwrap_err();
        assert!(matches!(error, ChainError::Dispatch { .. }), "{error}");
        assert_eq!(settled(&done), [0, 0, 0, 0, 7]);
    }

    #[tokio::test]
    async fn a_chain_that_is_gone_is_an_error() {
        let (source, mut done) = (FakeSource::default(), Vec::new());
        source.change(|state| state.is_down = true);
        assert!(redeem_all(&source, &holdings(&[1]), &mut done).await.is_err());
        assert_eq!(settled(&done), [0]);
    }
}
