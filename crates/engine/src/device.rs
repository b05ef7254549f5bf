//! Where models are computed, and the name of the arithmetic that results.

use std::{fmt, str::FromStr};

use candle_core::Device;

use crate::{error::LoadError, weights::StoredType};

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

/// Names the arithmetic: results can be compared bit by bit only within one class. `compute` names kernels, instruction
/// set and device, `main_type` is how most weights are stored.
pub(crate) fn numeric_class(compute: &str, main_type: StoredType) -> String {
    format!("{}/{compute}/{}", env!("CARGO_PKG_VERSION"), main_type.name())
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
    fn the_class_names_build_arithmetic_and_weights() {
        let class = numeric_class("kernels/set/cpu", StoredType::Q4_1);
        assert_eq!(class, concat!(env!("CARGO_PKG_VERSION"), "/kernels/set/cpu/q4_1"));
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
