//! Why a model could not be loaded.

use std::{io, path::PathBuf};

use crate::model_dir::ModelDirError;

/// Why an engine could not be built.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The model's folder is not as its manifest says.
    #[error(transparent)]
    ModelDir(#[from] ModelDirError),
    /// No code for this architecture.
    #[error("model {model}: architecture {architecture:?} is not supported; supported are llama, qwen2, qwen3 (chat) and bert (embedding)")]
    Architecture {
        /// The model.
        model: String,
        /// What its manifest or file names.
        architecture: String,
    },
    /// A file that the architecture needs is not in the manifest.
    #[error("model {model}: the manifest lists no file {wanted}")]
    MissingFile {
        /// The model.
        model: String,
        /// The file, or how its name ends.
        wanted: &'static str,
    },
    /// The model's file is not what the code expects.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Two models with one id.
    #[error("model {0} is named twice")]
    Duplicate(String),
    /// The device cannot be used.
    #[error("{0}")]
    Device(String),
    /// This program was built for processors only.
    #[error(
        "this build has no CUDA: choose the device cpu, or build one with CUDA 13's toolkit, whose folder CUDA_HOME names: \
         `cargo build --release -p miner-worker --features cuda` (where no GPU can be asked, CUDA_COMPUTE_CAP names the \
         compute capability, such as 80)"
    )]
    WithoutCuda,
    /// There are fewer GPUs.
    #[error("cuda:{ordinal} does not exist, there are {count} GPUs; choose another device, numbers begin at 0")]
    NoSuchGpu {
        /// What was asked for.
        ordinal: usize,
        /// How many there are.
        count: usize,
    },
    /// The server that runs models cannot be used.
    #[error("the server {url}: {reason}")]
    Server {
        /// Which.
        url: String,
        /// Why.
        reason: String,
    },
    /// Not even one block of keys and values finds room.
    #[error("{bytes} bytes for keys and values are too few, {block_bytes} are needed for a block of them; allow more, or free memory of the GPU")]
    KvMemory {
        /// What is allowed and free.
        bytes: u64,
        /// What the smallest piece takes.
        block_bytes: u64,
    },
    /// The operating system refused a thread.
    #[error("cannot start an engine thread: {0}")]
    Thread(#[source] io::Error),
}
