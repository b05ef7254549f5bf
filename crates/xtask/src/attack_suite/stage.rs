//! Where cheats and honest miners play: the models, two engines, and what is asked.

use std::{num::NonZeroUsize, path::Path};

use anyhow::Context;
use cuckoo_audit::threshold::{Bounds, Calibration};
use cuckoo_engine::{
    requantise_to_q8_0, ChatMessage, EngineOptions, GenerateRequest, LocalEngine, ModelDir, Prompt, Sampling,
};
use cuckoo_primitives::Hash;
use cuckoo_sampler::{Parameters, ONE};
use tempfile::TempDir;

use super::{
    checkpoint::{install, stored_as, Checkpoint},
    gguf::{Gguf, Kind},
    honest,
    player::Player,
    prompts::{QUESTIONS, SYSTEM},
    tiny,
};

/// Tokens of context that models are given here.
pub(super) const CONTEXT_TOKENS: u32 = 1_024;
/// Attempts that miner and auditor have under way at once.
const AT_ONCE: usize = 4;
/// Requests that may wait for an engine: far more than there are at once.
const WAITING: usize = 1_024;

/// How an engine computes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Computing {
    pub(super) threads: usize,
    /// Texts that it computes at once.
    pub(super) at_once: usize,
    /// Whether it uses AVX-512 where the processor has it.
    pub(super) avx512: bool,
}

impl Computing {
    /// With all that the processor has.
    pub(super) const fn new(threads: usize, at_once: usize) -> Self {
        Self { threads, at_once, avx512: true }
    }

    fn options(self) -> anyhow::Result<EngineOptions> {
        Ok(EngineOptions {
            threads: NonZeroUsize::new(self.threads),
            avx512: self.avx512,
            max_running: NonZeroUsize::new(self.at_once).context("at least one text")?,
            kv_memory_mib: 512,
            max_waiting: WAITING,
            ..EngineOptions::default()
        })
    }
}

/// How much is played.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope {
    /// Most tokens of an attempt.
    pub(super) tokens: u32,
    /// Honest tokens by which attempts are judged.
    pub(super) honest_tokens: u64,
    /// Whether the auditor computes the same weights in 32 bits, and so in another class.
    pub(super) is_cross_class: bool,
    /// Whether attempts are judged as if nothing had been measured.
    pub(super) is_coarse: bool,
}

/// The models, the miner's engine with all of them, and the auditor's with the promised one.
pub(super) struct Stage {
    pub(super) miner: Player,
    pub(super) auditor: Player,
    /// The tokens that end texts.
    pub(super) end: u32,
    /// sha256 over the promised model's files.
    pub(super) model_root: Hash,
    /// The auditor's numeric class.
    pub(super) class: String,
    /// Tokens of an attempt.
    pub(super) tokens: u32,
    /// Attempts that the miner makes at once.
    pub(super) at_once: usize,
    /// What honest attempts show: measured here, before the first attack.
    pub(super) calibration: Calibration,
    /// By what attempts are judged; `None` as long as nothing is measured, or if nothing is to be.
    pub(super) measured: Option<Bounds>,
    /// Attempts by which it was measured that did not pass, and all of them.
    pub(super) calibrated_on: honest::Count,
    _models: Option<TempDir>,
}

impl Stage {
    /// With a small random model.
    pub(super) async fn tiny(scope: Scope) -> anyhow::Result<Self> {
        Self::of(&tiny::model(1), tiny::END, scope).await
    }

    /// With eight-bit copies of the chat model `id` of the folder `models`.
    pub(super) async fn real(models: &Path, id: &str, scope: Scope) -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let copy = folder.path().join("eight-bits.gguf");
        requantise_to_q8_0(&gguf_file(models, id)?, &copy, &mut |_| ())?;
        let promised = Gguf::parse(&std::fs::read(copy)?)?;
        let end = promised.number("tokenizer.ggml.eos_token_id").context("the file names no end of text")?;
        Self::of(&promised, end, scope).await
    }

    async fn of(promised: &Gguf, end: u32, scope: Scope) -> anyhow::Result<Self> {
        let models = TempDir::new()?;
        let mut folders = Vec::new();
        for checkpoint in Checkpoint::ALL {
            let contents = checkpoint.of(promised)?.to_bytes();
            folders.push(install(models.path(), checkpoint.id(), "model.gguf", &contents, CONTEXT_TOKENS)?);
        }
        let checked = match scope.is_cross_class {
            true => {
                let home = models.path().join("auditor");
                std::fs::create_dir(&home)?;
                let contents = stored_as(promised, Kind::F32)?.to_bytes();
                install(&home, Checkpoint::Promised.id(), "model.gguf", &contents, CONTEXT_TOKENS)?
            }
            false => folders.first().context("there are checkpoints")?.clone(),
        };
        // One thread against two, and neighbours against none: honest differences would show.
        let mut stage = Self::play(
            &folders,
            Computing::new(1, AT_ONCE),
            (&checked, Computing::new(2, AT_ONCE)),
            (end, scope.tokens),
        )?;
        stage._models = Some(models);
        let measured = honest::measure(&stage, scope.honest_tokens).await?;
        (stage.calibration, stage.calibrated_on) = (measured.calibration(), measured.count);
        stage.measured = (!scope.is_coarse).then(|| stage.calibration.bounds());
        Ok(stage)
    }

    /// For honest attempts only, with the promised model in the folder `model`. The auditor reads as many texts at once as it
    /// does elsewhere.
    pub(super) fn honest(
        model: &ModelDir,
        miner: Computing,
        auditor_threads: usize,
        tokens: u32,
    ) -> anyhow::Result<Self> {
        // Nobody makes a text end here.
        Self::play(std::slice::from_ref(model), miner, (model, Computing::new(auditor_threads, AT_ONCE)), (0, tokens))
    }

    /// Loads the engines: the miner's with `folders`, the auditor's with `checked`.
    fn play(
        folders: &[ModelDir],
        miner: Computing,
        (checked, auditor): (&ModelDir, Computing),
        (end, tokens): (u32, u32),
    ) -> anyhow::Result<Self> {
        let at_once = miner.at_once;
        let miner = Player::new(LocalEngine::load(folders, &miner.options()?)?);
        let auditor = Player::new(LocalEngine::load(std::slice::from_ref(checked), &auditor.options()?)?);
        let info = auditor.engine().models().into_iter().next().context("the auditor has its model")?;
        Ok(Self {
            miner,
            auditor,
            end,
            model_root: Hash::from(info.model_root),
            class: info.numeric_class,
            tokens,
            at_once,
            calibration: Calibration::of(&[], 0),
            measured: None,
            calibrated_on: honest::Count::default(),
            _models: None,
        })
    }

    /// By what attempts are judged.
    pub(super) fn bounds(&self) -> Bounds {
        self.measured.unwrap_or(Bounds::COARSE)
    }

    /// What is asked in the attempt of this number: a question, at a temperature of 1 unless every token is the likeliest.
    pub(super) fn request(&self, number: u64) -> GenerateRequest {
        let mut sampling = Sampling {
            max_tokens: Some(self.tokens),
            draw: Parameters { temperature: ONE, top_k: 64, top_p: ONE },
            ..Sampling::default()
        };
        sampling.seed[..8].copy_from_slice(&number.to_le_bytes());
        let question = QUESTIONS[number as usize % QUESTIONS.len()];
        let prompt = Prompt::Chat(vec![message("system", SYSTEM), message("user", question)]);
        GenerateRequest::new(Checkpoint::Promised.id(), prompt, sampling)
    }
}

/// A message of a chat.
pub(super) fn message(role: &str, content: &str) -> ChatMessage {
    ChatMessage { role: role.into(), content: content.into() }
}

/// The one GGUF file of a chat model.
pub(super) fn gguf_file(models: &Path, id: &str) -> anyhow::Result<std::path::PathBuf> {
    let dir = ModelDir::open(models, id)?;
    let file = dir.manifest().files().first().context("a model has a file")?;
    Ok(dir.file_path(file))
}
