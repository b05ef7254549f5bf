use std::{num::NonZeroUsize, sync::Arc};

use candle_core::Device;

use super::reference;
use crate::{
    compute::{candle::CandleCompute, cpu::CpuCompute, BlockId, Compute},
    models::{
        decoder::Decoder,
        tiny::{TinyModel, TinyTensor, VOCABULARY},
        CausalModel, Output, Piece, Wanted,
    },
    weights::StoredType,
};

/// What keys and values in `f16` may cost; weights in `f32` cost nothing that shows.
const F16_KEYS: f64 = 4e-3;
/// What activations that are rounded to eight bits may cost.
const EIGHT_BITS: f64 = 6e-2;

fn candle() -> Arc<CandleCompute> {
    Arc::new(CandleCompute::new(Device::Cpu))
}

fn cpu(threads: usize) -> Arc<CpuCompute> {
    Arc::new(CpuCompute::new(NonZeroUsize::new(threads).unwrap(), false, true).unwrap())
}

fn tokens(seed: u32, count: u32) -> Vec<u32> {
    (0..count).map(|n| (n * n * 31 + n * 7 + seed * 13) % VOCABULARY as u32).collect()
}

fn blocks(numbers: &[u32]) -> Vec<BlockId> {
    numbers.iter().map(|number| BlockId(*number)).collect()
}

fn piece<'a>(tokens: &'a [u32], position: usize, blocks: &'a [BlockId]) -> Piece<'a> {
    Piece { tokens, position, blocks, wanted: Wanted::Each }
}

/// `found` are the outputs of the last tokens of `text`.
#[track_caller]
fn assert_right(model: &TinyModel, text: &[u32], found: &[Output], tolerance: f64) {
    let expected = reference::outputs(model, text);
    let expected = &expected[text.len() - found.len()..];
    for (found, (logits, hidden)) in found.iter().zip(expected) {
        for (found, expected) in [(&found.logits, logits), (&found.hidden, hidden)] {
            assert_eq!(found.len(), expected.len());
            let largest = expected.iter().fold(0f64, |largest, value| largest.max(value.abs()));
            let off = found.iter().zip(expected).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0f64, f64::max);
            assert!(off <= tolerance * largest, "off by {off}, the largest is {largest}");
        }
    }
}

/// Reads texts whole, in chunks, beside each other and over shared blocks: each gets what the formulas say.
fn agrees_with_the_formulas<C: Compute>(compute: Arc<C>, model: &TinyModel, tolerance: f64) {
    let (one, other) = (tokens(1, 53), tokens(2, 21));
    let (own, others) = (blocks(&[5, 0, 7, 2]), blocks(&[6, 1]));

    let mut decoder = model.decoder(compute.clone(), 9);
    assert_eq!(decoder.blocks(), 9);
    let whole = decoder.forward(&[piece(&one, 0, &own)]).unwrap();
    assert_right(model, &one, &whole[0], tolerance);

    let mut decoder = model.decoder(compute.clone(), 9);
    for (start, end) in [(0, 1), (1, 16), (16, 30), (30, 53)] {
        let chunk = decoder.forward(&[piece(&one[start..end], start, &own)]).unwrap();
        assert_right(model, &one[..end], &chunk[0], tolerance);
    }

    let mut decoder = model.decoder(compute.clone(), 9);
    decoder.forward(&[piece(&one[..40], 0, &own), piece(&other[..20], 0, &others)]).unwrap();
    let both = [
        Piece { wanted: Wanted::Last, ..piece(&other[20..], 20, &others) },
        Piece { wanted: Wanted::Nothing, ..piece(&one[40..50], 40, &own) },
    ];
    let outputs = decoder.forward(&both).unwrap();
    assert_eq!((outputs[0].len(), outputs[1].len()), (1, 0));
    assert_right(model, &other, &outputs[0], tolerance);
    let last = decoder.forward(&[piece(&one[50..], 50, &own)]).unwrap();
    assert_right(model, &one, &last[0], tolerance);

    // Two texts that begin with the same two blocks go on by themselves.
    let sharing = blocks(&[5, 0, 3]);
    let branch = [&one[..32], &other[..5]].concat();
    let outputs = decoder.forward(&[piece(&branch[32..], 32, &sharing), piece(&one[52..], 52, &own)]).unwrap();
    assert_right(model, &branch, &outputs[0], tolerance);
    assert_right(model, &one, &outputs[1], tolerance);
}

#[test]
fn llama_agrees_with_the_formulas() {
    agrees_with_the_formulas(candle(), &TinyModel::llama(1), F16_KEYS);
    agrees_with_the_formulas(cpu(2), &TinyModel::llama(1), F16_KEYS);
}

#[test]
fn qwen2_agrees_with_the_formulas() {
    agrees_with_the_formulas(candle(), &TinyModel::qwen2(2), F16_KEYS);
    agrees_with_the_formulas(cpu(2), &TinyModel::qwen2(2), F16_KEYS);
}

#[test]
fn qwen3_agrees_with_the_formulas() {
    agrees_with_the_formulas(candle(), &TinyModel::qwen3(3), F16_KEYS);
    agrees_with_the_formulas(cpu(2), &TinyModel::qwen3(3), F16_KEYS);
}

#[test]
fn quantised_weights_agree_with_the_formulas() {
    agrees_with_the_formulas(candle(), &TinyModel::quantised_llama(4), EIGHT_BITS);
    agrees_with_the_formulas(cpu(2), &TinyModel::quantised_llama(4), EIGHT_BITS);
}

/// Reads eight texts of many lengths, then the last token of each in one step.
fn many_texts<C: Compute>(compute: Arc<C>, model: &TinyModel) -> Vec<(Vec<u32>, Vec<Output>)> {
    let lengths = [3, 300, 17, 170, 1, 16, 33, 32];
    let texts: Vec<Vec<u32>> = (1..).zip(lengths).map(|(seed, length)| tokens(seed, length + 1)).collect();
    let mut next = 0;
    let places: Vec<Vec<BlockId>> = texts
        .iter()
        .map(|text| {
            let count = (text.len() as u32).div_ceil(16);
            next += count;
            (next - count..next).map(BlockId).collect()
        })
        .collect();
    let mut decoder = model.decoder(compute, u64::from(next));
    let prompts: Vec<_> =
        texts.iter().zip(&places).map(|(text, places)| piece(&text[..text.len() - 1], 0, places)).collect();
    decoder.forward(&prompts).unwrap();
    let last: Vec<_> = texts
        .iter()
        .zip(&places)
        .map(|(text, places)| piece(&text[text.len() - 1..], text.len() - 1, places))
        .collect();
    let outputs = decoder.forward(&last).unwrap();
    texts.into_iter().zip(outputs).collect()
}

#[test]
fn many_texts_of_many_lengths_produce_beside_each_other() {
    let model = TinyModel::qwen2(5);
    for (text, outputs) in many_texts(candle(), &model).iter().chain(&many_texts(cpu(2), &model)) {
        assert_right(&model, text, outputs, F16_KEYS);
    }
}

#[test]
fn on_the_processor_nothing_but_the_text_itself_changes_a_bit() {
    for model in [TinyModel::quantised_llama(6), TinyModel::qwen3(6)] {
        for (text, beside_others) in many_texts(cpu(2), &model) {
            let places: Vec<BlockId> = (0..19).rev().map(BlockId).collect();
            for (threads, chunk) in [(1, 1), (1, 512), (3, 7)] {
                let mut decoder = model.decoder(cpu(threads), 19);
                let mut last = Vec::new();
                for (start, tokens) in (0..).step_by(chunk).zip(text.chunks(chunk)) {
                    let outputs = decoder.forward(&[piece(tokens, start, &places)]).unwrap();
                    last = outputs[0][tokens.len() - 1..].to_vec();
                }
                assert_eq!(last, beside_others, "{threads} threads, {chunk} tokens at once");
            }
        }
    }
}

#[test]
fn a_piece_that_reaches_too_far_is_an_error() {
    let mut decoder = TinyModel::llama(1).decoder(candle(), 2);
    let (own, far) = (blocks(&[0]), blocks(&[2]));
    for bad in [piece(&[1; 17], 0, &own), piece(&[1], 0, &far), piece(&[VOCABULARY as u32], 0, &own)] {
        assert!(decoder.forward(&[bad]).unwrap_err().to_string().contains("senseless"));
    }
    assert!(decoder.forward(&[]).unwrap().is_empty());
}

#[track_caller]
fn refusal(model: TinyModel) -> String {
    model.weights(candle()).err().expect("refused").to_string()
}

#[test]
fn missing_misshapen_and_unknown_tensors_are_named() {
    let missing = TinyModel::llama(1).with(|tensors| drop(tensors.remove("blk.1.ffn_up.weight")));
    assert!(refusal(missing).contains("blk.1.ffn_up.weight is missing"));
    let unbiased = TinyModel::qwen2(1).with(|tensors| drop(tensors.remove("blk.0.attn_k.bias")));
    assert!(refusal(unbiased).contains("blk.0.attn_k.bias is missing"));
    let vector = || TinyTensor::new(1, 32, vec![1.0; 32], StoredType::F32);
    let unknown = TinyModel::llama(1).with(|tensors| drop(tensors.insert("blk.0.attn_sinks.weight".into(), vector())));
    assert!(refusal(unknown).contains("blk.0.attn_sinks.weight is not part"));
    let misshapen = TinyModel::llama(1).with(|tensors| drop(tensors.insert("output_norm.weight".into(), vector())));
    assert!(refusal(misshapen).contains("output_norm.weight is 1 x 32 instead of 1 x 64"));
    let zero = TinyTensor::new(1, 8, vec![0.0; 8], StoredType::F32);
    let frozen = TinyModel::llama(1).with(|tensors| drop(tensors.insert("rope_freqs.weight".into(), zero)));
    assert!(refusal(frozen).contains("not positive"));
}

#[test]
fn memory_for_less_than_a_block_is_an_error() {
    let weights = TinyModel::llama(1).weights(candle()).unwrap();
    assert!(Decoder::new(weights, 100).err().expect("refused").to_string().contains("100 bytes"));
}
