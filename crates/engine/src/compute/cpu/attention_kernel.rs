//! Attention of a few tokens' queries to one head of keys and values.
//!
//! Scores of a query are products over the head's numbers in their order, its weights are summed in sixteen lanes by the
//! keys' positions, and its result adds values in the order of positions. None of that depends on which tokens are
//! computed together.
#![expect(unsafe_code, reason = "kernels read by pointers and are compiled for instruction sets found at run time")]

#[cfg(target_arch = "x86_64")]
use super::lanes::{Avx2, Avx512};
use super::{
    dense_kernel::{multiply, Element, Half, Inputs, Single, Weights},
    kv::{padded, Head},
    lanes::{Isa, Lanes, Scalar, GROUP},
    math::{exp, sum_lanes},
};

/// Queries of neighbouring tokens of a text, of the heads that share keys and values.
#[derive(Clone, Copy)]
pub(super) struct Queries<'a> {
    /// `[head_len][tokens * group]`, scaled.
    pub(super) numbers: &'a [f32],
    pub(super) tokens: usize,
    /// Heads.
    pub(super) group: usize,
    /// Keys that the first token sees.
    pub(super) seen: usize,
    /// Keys that each further token sees besides those of the one before it: 1 or 0.
    pub(super) further: usize,
}

/// Memory that a kernel needs while it runs, which it makes as long as it needs.
#[derive(Default)]
pub(super) struct Scratch {
    /// `[blocks][queries][16]`
    scores: Vec<f32>,
    /// `[queries][padded head_len]`
    results: Vec<f32>,
    /// One over the sum of each query's weights.
    inverses: Vec<f32>,
}

/// The kernel for one type of keys and values on this processor.
pub(super) type AttentionKernel<T> = unsafe fn(&Queries<'_>, &Head<'_, T>, &mut Scratch);

/// Attention to keys and values that are halves.
pub(super) fn attend_to_halves(isa: Isa, queries: &Queries<'_>, head: &Head<'_, u16>, scratch: &mut Scratch) {
    let kernel: AttentionKernel<u16> = match isa {
        Isa::Scalar => attend::<Scalar, Half>,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => attend_avx2::<Half>,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => attend_avx512::<Half>,
    };
    // SAFETY: the instruction set was found at run time.
    unsafe { kernel(queries, head, scratch) }
}

/// Attention to keys and values that are `f32`.
pub(super) fn attend_to_singles(isa: Isa, queries: &Queries<'_>, head: &Head<'_, f32>, scratch: &mut Scratch) {
    let kernel: AttentionKernel<f32> = match isa {
        Isa::Scalar => attend::<Scalar, Single>,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => attend_avx2::<Single>,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => attend_avx512::<Single>,
    };
    // SAFETY: the instruction set was found at run time.
    unsafe { kernel(queries, head, scratch) }
}

/// # Safety
/// As [`attend`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn attend_avx2<E: Element>(queries: &Queries<'_>, head: &Head<'_, E::Bits>, scratch: &mut Scratch) {
    // SAFETY: the caller's promise.
    unsafe { attend::<Avx2, E>(queries, head, scratch) }
}

/// # Safety
/// As [`attend`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn attend_avx512<E: Element>(queries: &Queries<'_>, head: &Head<'_, E::Bits>, scratch: &mut Scratch) {
    // SAFETY: the caller's promise.
    unsafe { attend::<Avx512, E>(queries, head, scratch) }
}

/// # Safety
/// The processor has `S`'s instruction set.
#[inline(always)]
unsafe fn attend<S: Lanes, E: Element>(queries: &Queries<'_>, head: &Head<'_, E::Bits>, scratch: &mut Scratch) {
    let count = queries.tokens * queries.group;
    let blocks = queries.seen_by(queries.tokens - 1).div_ceil(GROUP);
    scratch.prepare(count, blocks, padded(head.head_len));
    assert!(queries.numbers.len() == head.head_len * count, "queries as long as heads");
    // SAFETY: the instruction set is the caller's promise.
    unsafe {
        score::<S, E>(queries, head, blocks, &mut scratch.scores);
        for query in 0..count {
            let seen = queries.seen_by(query / queries.group);
            scratch.inverses[query] = soften(&mut scratch.scores, query, count, seen);
        }
        add_values::<S, E>(queries, head, blocks, &scratch.scores, &mut scratch.results);
    }
    for (result, inverse) in scratch.results.chunks_exact_mut(padded(head.head_len)).zip(&scratch.inverses) {
        result.iter_mut().for_each(|number| *number *= inverse);
    }
}

impl Queries<'_> {
    /// Keys that a token sees.
    fn seen_by(&self, token: usize) -> usize {
        self.seen + token * self.further
    }
}

impl Scratch {
    fn prepare(&mut self, queries: usize, blocks: usize, padded: usize) {
        let scores = queries * blocks * GROUP;
        if self.scores.len() < scores {
            self.scores.resize(scores, 0.0);
        }
        self.results.clear();
        self.results.resize(queries * padded, 0.0);
        self.inverses.clear();
        self.inverses.resize(queries, 0.0);
    }

    /// What a query's attention gives, after a kernel ran.
    pub(super) fn result(&self, query: usize, head_len: usize) -> &[f32] {
        &self.results[query * padded(head_len)..][..head_len]
    }
}

/// Products of all queries and all keys.
///
/// # Safety
/// As [`attend`]; there are scores for all queries and blocks.
#[inline(always)]
unsafe fn score<S: Lanes, E: Element>(
    queries: &Queries<'_>,
    head: &Head<'_, E::Bits>,
    blocks: usize,
    scores: &mut [f32],
) {
    let count = queries.tokens * queries.group;
    for (block, scores) in scores.chunks_exact_mut(count * GROUP).take(blocks).enumerate() {
        let (keys, _) = head.block(block);
        for lane in (0..GROUP).step_by(S::WIDTH) {
            let weights = Weights::<E> {
                first: keys.as_ptr().wrapping_add(lane),
                step: GROUP,
                inputs: head.head_len,
                prefetched: 0,
            };
            let x = Inputs { first: queries.numbers.as_ptr(), step: count, apart: 1 };
            // SAFETY: a block has sixteen keys of `head_len` numbers, the queries as many numbers each, and a block's
            // scores are sixteen for each query.
            unsafe { multiply::<S, E>(weights, x, count, scores.as_mut_ptr().wrapping_add(lane), GROUP, false) };
        }
    }
}

/// Makes a query's scores of the keys it sees its weights, before they are divided by their sum, and returns one over
/// that sum. In its last block weights of keys that it does not see become zero.
#[inline(always)]
fn soften(scores: &mut [f32], query: usize, count: usize, seen: usize) -> f32 {
    let place = |block: usize| (block * count + query) * GROUP;
    let (whole, rest) = (seen / GROUP, seen % GROUP);
    let mut largest = [f32::NEG_INFINITY; GROUP];
    for block in 0..whole {
        let scores = &scores[place(block)..][..GROUP];
        for lane in 0..GROUP {
            largest[lane] = largest[lane].max(scores[lane]);
        }
    }
    if rest > 0 {
        let scores = &scores[place(whole)..][..rest];
        largest.iter_mut().zip(scores).for_each(|(largest, score)| *largest = largest.max(*score));
    }
    let largest = largest.into_iter().fold(f32::NEG_INFINITY, f32::max);
    let mut sums = [0f32; GROUP];
    for block in 0..whole {
        let scores = &mut scores[place(block)..][..GROUP];
        for lane in 0..GROUP {
            let weight = exp(scores[lane] - largest);
            scores[lane] = weight;
            sums[lane] += weight;
        }
    }
    if rest > 0 {
        let scores = &mut scores[place(whole)..][..GROUP];
        for (lane, score) in scores.iter_mut().enumerate() {
            *score = if lane < rest { exp(*score - largest) } else { 0.0 };
        }
        sums.iter_mut().zip(scores).for_each(|(sum, weight)| *sum += *weight);
    }
    1.0 / sum_lanes(sums)
}

/// Adds the values of the keys that each query sees, times their weights.
///
/// # Safety
/// As [`attend`]; there are weights for all queries and blocks, and results for all queries.
#[inline(always)]
unsafe fn add_values<S: Lanes, E: Element>(
    queries: &Queries<'_>,
    head: &Head<'_, E::Bits>,
    blocks: usize,
    weights: &[f32],
    results: &mut [f32],
) {
    let padded = padded(head.head_len);
    let count = queries.tokens * queries.group;
    let seen_whole_by_all = queries.seen / GROUP;
    for block in 0..blocks {
        let (_, values) = head.block(block);
        let weights = &weights[block * count * GROUP..][..count * GROUP];
        // The same number of keys for all queries, or else token by token.
        let together = if block < seen_whole_by_all || queries.further == 0 { queries.tokens } else { 1 };
        for token in (0..queries.tokens).step_by(together) {
            let seen = queries.seen_by(token).saturating_sub(block * GROUP).min(GROUP);
            let first = token * queries.group;
            let x = Inputs { first: weights[first * GROUP..].as_ptr(), step: 1, apart: GROUP };
            for lane in (0..padded).step_by(S::WIDTH) {
                let rows = Weights::<E> { first: values[lane..].as_ptr(), step: padded, inputs: seen, prefetched: 0 };
                let sums = results[first * padded + lane..].as_mut_ptr();
                // SAFETY: a block has sixteen values of `padded` numbers, each query sixteen weights and a result of
                // `padded` numbers.
                unsafe { multiply::<S, E>(rows, x, together * queries.group, sums, padded, true) };
            }
        }
    }
}
