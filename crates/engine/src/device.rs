//! Where models are computed, and the name of the arithmetic that results.

use std::{fmt, num::NonZeroUsize, str::FromStr};

use candle_core::{quantized::GgmlDType, Device};

use crate::error::LoadError;

/// Version of candle; its kernels, and so the last bits of results, may change with it.
const CANDLE: &str = "candle-0.11.1";

/// Where to compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The processor.
    #[default]
    Cpu,
    /// The NVIDIA GPU of this number; see [`cuda_devices`].
    Cuda(usize),
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(ordinal) => write!(f, "cuda:{ordinal}"),
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "cpu" => Ok(Self::Cpu),
            None if text == "cuda" => Ok(Self::Cuda(0)),
            Some(("cuda", ordinal)) => {
                ordinal.parse().map(Self::Cuda).map_err(|_| format!("{ordinal:?} is no number of a GPU"))
            }
            _ => Err(format!("device {text:?} is unknown: use cpu, cuda or cuda:<number>")),
        }
    }
}

/// An NVIDIA GPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CudaDevice {
    /// Its number, for [`DeviceChoice::Cuda`].
    pub ordinal: usize,
    /// As the driver names it.
    pub name: String,
    /// Its memory.
    pub memory_bytes: u64,
    /// Compute capability, major and minor.
    pub compute_capability: (u32, u32),
}

/// The GPUs of this machine.
#[cfg(feature = "cuda")]
pub fn cuda_devices() -> Result<Vec<CudaDevice>, LoadError> {
    use candle_core::cuda_backend::cudarc::driver::CudaContext;
    let failed = |error| LoadError::Device(format!("the CUDA driver reports: {error:?}"));
    let count = CudaContext::device_count().map_err(failed)?;
    (0..usize::try_from(count).unwrap_or(0))
        .map(|ordinal| {
            let context = CudaContext::new(ordinal).map_err(failed)?;
            let (major, minor) = context.compute_capability().map_err(failed)?;
            Ok(CudaDevice {
                ordinal,
                name: context.name().map_err(failed)?,
                memory_bytes: context.total_mem().map_err(failed)? as u64,
                compute_capability: (major.unsigned_abs(), minor.unsigned_abs()),
            })
        })
        .collect()
}

/// The GPUs of this machine: always an error, since this build has no CUDA.
#[cfg(not(feature = "cuda"))]
pub fn cuda_devices() -> Result<Vec<CudaDevice>, LoadError> {
    Err(LoadError::WithoutCuda)
}

/// The GPU that was chosen, none if it is the processor. Loads nothing: it can be asked before anything else is done.
///
/// # Errors
/// If this build or this machine does not have the device.
pub fn chosen_gpu(choice: DeviceChoice) -> Result<Option<CudaDevice>, LoadError> {
    let DeviceChoice::Cuda(ordinal) = choice else { return Ok(None) };
    let devices = cuda_devices()?;
    let count = devices.len();
    let found = devices.into_iter().find(|device| device.ordinal == ordinal);
    found.map(Some).ok_or(LoadError::NoSuchGpu { ordinal, count })
}

/// Opens the device.
pub(crate) fn open(choice: DeviceChoice) -> Result<Device, LoadError> {
    match choice {
        DeviceChoice::Cpu => Ok(Device::Cpu),
        #[cfg(feature = "cuda")]
        DeviceChoice::Cuda(ordinal) => Device::new_cuda(ordinal).map_err(|error| {
            LoadError::Device(format!("GPU {ordinal} cannot be used: {error}; `miner-worker doctor` lists the GPUs"))
        }),
        #[cfg(not(feature = "cuda"))]
        DeviceChoice::Cuda(_) => Err(LoadError::WithoutCuda),
    }
}

/// Has candle use this many threads. It reads the number from the environment when it first computes and never again,
/// so this has an effect before the first model is loaded only.
pub(crate) fn use_threads(threads: NonZeroUsize) {
    let threads = threads.to_string();
    for variable in ["RAYON_NUM_THREADS", "CANDLE_NUM_THREADS"] {
        if std::env::var(variable).as_deref() != Ok(threads.as_str()) {
            std::env::set_var(variable, &threads);
        }
    }
}

/// Names the arithmetic: results can be compared bit by bit only within one class. `matrices` are the types, rows and
/// columns of the model's weights as they are stored; `unpacked` tells whether `f32` is what they are computed in.
pub(crate) fn numeric_class(
    device: &Device,
    matrices: impl Iterator<Item = (GgmlDType, usize, usize)>,
    unpacked: bool,
) -> Result<String, LoadError> {
    let matrices: Vec<_> = matrices.collect();
    let unit = match device {
        Device::Cpu if unpacked => format!("cpu/{}", instruction_set(&[])),
        Device::Cpu => format!("cpu/{}", instruction_set(&matrices)),
        _ => gpu_class(device)?,
    };
    let computed_in = if unpacked { "-f32" } else { "" };
    Ok(format!("{CANDLE}/{unit}/{}{computed_in}", main_type(&matrices)))
}

/// The type of most weights, counted by elements.
fn main_type(matrices: &[(GgmlDType, usize, usize)]) -> String {
    let mut totals: Vec<(String, usize)> = Vec::new();
    for (dtype, rows, columns) in matrices {
        let name = format!("{dtype:?}").to_lowercase();
        let elements = rows * columns;
        match totals.iter_mut().find(|(known, _)| *known == type_name(&name)) {
            Some((_, total)) => *total += elements,
            None => totals.push((type_name(&name), elements)),
        }
    }
    totals.into_iter().max_by_key(|(_, total)| *total).map_or_else(|| "f32".to_owned(), |(name, _)| name)
}

/// GGUF's spelling: `q41` becomes `q4_1`, `q4k` becomes `q4_k`.
fn type_name(name: &str) -> String {
    match name.strip_prefix('q').and_then(|rest| rest.split_at_checked(1)) {
        Some((bits, kind)) if !kind.is_empty() && !kind.starts_with('_') => format!("q{bits}_{kind}"),
        _ => name.to_owned(),
    }
}

/// What candle's kernels are compiled for and, where it chooses when it runs, what it chooses.
fn instruction_set(matrices: &[(GgmlDType, usize, usize)]) -> String {
    #[cfg(target_arch = "x86_64")]
    {
        let compiled = if cfg!(target_feature = "avx2") { "avx2" } else { "sse2" };
        // candle repacks such matrices for the widest dot product that the processor has.
        let repacked = matrices.iter().any(|(dtype, rows, columns)| {
            matches!(dtype, GgmlDType::Q4K | GgmlDType::Q6K | GgmlDType::Q8_0)
                && rows.is_multiple_of(16)
                && columns.is_multiple_of(256)
        });
        let chosen = match repacked {
            true if std::is_x86_feature_detected!("avx512f") && std::is_x86_feature_detected!("avx512vnni") => {
                "+avx512vnni"
            }
            true if std::is_x86_feature_detected!("avxvnni") => "+avxvnni",
            _ => "",
        };
        format!("{compiled}{chosen}")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = matrices;
        std::env::consts::ARCH.to_owned()
    }
}

#[cfg(feature = "cuda")]
fn gpu_class(device: &Device) -> Result<String, LoadError> {
    let failed = |error: String| LoadError::Device(format!("the GPU does not say what it is: {error}"));
    let cuda = device.as_cuda_device().map_err(|error| failed(error.to_string()))?;
    let stream = cuda.cuda_stream();
    let (major, minor) = stream.context().compute_capability().map_err(|error| failed(format!("{error:?}")))?;
    Ok(format!("cuda/sm_{major}{minor}"))
}

#[cfg(not(feature = "cuda"))]
fn gpu_class(_: &Device) -> Result<String, LoadError> {
    Err(LoadError::WithoutCuda)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_survive_a_round_trip() {
        for choice in [DeviceChoice::Cpu, DeviceChoice::Cuda(0), DeviceChoice::Cuda(3)] {
            assert_eq!(choice.to_string().parse(), Ok(choice));
        }
        assert_eq!("cuda".parse(), Ok(DeviceChoice::Cuda(0)));
        for bad in ["", "gpu", "cuda:", "cuda:x", "metal:0"] {
            assert!(bad.parse::<DeviceChoice>().is_err());
        }
    }

    #[test]
    fn the_class_names_the_type_of_most_weights() {
        let matrices = [(GgmlDType::F32, 10, 10), (GgmlDType::Q4_1, 576, 576), (GgmlDType::Q8_0, 100, 576)];
        let class = |unpacked| numeric_class(&Device::Cpu, matrices.into_iter(), unpacked).unwrap();
        assert!(class(false).starts_with("candle-0.11.1/cpu/") && class(false).ends_with("/q4_1"), "{}", class(false));
        assert!(class(true).ends_with("/q4_1-f32"), "{}", class(true));
        let k_quants = [(GgmlDType::Q4K, 256, 256)];
        assert!(numeric_class(&Device::Cpu, k_quants.into_iter(), false).unwrap().ends_with("/q4_k"));
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_gpu_is_refused_by_a_build_without_cuda() {
        assert!(open(DeviceChoice::Cuda(0)).unwrap_err().to_string().contains("--features cuda"));
        assert!(cuda_devices().is_err());
        assert!(matches!(chosen_gpu(DeviceChoice::Cuda(0)), Err(LoadError::WithoutCuda)));
        assert!(chosen_gpu(DeviceChoice::Cpu).unwrap().is_none());
    }
}
