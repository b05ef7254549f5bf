//! The decoder as its formulas say, in `f64`, token by token.

use crate::{
    compute::RopePairs,
    models::tiny::{TinyModel, TinyTensor},
};

/// Logits and last hidden state for each token of `tokens`.
pub(super) fn outputs(model: &TinyModel, tokens: &[u32]) -> Vec<(Vec<f64>, Vec<f64>)> {
    let mut memory = vec![(Vec::new(), Vec::new()); model.sizes.layers];
    tokens
        .iter()
        .enumerate()
        .map(|(position, token)| {
            let mut x = row(weight(model, "token_embd.weight"), *token as usize);
            for (layer, (keys, values)) in memory.iter_mut().enumerate() {
                attend(model, layer, position, &mut x, keys, values);
                feed_forward(model, layer, &mut x);
            }
            let hidden = rms_norm(model, &x, "output_norm.weight");
            let output = model.get("output.weight").unwrap_or_else(|| weight(model, "token_embd.weight"));
            (times(output, &hidden), hidden)
        })
        .collect()
}

fn attend(
    model: &TinyModel,
    layer: usize,
    position: usize,
    x: &mut [f64],
    keys: &mut Vec<Vec<f64>>,
    values: &mut Vec<Vec<f64>>,
) {
    let name = |part: &str| format!("blk.{layer}.{part}");
    let sizes = &model.sizes;
    let normed = rms_norm(model, x, &name("attn_norm.weight"));
    let linear = |part: &str| {
        let mut product = times(weight(model, &name(&format!("{part}.weight"))), &normed);
        if let Some(bias) = model.get(&name(&format!("{part}.bias"))) {
            product.iter_mut().zip(&bias.values).for_each(|(value, bias)| *value += f64::from(*bias));
        }
        product
    };
    let (mut query, mut key, value) = (linear("attn_q"), linear("attn_k"), linear("attn_v"));
    for (heads, norm) in [(&mut query, "attn_q_norm.weight"), (&mut key, "attn_k_norm.weight")] {
        for head in heads.chunks_mut(sizes.head_len) {
            if model.get(&name(norm)).is_some() {
                head.copy_from_slice(&rms_norm(model, head, &name(norm)));
            }
            rotate(model, head, position);
        }
    }
    keys.push(key);
    values.push(value);
    let mut attended = Vec::new();
    for (index, head) in query.chunks(sizes.head_len).enumerate() {
        let shared = index / (sizes.heads / sizes.kv_heads) * sizes.head_len;
        let part = shared..shared + sizes.head_len;
        let scores: Vec<f64> =
            keys.iter().map(|key| dot(head, &key[part.clone()]) / (sizes.head_len as f64).sqrt()).collect();
        let most = scores.iter().copied().fold(f64::MIN, f64::max);
        let weights: Vec<f64> = scores.iter().map(|score| (score - most).exp()).collect();
        let total: f64 = weights.iter().sum();
        attended.extend(
            part.map(|n| values.iter().zip(&weights).map(|(value, weight)| value[n] * weight).sum::<f64>() / total),
        );
    }
    add(x, &times(weight(model, &name("attn_output.weight")), &attended));
}

fn feed_forward(model: &TinyModel, layer: usize, x: &mut [f64]) {
    let name = |part: &str| format!("blk.{layer}.{part}.weight");
    let normed = rms_norm(model, x, &name("ffn_norm"));
    let gate = times(weight(model, &name("ffn_gate")), &normed);
    let up = times(weight(model, &name("ffn_up")), &normed);
    let gated: Vec<f64> = gate.iter().zip(&up).map(|(gate, up)| gate / (1.0 + (-gate).exp()) * up).collect();
    add(x, &times(weight(model, &name("ffn_down")), &gated));
}

fn rotate(model: &TinyModel, head: &mut [f64], position: usize) {
    let half = head.len() / 2;
    for pair in 0..half {
        let factor = model.get("rope_freqs.weight").map_or(1.0, |factors| f64::from(factors.values[pair]));
        let frequency = 10_000f64.powf(-(2.0 * pair as f64) / head.len() as f64) / factor;
        let (sine, cosine) = (position as f64 * frequency).sin_cos();
        let (a, b) = match model.family.pairs {
            RopePairs::Neighbours => (2 * pair, 2 * pair + 1),
            RopePairs::Halves => (pair, pair + half),
        };
        (head[a], head[b]) = (head[a] * cosine - head[b] * sine, head[a] * sine + head[b] * cosine);
    }
}

fn rms_norm(model: &TinyModel, x: &[f64], name: &str) -> Vec<f64> {
    let mean = dot(x, x) / x.len() as f64;
    let scale = 1.0 / (mean + f64::from(model.sizes.epsilon)).sqrt();
    x.iter().zip(&weight(model, name).values).map(|(value, weight)| value * scale * f64::from(*weight)).collect()
}

fn weight<'a>(model: &'a TinyModel, name: &str) -> &'a TinyTensor {
    model.get(name).unwrap_or_else(|| panic!("no tensor {name}"))
}

fn row(matrix: &TinyTensor, row: usize) -> Vec<f64> {
    matrix.values[row * matrix.columns..][..matrix.columns].iter().map(|value| f64::from(*value)).collect()
}

fn times(matrix: &TinyTensor, x: &[f64]) -> Vec<f64> {
    (0..matrix.rows).map(|n| dot(&row(matrix, n), x)).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(x: &mut [f64], y: &[f64]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
}
