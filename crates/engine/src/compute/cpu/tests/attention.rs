use super::*;
use crate::{
    compute::{BlockId, Compute, KvShape, Span},
    weights::f16_to_f32,
};

/// A text's queries, keys and values.
struct Text {
    heads: usize,
    shape: KvShape,
    tokens: usize,
    queries: Vec<f32>,
    keys: Vec<f32>,
    values: Vec<f32>,
}

impl Text {
    fn new(source: &mut Source, group: usize, shape: KvShape, tokens: usize) -> Self {
        let heads = group * shape.kv_heads;
        let mut numbers = |heads: usize| source.numbers(tokens * heads * shape.head_len);
        let (queries, keys, values) = (numbers(heads), numbers(shape.kv_heads), numbers(shape.kv_heads));
        let queries = queries.iter().map(|number| number * 4.0).collect();
        Self { heads, shape, tokens, queries, keys, values }
    }

    /// In `f64`, with keys and values that went through `kept`.
    fn exact(&self, is_causal: bool, kept: impl Fn(f32) -> f32) -> Vec<f64> {
        let (len, kv_heads) = (self.shape.head_len, self.shape.kv_heads);
        let group = self.heads / kv_heads;
        let mut results = Vec::new();
        for token in 0..self.tokens {
            for head in 0..self.heads {
                let seen = if is_causal { token + 1 } else { self.tokens };
                let at = |key: usize| (key * kv_heads + head / group) * len;
                let query = &self.queries[(token * self.heads + head) * len..][..len];
                let score = |key: usize| {
                    let key = &self.keys[at(key)..][..len];
                    let products = query.iter().zip(key).map(|(query, key)| f64::from(*query) * f64::from(kept(*key)));
                    products.sum::<f64>() / (len as f64).sqrt()
                };
                let scores: Vec<f64> = (0..seen).map(score).collect();
                let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let weights: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
                let total: f64 = weights.iter().sum();
                results.extend((0..len).map(|index| {
                    let values = (0..seen).map(|key| f64::from(kept(self.values[at(key) + index])));
                    values.zip(&weights).map(|(value, weight)| value * weight).sum::<f64>() / total
                }));
            }
        }
        results
    }

    fn rows(&self, compute: &CpuCompute, tokens: std::ops::Range<usize>) -> [Rows; 3] {
        let (all, kept) = (self.heads * self.shape.head_len, self.shape.kv_heads * self.shape.head_len);
        let cut =
            |numbers: &[f32], width: usize| rows(compute, width, &numbers[tokens.start * width..tokens.end * width]);
        [cut(&self.queries, all), cut(&self.keys, kept), cut(&self.values, kept)]
    }
}

fn blocks(numbers: impl IntoIterator<Item = u32>) -> Vec<BlockId> {
    numbers.into_iter().map(BlockId).collect()
}

/// Reads the text in pieces that end at `ends`; the blocks' memory holds rubbish before.
fn read(compute: &CpuCompute, text: &Text, ends: &[usize], blocks: &[BlockId]) -> Vec<f32> {
    let mut kv = compute.kv(text.shape, 40).unwrap();
    let layer = text.shape.layers - 1;
    let kept = text.shape.kv_heads * text.shape.head_len;
    let rubbish = vec![f32::NAN; 16 * kept];
    let rubbish = [
        rows(compute, text.heads * text.shape.head_len, &vec![1.0; 16 * text.heads * text.shape.head_len]),
        rows(compute, kept, &rubbish),
        rows(compute, kept, &rubbish),
    ];
    for block in 0..40 {
        let span = Span { position: 0, length: 16, blocks: &[BlockId(block)] };
        compute.attend(&mut kv, layer, &rubbish[0], &rubbish[1], &rubbish[2], &[span]).unwrap();
    }
    let mut results = Vec::new();
    let mut start = 0;
    for end in ends {
        let [queries, keys, values] = text.rows(compute, start..*end);
        let span = Span { position: start, length: end - start, blocks };
        let result = compute.attend(&mut kv, layer, &queries, &keys, &values, &[span]).unwrap();
        results.extend(compute.to_vec(&result).unwrap());
        start = *end;
    }
    results
}

fn shapes() -> impl Iterator<Item = (usize, KvShape)> {
    [(3, 3, 64), (1, 2, 32), (4, 1, 8), (8, 1, 80), (5, 2, 16), (16, 1, 20)]
        .into_iter()
        .map(|(group, kv_heads, head_len)| (group, KvShape { layers: 2, kv_heads, head_len }))
}

fn assert_close(results: &[f32], exact: &[f64]) {
    assert_eq!(results.len(), exact.len());
    for (result, exact) in results.iter().zip(exact) {
        assert!((f64::from(*result) - exact).abs() < 1e-5, "{result} {exact}");
    }
}

#[test]
fn attention_is_the_softmax_of_scores_over_what_was_read() {
    let mut source = Source(11);
    for (group, shape) in shapes() {
        let text = Text::new(&mut source, group, shape, 53);
        let results = read(&reference(), &text, &[53], &blocks([5, 3, 39, 0]));
        assert_close(&results, &text.exact(true, |number| f16_to_f32(f32_to_f16(number))));
    }
}

#[test]
fn attention_does_not_depend_on_pieces_blocks_threads_or_instruction_set() {
    let mut source = Source(12);
    for (group, shape) in shapes() {
        let text = Text::new(&mut source, group, shape, 75);
        let expected = read(&reference(), &text, &[75], &blocks([0, 1, 2, 3, 4]));
        let by_token: Vec<usize> = (1..=75).collect();
        for compute in variants() {
            for ends in [&[75][..], &[16, 32, 75], &[1, 2, 18, 74, 75], &[40, 75], &by_token] {
                let results = read(&compute, &text, ends, &blocks([7, 38, 2, 3, 9]));
                assert_eq!(bits(&results), bits(&expected), "{shape:?} {:?} {ends:?}", compute.isa);
            }
        }
    }
}

#[test]
fn texts_of_a_step_do_not_touch_each_other_and_share_what_lies_before() {
    let shape = KvShape { layers: 1, kv_heads: 3, head_len: 64 };
    let mut source = Source(13);
    let text = Text::new(&mut source, 3, shape, 60);
    let other = Text::new(&mut source, 3, shape, 21);
    for compute in variants() {
        let expected = read(&compute, &text, &[60], &blocks([0, 1, 2, 3]));
        let alone = read(&compute, &other, &[21], &blocks([8, 9]));
        let mut kv = compute.kv(shape, 12).unwrap();
        let [queries, keys, values] = text.rows(&compute, 0..32);
        let first = Span { position: 0, length: 32, blocks: &blocks([4, 5]) };
        compute.attend(&mut kv, 0, &queries, &keys, &values, &[first]).unwrap();
        // Two texts go on after the same 32 tokens, and another begins.
        let parts = [text.rows(&compute, 32..60), text.rows(&compute, 32..47), other.rows(&compute, 0..21)];
        let joined = |of: usize| {
            let numbers: Vec<f32> = parts.iter().flat_map(|part| part[of].numbers.to_vec()).collect();
            rows(&compute, parts[0][of].width, &numbers)
        };
        let spans = [
            Span { position: 32, length: 28, blocks: &blocks([4, 5, 0, 1]) },
            Span { position: 32, length: 15, blocks: &blocks([4, 5, 2]) },
            Span { position: 0, length: 21, blocks: &blocks([11, 10]) },
        ];
        let result = compute.attend(&mut kv, 0, &joined(0), &joined(1), &joined(2), &spans).unwrap();
        let width = result.width;
        let result = compute.to_vec(&result).unwrap();
        assert_eq!(bits(&result[..28 * width]), bits(&expected[32 * width..]));
        assert_eq!(bits(&result[28 * width..43 * width]), bits(&expected[32 * width..47 * width]));
        assert_eq!(bits(&result[43 * width..]), bits(&alone));
    }
}

#[test]
fn whole_texts_attend_to_all_of_themselves_and_to_nothing_else() {
    let mut source = Source(14);
    for head_len in [32, 20, 64] {
        let shape = KvShape { layers: 1, kv_heads: 4, head_len };
        let texts: Vec<Text> = [1, 40, 16, 7].map(|tokens| Text::new(&mut source, 1, shape, tokens)).into();
        let lengths: Vec<usize> = texts.iter().map(|text| text.tokens).collect();
        let mut expected: Option<Vec<f32>> = None;
        for compute in variants() {
            let parts: Vec<_> = texts.iter().map(|text| text.rows(&compute, 0..text.tokens)).collect();
            let joined = |of: usize| {
                let numbers: Vec<f32> = parts.iter().flat_map(|part| part[of].numbers.to_vec()).collect();
                rows(&compute, 4 * head_len, &numbers)
            };
            let result = compute.attend_whole(&joined(0), &joined(1), &joined(2), 4, &lengths).unwrap();
            let result = compute.to_vec(&result).unwrap();
            let exact: Vec<f64> = texts.iter().flat_map(|text| text.exact(false, |number| number)).collect();
            assert_close(&result, &exact);
            let expected = expected.get_or_insert_with(|| result.clone());
            assert_eq!(bits(&result), bits(expected));
        }
    }
}

#[test]
fn pieces_that_do_not_fit_are_refused() {
    let compute = reference();
    let shape = KvShape { layers: 1, kv_heads: 1, head_len: 16 };
    let mut kv = compute.kv(shape, 2).unwrap();
    let two = blocks([0, 1]);
    let mut refused = |position: usize, length: usize, ids: &[BlockId], layer: usize, rows: usize| {
        let [queries, kept] = [compute.rows(rows, 32), compute.rows(rows, 16)];
        compute.attend(&mut kv, layer, &queries, &kept, &kept, &[Span { position, length, blocks: ids }]).is_err()
    };
    assert!(!refused(0, 1, &two, 0, 1));
    assert!(refused(32, 1, &two, 0, 1));
    assert!(refused(usize::MAX, 1, &two, 0, 1));
    assert!(refused(0, 2, &two, 0, 1));
    assert!(refused(0, 1, &two, 1, 1));
    assert!(refused(0, 1, &blocks([2]), 0, 1));
    let wide = compute.rows(1, 17);
    assert!(compute.attend(&mut kv, 0, &wide, &wide, &wide, &[]).is_err());
    assert!(compute.attend_whole(&wide, &wide, &wide, 2, &[1]).is_err());
    assert!(compute.attend_whole(&wide, &wide, &wide, 0, &[1]).is_err());
    assert!(compute.attend_whole(&wide, &wide, &wide, 1, &[2]).is_err());
    assert!(compute.kv(KvShape { layers: usize::MAX, ..shape }, 2).is_err());
    assert_eq!(compute.kv_block_bytes(shape), (16 + 16) * 16 * 2);
    assert_eq!(compute.kv_block_bytes(KvShape { layers: usize::MAX, ..shape }), u64::MAX);
}
