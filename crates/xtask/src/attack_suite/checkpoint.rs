//! The model that miners promise, and those that a cheat would rather run.

use std::path::Path;

use anyhow::Context;
use cuckoo_engine::{Manifest, ModelDir, ModelFile, ModelKind, MANIFEST_FILE};
use rand_chacha::{rand_core::SeedableRng, ChaCha8Rng};
use sha2::{Digest, Sha256};

use super::{
    gguf::{Gguf, Kind, Tensor, Value},
    numbers::normal,
};

/// A checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checkpoint {
    /// What is promised, in eight bits.
    Promised,
    /// Every weight moved by 2 % of what its row's weights are: as a light fine-tuning does.
    Near,
    /// Every weight moved by half of that: another model of the same shape.
    Other,
    /// Four bits in the place of eight.
    FourBits,
    /// The middle layer is left out.
    LayerSkipped,
    /// Half of the layers are: a small model.
    Small,
}

impl Checkpoint {
    pub(super) const ALL: [Self; 6] =
        [Self::Promised, Self::Near, Self::Other, Self::FourBits, Self::LayerSkipped, Self::Small];

    /// The id of its model.
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Promised => "promised",
            Self::Near => "near",
            Self::Other => "other",
            Self::FourBits => "four-bits",
            Self::LayerSkipped => "layer-skipped",
            Self::Small => "small",
        }
    }

    /// This checkpoint of the model that `promised` is.
    pub(super) fn of(self, promised: &Gguf) -> anyhow::Result<Gguf> {
        let layers = promised.number("llama.block_count").context("the file does not say how many layers it has")?;
        match self {
            Self::Promised => Ok(promised.clone()),
            Self::Near => moved(promised, 0.02),
            Self::Other => moved(promised, 0.5),
            Self::FourBits => stored_as(promised, Kind::Q4_0),
            Self::LayerSkipped => without(promised, layers, |layer| layer == layers / 2),
            Self::Small => without(promised, layers, |layer| layer % 2 == 1),
        }
    }
}

/// With the weights of matrices stored as `kind`.
pub(super) fn stored_as(file: &Gguf, kind: Kind) -> anyhow::Result<Gguf> {
    let tensor = |it: &Tensor| anyhow::Ok(Tensor::new(it.name.clone(), it.dimensions.clone(), kind, &it.numbers()?));
    Ok(Gguf { keys: file.keys.clone(), tensors: file.tensors.iter().map(tensor).collect::<Result<_, _>>()? })
}

/// With random numbers added to the weights of matrices, `part` of the root of the mean square of their rows.
fn moved(file: &Gguf, part: f32) -> anyhow::Result<Gguf> {
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let mut moved = file.clone();
    for tensor in moved.tensors.iter_mut().filter(|tensor| tensor.is_matrix()) {
        let mut numbers = tensor.numbers()?;
        for row in numbers.chunks_mut(tensor.row_len()) {
            let size = (row.iter().map(|number| number * number).sum::<f32>() / row.len() as f32).sqrt();
            row.iter_mut().for_each(|number| *number += part * size * normal(&mut random));
        }
        *tensor = Tensor::new(tensor.name.clone(), tensor.dimensions.clone(), Kind::Q8_0, &numbers);
    }
    Ok(moved)
}

/// Without the layers that are `skipped`; those behind them move up.
fn without(file: &Gguf, layers: u32, skipped: impl Fn(u32) -> bool) -> anyhow::Result<Gguf> {
    let kept: Vec<u32> = (0..layers).filter(|layer| !skipped(*layer)).collect();
    let mut left = Gguf { keys: file.keys.clone(), tensors: Vec::new() };
    left.set("llama.block_count", Value::number(u32::try_from(kept.len())?));
    for tensor in &file.tensors {
        let name = match tensor.name.strip_prefix("blk.").and_then(|rest| rest.split_once('.')) {
            None => tensor.name.clone(),
            Some((layer, part)) => {
                let layer: u32 = layer.parse().with_context(|| tensor.name.clone())?;
                let Some(place) = kept.iter().position(|it| *it == layer) else { continue };
                format!("blk.{place}.{part}")
            }
        };
        left.tensors.push(Tensor { name, ..tensor.clone() });
    }
    Ok(left)
}

/// Writes a model's folder `<models>/<id>`, with its file `name`.
pub(super) fn install(
    models: &Path,
    id: &str,
    name: &str,
    contents: &[u8],
    context_tokens: u32,
) -> anyhow::Result<ModelDir> {
    std::fs::create_dir(models.join(id))?;
    std::fs::write(models.join(id).join(name), contents)?;
    let file =
        ModelFile { name: name.into(), sha256: hex::encode(Sha256::digest(contents)), bytes: contents.len() as u64 };
    let manifest = Manifest::new(id, ModelKind::Chat, "llama", vec![file], context_tokens)?;
    std::fs::write(models.join(id).join(MANIFEST_FILE), manifest.to_json())?;
    Ok(ModelDir::open(models, id)?)
}
