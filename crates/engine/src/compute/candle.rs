//! Arithmetic with candle's tensors: on NVIDIA GPUs, and on the processor in tests, so that what the GPU is asked to do
//! is covered where there is none.
//!
//! Unlike on our own kernels the last bits of a row may depend on the rows beside it: candle and cuBLAS choose other
//! kernels for other sizes.

mod attention;
mod weights;

use candle_core::{DType, Device, Module, Tensor};
use parking_lot::Mutex;

use crate::{
    compute::{
        candle::{attention::KvTensors, weights::CandleMatrix},
        Compute, ComputeError, KvShape, Prepare, Rope, RopePairs, Span, BLOCK_TOKENS,
    },
    error::LoadError,
    weights::Stored,
};

/// Version of candle; its kernels, and so the last bits of results, may change with it.
const CANDLE: &str = "candle-0.11.1";
/// Memory of a GPU that is left for activations, candle's workspaces and attention scores.
#[cfg(feature = "cuda")]
const WORKSPACE_BYTES: u64 = 1 << 30;

/// One device of candle's.
pub(crate) struct CandleCompute {
    device: Device,
    /// Turns of the step under way, which all layers share.
    turns: Mutex<Option<Turns>>,
}

/// Cosines and sines for a step's positions, each (tokens, 1, pairs).
#[derive(Clone)]
struct Turns {
    positions: Vec<u32>,
    frequencies: Vec<f32>,
    cosines: Tensor,
    sines: Tensor,
}

impl CandleCompute {
    pub(crate) fn new(device: Device) -> Self {
        Self { device, turns: Mutex::new(None) }
    }

    fn turns(&self, frequencies: &[f32], positions: &[u32]) -> candle_core::Result<Turns> {
        let mut last = self.turns.lock();
        if let Some(turns) = last.as_ref().filter(|last| last.positions == positions && last.frequencies == frequencies)
        {
            return Ok(turns.clone());
        }
        let angles: Vec<f64> = positions
            .iter()
            .flat_map(|position| frequencies.iter().map(|frequency| f64::from(*position) * f64::from(*frequency)))
            .collect();
        let shape = (positions.len(), 1, frequencies.len());
        let tensor = |turn: fn(f64) -> f64| {
            let values: Vec<f32> = angles.iter().map(|angle| turn(*angle) as f32).collect();
            Tensor::from_vec(values, shape, &self.device)
        };
        let turns = Turns {
            positions: positions.to_vec(),
            frequencies: frequencies.to_vec(),
            cosines: tensor(f64::cos)?,
            sines: tensor(f64::sin)?,
        };
        Ok(last.insert(turns).clone())
    }

    #[cfg(feature = "cuda")]
    fn gpu(&self) -> Option<std::sync::Arc<candle_core::cuda_backend::cudarc::driver::CudaContext>> {
        match &self.device {
            Device::Cuda(cuda) => Some(cuda.cuda_stream().context().clone()),
            _ => None,
        }
    }

    /// Instruction set and device.
    fn unit(&self) -> String {
        #[cfg(feature = "cuda")]
        if let Some(gpu) = self.gpu() {
            let set = gpu.compute_capability().map(|(major, minor)| format!("sm_{major}{minor}"));
            return format!("{}/cuda", set.as_deref().unwrap_or("sm_unknown"));
        }
        format!("{}/cpu", std::env::consts::ARCH)
    }
}

impl From<candle_core::Error> for ComputeError {
    fn from(error: candle_core::Error) -> Self {
        Self(error.to_string())
    }
}

impl Prepare for CandleCompute {
    type Matrix = CandleMatrix;
    type Vector = Tensor;

    fn matrix(&self, stored: Stored<'_>) -> Result<CandleMatrix, LoadError> {
        CandleMatrix::new(stored, &self.device).map_err(|error| weights::refused(&stored, &error))
    }

    fn vector(&self, stored: Stored<'_>) -> Result<Tensor, LoadError> {
        weights::dense(stored, &self.device)
            .and_then(|matrix| matrix.flatten_all())
            .map_err(|error| weights::refused(&stored, &error))
    }
}

impl Compute for CandleCompute {
    type Rows = Tensor;
    type Kv = KvTensors;

    fn class(&self) -> String {
        format!("{CANDLE}/{}", self.unit())
    }

    #[cfg(feature = "cuda")]
    fn memory_left(&self) -> Result<Option<u64>, LoadError> {
        let Some(gpu) = self.gpu() else { return Ok(None) };
        let failed = |error| LoadError::Device(format!("the CUDA driver reports: {error:?}"));
        let (free, _) = gpu.mem_get_info().map_err(failed)?;
        Ok(Some((free as u64).saturating_sub(WORKSPACE_BYTES)))
    }

    fn kv(&self, shape: KvShape, blocks: usize) -> Result<KvTensors, LoadError> {
        KvTensors::new(shape, blocks, &self.device)
            .map_err(|error| LoadError::Device(format!("no memory for {blocks} blocks of keys and values: {error}")))
    }

    fn kv_block_bytes(&self, shape: KvShape) -> u64 {
        let numbers = [2, BLOCK_TOKENS, shape.layers, shape.kv_heads, shape.head_len];
        numbers.into_iter().fold(KvTensors::DTYPE.size_in_bytes() as u64, |bytes, n| bytes.saturating_mul(n as u64))
    }

    fn lookup(&self, table: &CandleMatrix, ids: &[u32]) -> Result<Tensor, ComputeError> {
        // candle's GPU kernel does not look.
        if let Some(id) = ids.iter().find(|id| **id as usize >= table.rows) {
            return Err(ComputeError(format!("row {id} of {}", table.rows)));
        }
        Ok(table.weights.embedding(&Tensor::new(ids, &self.device)?)?)
    }

    fn matmul<const N: usize>(
        &self,
        x: &Tensor,
        weights: [(&CandleMatrix, Option<&Tensor>); N],
    ) -> Result<[Tensor; N], ComputeError> {
        let products: Vec<Tensor> = weights
            .iter()
            .map(|(matrix, bias)| {
                let product = matrix.weights.forward(x)?;
                match bias {
                    Some(bias) => product.broadcast_add(bias),
                    None => Ok(product),
                }
            })
            .collect::<candle_core::Result<_>>()?;
        products.try_into().map_err(|_| ComputeError("a product is missing".into()))
    }

    fn rms_norm(&self, x: &Tensor, weight: &Tensor, epsilon: f32) -> Result<Tensor, ComputeError> {
        let runs = x.reshape(((), weight.dims1()?))?;
        Ok(candle_nn::ops::rms_norm(&runs, weight, epsilon)?.reshape(x.shape())?)
    }

    fn layer_norm(&self, x: &Tensor, weight: &Tensor, bias: &Tensor, epsilon: f32) -> Result<Tensor, ComputeError> {
        Ok(candle_nn::ops::layer_norm(x, weight, bias, epsilon)?)
    }

    fn rotate(&self, x: &mut Tensor, rope: &Rope, positions: &[u32]) -> Result<(), ComputeError> {
        let Turns { cosines, sines, .. } = self.turns(&rope.frequencies, positions)?;
        // candle turns (texts, heads, tokens, numbers); each row is a text of one token here.
        let heads = x.reshape((positions.len(), (), 1, 2 * rope.frequencies.len()))?;
        let turned = match rope.pairs {
            RopePairs::Neighbours => candle_nn::rotary_emb::rope_i(&heads, &cosines, &sines),
            RopePairs::Halves => candle_nn::rotary_emb::rope(&heads, &cosines, &sines),
        };
        *x = turned?.reshape(x.shape())?;
        Ok(())
    }

    fn attend(
        &self,
        kv: &mut KvTensors,
        layer: usize,
        queries: &Tensor,
        keys: &Tensor,
        values: &Tensor,
        spans: &[Span<'_>],
    ) -> Result<Tensor, ComputeError> {
        Ok(kv.attend(layer, queries, keys, values, spans)?)
    }

    fn attend_whole(
        &self,
        queries: &Tensor,
        keys: &Tensor,
        values: &Tensor,
        heads: usize,
        lengths: &[usize],
    ) -> Result<Tensor, ComputeError> {
        Ok(attention::attend_whole(queries, keys, values, heads, lengths)?)
    }

    fn silu_mul(&self, gate: Tensor, up: &Tensor) -> Result<Tensor, ComputeError> {
        Ok((gate.silu()? * up)?)
    }

    fn gelu(&self, x: Tensor) -> Result<Tensor, ComputeError> {
        Ok(x.gelu_erf()?)
    }

    fn add(&self, x: &mut Tensor, y: &Tensor) -> Result<(), ComputeError> {
        *x = (&*x + y)?;
        Ok(())
    }

    fn select(&self, x: &Tensor, rows: &[usize]) -> Result<Tensor, ComputeError> {
        let rows: Vec<u32> = rows.iter().map(|row| u32::try_from(*row).unwrap_or(u32::MAX)).collect();
        Ok(x.index_select(&Tensor::new(rows.as_slice(), &self.device)?, 0)?)
    }

    fn to_vec(&self, x: &Tensor) -> Result<Vec<f32>, ComputeError> {
        Ok(x.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?)
    }
}
