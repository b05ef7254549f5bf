//! The distance of opened logits from the auditor's.
//!
//! A draw depends on differences of logits only, so a constant that all of them share says nothing: it is what rounding
//! changes most, and a cheat gains nothing by choosing it. So the median of the differences is taken off first. (Not the
//! mean, which a few wrong logits would move.) Then
//!
//! - a candidate that the auditor's engine gave a logit counts its difference;
//! - one that is impossible for the auditor's engine counts the clip;
//! - one of the auditor's candidates that was not opened counts by how much it should have been: by what its logit is
//!   above the last one opened, or the clip if there was room for it.
//!
//! So the order of two candidates at the list's end, which rounding changes honestly, counts next to nothing, and a likely
//! candidate that was left out counts much. The distance is the mean over all of these, each clipped.

use cuckoo_sampler::{Candidate, ONE};

use super::LOGIT_CLIP;

/// In natural logarithms, from 0 to [`LOGIT_CLIP`]; the clip, if there is nothing to compare. `opened` are in the sampler's
/// order and `full` when there are so many; `own_of_opened` are the auditor's logits of the same tokens.
pub fn distance(opened: &[Candidate], full: usize, own_of_opened: &[Option<i32>], own: &[Candidate]) -> f64 {
    let known =
        || opened.iter().zip(own_of_opened).filter_map(|(it, own)| Some(i64::from(it.logit) - i64::from((*own)?)));
    let (Some(shift), Some(last)) = (median(known().collect()), opened.last()) else { return LOGIT_CLIP };
    let clipped = |difference: i64| (difference as f64 / f64::from(ONE)).min(LOGIT_CLIP);
    let compared: f64 = known().map(|difference| clipped((difference - shift).abs())).sum();
    let impossible = (opened.len() - known().count()) as f64 * LOGIT_CLIP;
    let mut tokens: Vec<u32> = opened.iter().map(|it| it.token).collect();
    tokens.sort_unstable();
    let left_out = |it: &&Candidate| tokens.binary_search(&it.token).is_err();
    let lacking = |it: &Candidate| match opened.len() < full {
        true => LOGIT_CLIP,
        false => clipped((i64::from(it.logit) + shift - i64::from(last.logit)).max(0)),
    };
    let missing = own.iter().filter(left_out);
    let count = opened.len() + missing.clone().count();
    (compared + impossible + missing.map(lacking).sum::<f64>()) / count as f64
}

/// The lower one of two in the middle.
fn median(mut numbers: Vec<i64>) -> Option<i64> {
    let middle = numbers.len().checked_sub(1)? / 2;
    Some(*numbers.select_nth_unstable(middle).1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UNIT: i32 = ONE as i32;

    fn list(of: &[(u32, f64)]) -> Vec<Candidate> {
        of.iter().map(|(token, logit)| Candidate { token: *token, logit: (logit * f64::from(ONE)) as i32 }).collect()
    }

    fn logits(of: &[Candidate]) -> Vec<Option<i32>> {
        of.iter().map(|it| Some(it.logit)).collect()
    }

    #[test]
    fn equal_logits_have_no_distance_nor_have_shifted_ones() {
        let own = list(&[(5, 2.0), (3, 1.0), (9, -1.0)]);
        assert_eq!(distance(&own, 3, &logits(&own), &own), 0.0);
        let shifted = list(&[(5, 12.0), (3, 11.0), (9, 9.0)]);
        assert_eq!(distance(&shifted, 3, &logits(&own), &own), 0.0);
    }

    #[test]
    fn a_single_wrong_logit_counts_its_share() {
        let own = list(&[(5, 2.0), (3, 1.0), (9, -1.0)]);
        let raised = list(&[(5, 3.5), (3, 1.0), (9, -1.0)]);
        assert_eq!(distance(&raised, 3, &logits(&own), &own), 0.5);
        let absurd = list(&[(5, 300.0), (3, 1.0), (9, -1.0)]);
        assert_eq!(distance(&absurd, 3, &logits(&own), &own), LOGIT_CLIP / 3.0);
    }

    #[test]
    fn what_is_left_out_counts_by_how_likely_it_was() {
        let own = list(&[(5, 2.0), (3, 1.0)]);
        // The 3 is exchanged for one that is a little less likely: what rounding does.
        let border = list(&[(5, 2.0), (7, 0.75)]);
        let of_border = [Some(2 * UNIT), Some(UNIT * 3 / 4)];
        assert_eq!(distance(&border, 2, &of_border, &own), 0.25 / 3.0);
        // The likeliest is left out.
        let hidden = list(&[(3, 1.0), (7, 0.75)]);
        assert_eq!(distance(&hidden, 2, &[Some(UNIT), Some(UNIT * 3 / 4)], &own), 1.25 / 3.0);
        // There would have been room.
        let short = list(&[(5, 2.0)]);
        assert_eq!(distance(&short, 2, &[Some(2 * UNIT)], &own), LOGIT_CLIP / 2.0);
    }

    #[test]
    fn nothing_to_compare_is_as_far_as_can_be() {
        let own = list(&[(5, 2.0)]);
        assert_eq!(distance(&[], 1, &[], &own), LOGIT_CLIP);
        assert_eq!(distance(&own, 1, &[None], &own), LOGIT_CLIP);
        assert_eq!(distance(&own, 1, &[], &own), LOGIT_CLIP);
        let with_impossible = list(&[(5, 2.0), (6, 1.0)]);
        assert_eq!(distance(&with_impossible, 2, &[Some(2 * UNIT), None], &own), LOGIT_CLIP / 2.0);
    }

    proptest! {
        #[test]
        fn it_is_bounded_and_no_constant_changes_it(
            opened in prop::collection::btree_map(0u32..200, -900_000i32..900_000, 1..64),
            own in prop::collection::btree_map(0u32..200, -900_000i32..900_000, 1..64),
            constant in -500_000i32..500_000,
        ) {
            let list = |of: &std::collections::BTreeMap<u32, i32>, constant: i32| {
                let mut list: Vec<Candidate> =
                    of.iter().map(|(token, logit)| Candidate { token: *token, logit: logit + constant }).collect();
                list.sort_by_key(|it| (std::cmp::Reverse(it.logit), it.token));
                list
            };
            let own_list = list(&own, 0);
            let at = |constant| {
                let opened = list(&opened, constant);
                let own_of: Vec<Option<i32>> = opened.iter().map(|it| own.get(&it.token).copied()).collect();
                distance(&opened, 64, &own_of, &own_list)
            };
            prop_assert!((0.0..=LOGIT_CLIP).contains(&at(0)));
            prop_assert_eq!(at(0), at(constant));
        }
    }
}
