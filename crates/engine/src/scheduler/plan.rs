//! How many tokens each text reads in a step.

use std::collections::HashSet;

use crate::{
    compute::BLOCK_TOKENS,
    kv::PrefixKey,
    sequence::{whole_blocks, Phase, Sequence},
};

/// Tokens of prompts that are read in one step while others wait for their next token: they wait for no longer than
/// this takes.
pub(super) const READ_BESIDE_WRITERS: usize = 64;
/// Tokens of prompts that are read in one step while nobody waits for a next token. More at once are hardly faster, and
/// whoever comes meanwhile waits.
pub(super) const READ_ALONE: usize = 512;

/// Tokens to read, for each of `sequences` in its order.
///
/// A text that begins like another one reads nothing while that one reads the block that both need next, if it comes
/// first in the order.
pub(super) fn plan(sequences: &[Sequence], phases: &[Phase]) -> Vec<usize> {
    let writes = phases.contains(&Phase::Producing);
    let mut claimed: HashSet<PrefixKey> = HashSet::new();
    let mut wants = Vec::with_capacity(sequences.len());
    for (sequence, phase) in sequences.iter().zip(phases) {
        wants.push(match phase {
            Phase::Reading if sequence.could_skip_next().is_some_and(|key| claimed.contains(&key)) => 0,
            Phase::Reading => {
                claimed.extend(sequence.reads_next());
                sequence.readable()
            }
            _ => 0,
        });
    }
    let mut lengths = share(if writes { READ_BESIDE_WRITERS } else { READ_ALONE }, &wants);
    for (length, phase) in lengths.iter_mut().zip(phases) {
        if *phase == Phase::Producing {
            *length = 1;
        }
    }
    lengths
}

/// Shares `budget` tokens, a multiple of a block: block by block in turns, the first in the order first. Each gets all
/// that it wants or whole blocks.
fn share(budget: usize, wants: &[usize]) -> Vec<usize> {
    let mut shares = vec![0; wants.len()];
    let mut left = whole_blocks(budget);
    while left > 0 {
        let before = left;
        for (share, want) in shares.iter_mut().zip(wants) {
            let next = (want - *share).min(BLOCK_TOKENS);
            if next <= left {
                *share += next;
                left -= next;
            }
        }
        if left == before {
            break;
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn few_share_all_and_many_take_turns() {
        assert_eq!(share(64, &[1000]), [64]);
        assert_eq!(share(64, &[1000, 1000]), [32, 32]);
        assert_eq!(share(64, &[1000, 5, 1000]), [32, 5, 16]);
        assert_eq!(share(64, &[20; 6]), [16, 16, 16, 16, 0, 0]);
        assert_eq!(share(64, &[0, 70, 0]), [0, 64, 0]);
        assert_eq!(share(512, &[20, 20]), [20, 20]);
        assert_eq!(share(64, &[]), [0; 0]);
    }

    proptest! {
        #[test]
        fn shares_keep_to_the_budget_and_to_blocks(
            blocks in 1..40usize, wants in proptest::collection::vec(0..600usize, 0..20),
        ) {
            let budget = blocks * BLOCK_TOKENS;
            let shares = share(budget, &wants);
            prop_assert!(shares.iter().sum::<usize>() <= budget);
            prop_assert!(shares.iter().zip(&wants).all(|(s, want)| s == want || (s < want && s % BLOCK_TOKENS == 0)));
            let first = wants.iter().position(|want| *want > 0);
            prop_assert!(first.is_none_or(|first| shares[first] > 0), "the first goes on");
            let unhappy: Vec<_> = shares.iter().zip(&wants).filter(|(s, want)| s < want).map(|(s, _)| *s).collect();
            let most = shares.iter().max().copied().unwrap_or(0);
            prop_assert!(unhappy.iter().all(|share| most - share < 2 * BLOCK_TOKENS), "{shares:?}");
        }
    }
}
