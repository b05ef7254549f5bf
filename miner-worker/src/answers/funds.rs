//! Whether the operator's account can advance what an answer costs.

use cuckoo_chain_client::{Cai, Call, ChainError};
use cuckoo_primitives::{
    challenge::Answer,
    commitment::{Leaf, Path, MAX_PATH},
    currency::EXISTENTIAL_DEPOSIT,
    AccountId, Hash,
};

use super::Source;

/// Answers that the account should be able to advance at once, as their fees come back only with their blocks.
const ANSWERS: u128 = 4;

/// What keeps the operator from advancing the fees of a few answers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}; to mend it, {mend}")]
pub(crate) struct Lack {
    pub(crate) what: String,
    pub(crate) mend: String,
}

/// `None` if nothing keeps the operator from advancing the fees of a few answers.
pub(crate) async fn lack(source: &dyn Source, operator: &AccountId) -> Result<Option<Lack>, ChainError> {
    let fee = source.fee(&longest()).await?;
    let balance = source.balance().await?;
    // An account must not be used up by fees.
    let wanted = fee.saturating_mul(ANSWERS).saturating_add(EXISTENTIAL_DEPOSIT);
    Ok((balance < wanted).then(|| Lack {
        what: format!("the operator's account has {}", Cai(balance)),
        mend: format!(
            "send {} or more to {operator}. The fee of an answer, up to {}, is returned when the answer is valid",
            Cai(wanted.saturating_sub(balance)),
            Cai(fee)
        ),
    }))
}

/// An answer that costs about as much as the most expensive one. It is never sent.
fn longest() -> Call {
    let path = Path::try_from(vec![Hash::zero(); MAX_PATH as usize]).unwrap_or_default();
    let leaf = Leaf { token: u32::MAX, candidates: Default::default(), projection: Some([0; 16]) };
    Call::Answer { id: u64::MAX, answer: Box::new(Answer::Leaf { leaf, path }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::fixture::{operator, FakeSource, FEE};

    #[tokio::test]
    async fn an_account_that_cannot_advance_fees_is_told_of_with_what_it_needs() {
        let source = FakeSource::default();
        for (balance, is_enough) in [(0, false), (4 * FEE, false), (4 * FEE + EXISTENTIAL_DEPOSIT, true)] {
            source.change(|state| state.balance = balance);
            let lack = lack(&source, &operator()).await.unwrap();
            assert_eq!(lack.is_none(), is_enough, "{balance}");
            let says_whom = |lack: Lack| lack.to_string().contains(&operator().to_string());
            assert!(lack.is_none_or(says_whom));
        }
    }
}
