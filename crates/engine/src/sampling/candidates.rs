//! The tokens that may be drawn, and how likely each is.

use super::exp::exp;

/// Numbers that are added side by side, so that the compiler adds them at once and in the same order everywhere.
const LANES: usize = 16;
/// Candidates whose sum is known when one is drawn: only one such group is looked through.
const GROUP: usize = 1024;
/// Values of an `f32` that are a 32nd of an octave. So close to each other, candidates are few enough to sort.
const NARROW: u32 = 1 << 18;

/// Unnormalised probabilities of all tokens, the likeliest having 1; 0 for those that are not drawn. Keeps its memory, so
/// that a token costs no allocation.
#[derive(Clone, Debug, Default)]
pub(super) struct Candidates {
    shares: Vec<f32>,
    /// Where candidates are sorted: the inverted bits of the share above, the token below.
    close: Vec<u64>,
}

impl Candidates {
    /// All tokens, from their logits; `top` is the largest of these and finite, `temperature` above 0.
    pub(super) fn fill(&mut self, logits: &[f32], top: f32, temperature: f32) {
        let scale = 1.0 / temperature;
        self.shares.clear();
        self.shares.extend(logits.iter().map(|logit| exp((logit - top) * scale)));
    }

    /// Leaves the `count` likeliest, of equal ones those with smaller numbers.
    pub(super) fn keep_count(&mut self, count: usize) {
        if count < self.shares.len() {
            self.keep(|_| count as f64, |_| 1.0);
        }
    }

    /// Leaves the fewest likeliest that have `part` of all probability, of equal ones those with smaller numbers.
    pub(super) fn keep_part(&mut self, part: f64) {
        if part < 1.0 {
            self.keep(|total| part * total, f64::from);
        }
    }

    /// Leaves the fewest likeliest whose measures reach the target, which is made from the measure of all.
    fn keep(&mut self, target: impl Fn(f64) -> f64, measure: impl Fn(f32) -> f64 + Copy) {
        let Self { shares, close } = self;
        let target = target(sum_from(shares, 0.0, measure));
        // Positive floats are in the order of their bits. What has `low` and more reaches the target, what has `high` and
        // more does not; halving what is between costs one pass each.
        let (mut low, mut high) = (0u32, 1f32.to_bits() + 1);
        let mut above = 0.0;
        while high - low > NARROW {
            let middle = low + (high - low) / 2;
            let reached = sum_from(shares, f32::from_bits(middle), measure);
            if reached >= target {
                low = middle;
            } else {
                (high, above) = (middle, reached);
            }
        }
        close.clear();
        for (number, group) in shares.chunks(LANES).enumerate() {
            // All of a group at once, and most groups have none.
            let is_close = |share: &f32| (low..high).contains(&share.to_bits());
            if group.iter().fold(false, |any, share| any | is_close(share)) {
                let tokens = (number * LANES) as u64..;
                let between = tokens.zip(group).filter(|(_, share)| is_close(share));
                close.extend(between.map(|(token, share)| u64::from(!share.to_bits()) << 32 | token));
            }
        }
        close.sort_unstable();
        for key in close.iter() {
            if above >= target {
                // Too unlikely, or a larger number than an equal one that was enough.
                if let Some(share) = shares.get_mut((key & u64::from(u32::MAX)) as usize) {
                    *share = 0.0;
                }
            } else {
                above += measure(f32::from_bits(!((key >> 32) as u32)));
            }
        }
        let least = f32::from_bits(low);
        for share in shares.iter_mut() {
            *share = if *share >= least { *share } else { 0.0 };
        }
    }

    /// A token with the probability of its share; `uniform` is in [0, 1). None if no token has any.
    pub(super) fn draw(&self, uniform: f64) -> Option<usize> {
        let total: f64 = self.shares.chunks(GROUP).map(|group| sum_from(group, 0.0, f64::from)).sum();
        let mut left = uniform * total;
        let mut last = None;
        for (number, group) in self.shares.chunks(GROUP).enumerate() {
            let sum = sum_from(group, 0.0, f64::from);
            if sum == 0.0 {
                continue;
            }
            last = Some((number, group));
            if left < sum {
                break;
            }
            left -= sum;
        }
        let (number, group) = last?;
        let mut drawn = None;
        for (index, share) in group.iter().enumerate().filter(|(_, share)| **share > 0.0) {
            drawn = Some(number * GROUP + index);
            left -= f64::from(*share);
            if left < 0.0 {
                break;
            }
        }
        // Where rounding left a crumb, it belongs to the last that has a share.
        drawn
    }
}

/// Sum of the measures of shares of at least `least`.
#[inline]
fn sum_from(shares: &[f32], least: f32, measure: impl Fn(f32) -> f64 + Copy) -> f64 {
    let mut lanes = [0f64; LANES];
    let (groups, rest) = shares.as_chunks::<LANES>();
    for group in groups {
        for (lane, share) in lanes.iter_mut().zip(group) {
            *lane += if *share >= least { measure(*share) } else { 0.0 };
        }
    }
    for (lane, share) in lanes.iter_mut().zip(rest) {
        *lane += if *share >= least { measure(*share) } else { 0.0 };
    }
    lanes.iter().sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn candidates(shares: &[f32]) -> Candidates {
        Candidates { shares: shares.to_vec(), close: Vec::new() }
    }

    /// Tokens, the likeliest first, then the smallest.
    fn sorted(shares: &[f32]) -> Vec<usize> {
        let mut tokens: Vec<_> = (0..shares.len()).collect();
        tokens.sort_by(|a, b| shares[*b].total_cmp(&shares[*a]).then(a.cmp(b)));
        tokens
    }

    fn kept(candidates: &Candidates) -> Vec<usize> {
        (0..candidates.shares.len()).filter(|token| candidates.shares[*token] > 0.0).collect()
    }

    /// Shares of which many are equal and many are close.
    fn shares() -> impl Strategy<Value = Vec<f32>> {
        let share =
            prop_oneof![0f32..=1.0, Just(0.5f32), Just(0.25f32), 0.5f32..0.5001, (0f32..1.0).prop_map(|x| x * 1e-9)];
        proptest::collection::vec(share, 1..300).prop_map(|mut shares| {
            shares[0] = 1.0;
            shares
        })
    }

    #[test]
    fn equal_candidates_are_kept_from_the_smallest_number() {
        let mut equal = candidates(&[1.0; 5000]);
        equal.keep_count(1500);
        assert_eq!(kept(&equal), (0..1500).collect::<Vec<_>>());
        equal.keep_part(0.5);
        assert_eq!(kept(&equal), (0..750).collect::<Vec<_>>());
    }

    #[test]
    fn the_smallest_part_is_the_likeliest() {
        let mut few = candidates(&[0.9, 1.0, 1.0, 0.2]);
        few.keep_part(1e-9);
        assert_eq!(kept(&few), [1]);
    }

    #[test]
    fn nothing_is_drawn_from_nothing() {
        assert_eq!(candidates(&[0.0; 10]).draw(0.5), None);
        assert_eq!(candidates(&[]).draw(0.5), None);
    }

    #[test]
    fn every_group_is_drawn_from() {
        let mut shares = vec![0.0; 3 * GROUP];
        for token in [5, GROUP + 7, 3 * GROUP - 1] {
            shares[token] = 1.0;
        }
        let some = candidates(&shares);
        let drawn = [0.0, 0.34, 0.67, 1.0].map(|uniform| some.draw(uniform).unwrap());
        assert_eq!(drawn, [5, GROUP + 7, 3 * GROUP - 1, 3 * GROUP - 1]);
    }

    proptest! {
        #[test]
        fn as_many_are_kept_as_a_full_sort_keeps(shares in shares(), count in 1usize..320) {
            let mut some = candidates(&shares);
            some.keep_count(count);
            let mut expected: Vec<_> = sorted(&shares).into_iter().take(count).filter(|t| shares[*t] > 0.0).collect();
            expected.sort();
            prop_assert_eq!(kept(&some), expected);
        }

        #[test]
        fn the_part_that_is_kept_is_that_of_a_full_sort(shares in shares(), part in 0.001f64..0.9999) {
            let mut some = candidates(&shares);
            some.keep_part(part);
            let kept = kept(&some);
            let mut expected: Vec<_> = sorted(&shares).into_iter().take(kept.len()).collect();
            let least = f64::from(shares[expected[expected.len() - 1]]);
            let sum: f64 = expected.iter().map(|token| f64::from(shares[*token])).sum();
            expected.sort();
            prop_assert_eq!(kept, expected);
            let target = part * shares.iter().map(|share| f64::from(*share)).sum::<f64>();
            let crumb = 1e-12 * target;
            prop_assert!(sum >= target - crumb && sum - least < target + crumb, "{sum} {least} {target}");
        }

        #[test]
        fn a_draw_is_that_of_a_walk_through_all(shares in shares(), uniform in 0f64..1.0) {
            let drawn = candidates(&shares).draw(uniform).unwrap();
            let total: f64 = shares.iter().map(|share| f64::from(*share)).sum();
            let before: f64 = shares[..drawn].iter().map(|share| f64::from(*share)).sum();
            let crumb = 1e-12 * total;
            let end = before + f64::from(shares[drawn]);
            prop_assert!(shares[drawn] > 0.0);
            prop_assert!(before <= uniform * total + crumb && uniform * total <= end + crumb);
        }
    }
}
