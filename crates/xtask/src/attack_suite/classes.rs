//! Honest tokens for each class that this machine has: eight, four and thirty-two bits; one thread and two; one text, four
//! and sixteen at once; with AVX-512, where the processor has it, and without.

use std::{path::Path, time::Instant};

use cuckoo_audit::threshold::{Book, Pair};
use serde_json::json;

use super::{
    checkpoint::{install, stored_as, Checkpoint},
    gguf::{Gguf, Kind},
    honest::{measure, Measured},
    models_dir,
    stage::{gguf_file, Computing, Stage, CONTEXT_TOKENS},
    Args,
};

/// How the miner computes, and how many parts of the tokens it makes so.
const SETTINGS: [(Computing, u64); 6] = [
    (Computing::new(1, 1), 1),
    (Computing::new(2, 1), 1),
    (Computing::new(1, 4), 4),
    (Computing::new(2, 4), 4),
    (Computing::new(2, 16), 6),
    (Computing { avx512: false, ..Computing::new(2, 16) }, 4),
];
/// Threads of the auditor, which reads four texts at once.
const AUDITOR_THREADS: usize = 2;

/// Prints a line for each setting and each class, and writes the file of calibrations if one is wanted.
pub(super) async fn run(args: &Args, tokens: u64) -> anyhow::Result<()> {
    let models = models_dir(args)?;
    let folder = tempfile::TempDir::new()?;
    let mut pairs = Vec::new();
    let only = args.only.as_deref().unwrap_or_default();
    for bits in [Bits::Stored, Bits::Eight, Bits::ThirtyTwo].into_iter().filter(|bits| bits.name().contains(only)) {
        let home = folder.path().join(bits.name());
        std::fs::create_dir(&home)?;
        let model = bits.write(&gguf_file(&models, &args.model)?, &args.model, &home)?;
        let mut of_class = Measured::default();
        let parts: u64 = SETTINGS.iter().map(|(_, part)| part).sum();
        let mut identity = None;
        for (miner, part) in SETTINGS {
            let stage = Stage::honest(&model, miner, AUDITOR_THREADS, args.tokens)?;
            let began = Instant::now();
            let measured = measure(&stage, tokens * part / parts).await?;
            let seconds = began.elapsed().as_secs_f64();
            let Computing { threads, at_once, avx512 } = miner;
            let setting = json!({
                "threads": threads, "texts_at_once": at_once, "avx512": avx512, "seconds": seconds.round()
            });
            println!("{}", line(bits, &stage.class, &measured, setting));
            of_class.extend(measured);
            identity = Some((stage.class.clone(), hex::encode(stage.model_root)));
        }
        let Some((class, model_root)) = identity else { continue };
        println!("{}", line(bits, &class, &of_class, json!("all")));
        if bits == Bits::ThirtyTwo {
            // There is no such model for anybody to promise.
            continue;
        }
        pairs.push(Pair {
            miner_class: class.clone(),
            auditor_class: class,
            model_root,
            calibration: of_class.calibration(),
        });
        // What was measured is not lost if the rest is not.
        if let Some(file) = &args.calibrations {
            std::fs::write(file, Book::new(pairs.clone())?.to_toml()?)?;
        }
    }
    Ok(())
}

/// How the weights are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bits {
    /// As the model's own file has them.
    Stored,
    Eight,
    ThirtyTwo,
}

impl Bits {
    fn name(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Eight => "q8_0",
            Self::ThirtyTwo => "f32",
        }
    }

    /// Under the name that it has when miners serve it, since the model's root covers that too: the model's own, or that
    /// of `miner-worker models requantise`.
    fn write(self, source: &Path, id: &str, home: &Path) -> anyhow::Result<cuckoo_engine::ModelDir> {
        let copy = home.join("eight-bits.gguf");
        let eight_bits = || {
            cuckoo_engine::requantise_to_q8_0(source, &copy, &mut |_| ())?;
            anyhow::Ok(std::fs::read(&copy)?)
        };
        let contents = match self {
            Self::Stored => std::fs::read(source)?,
            Self::Eight => eight_bits()?,
            Self::ThirtyTwo => stored_as(&Gguf::parse(&eight_bits()?)?, Kind::F32)?.to_bytes(),
        };
        let name = match self {
            Self::Stored => source.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned(),
            Self::Eight | Self::ThirtyTwo => format!("{id}-{}.gguf", self.name()),
        };
        install(home, Checkpoint::Promised.id(), &name, &contents, CONTEXT_TOKENS)
    }
}

fn line(bits: Bits, class: &str, measured: &Measured, setting: serde_json::Value) -> serde_json::Value {
    let calibration = measured.calibration();
    let share = |part: u64| part as f64 / measured.tokens.max(1) as f64;
    json!({
        "honest": bits.name(),
        "class": class,
        "setting": setting,
        "tokens": measured.tokens,
        "attempts": measured.count.attempts,
        "failed": measured.count.failed,
        "agreeing": 1.0 - share(measured.disagreeing),
        "margin": calibration.margin,
        "logits": calibration.logits,
        "state": calibration.state,
        "deviating_stretches": [calibration.deviating, calibration.counted],
        "honest_rate_below": calibration.honest_rate(),
    })
}
