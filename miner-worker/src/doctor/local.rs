//! What can be checked on this machine alone: key, device, models.

use std::path::Path;

use cuckoo_chain_client::{account_of, operator_key, KeyFileError, Keypair};
use cuckoo_engine::{chosen_gpu, DeviceChoice, Engine, LoadError, LocalEngine, ModelDir};

use super::check::Check;
use crate::{
    cli::{KeptArgs, ModelArgs, OpenAiArgs},
    engine::model_dirs,
    error::Error,
    models::{verify, Catalogue, ModelsError},
    openai,
};

/// What a token takes of the disk, about: 64 candidates of 8 bytes, sometimes a projection, and what is around them.
const BYTES_PER_TOKEN: u64 = 600;

/// The operator's key.
pub(super) fn key(file: &Path) -> Result<Keypair, KeyFileError> {
    operator_key(file)
}

/// Whether the key can be used.
pub(super) fn key_check(file: &Path, key: &Result<Keypair, KeyFileError>) -> Check {
    const NAME: &str = "key";
    match key {
        Ok(key) => Check::well(NAME, format!("operator {} in {}", account_of(key), file.display())),
        // These say themselves how to mend them.
        Err(error) => Check::failed(NAME, error, ""),
    }
}

/// Whether there is something to compute on.
pub(super) fn device(choice: DeviceChoice) -> Check {
    const NAME: &str = "device";
    match chosen_gpu(choice) {
        Ok(None) => {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            Check::well(NAME, format!("cpu with {cores} cores"))
        }
        Ok(Some(device)) => {
            let (major, minor) = device.compute_capability;
            let gib = device.memory_bytes >> 30;
            Check::well(NAME, format!("{choice}: {}, {gib} GiB, compute capability {major}.{minor}", device.name))
        }
        Err(error @ LoadError::Device(_)) => {
            Check::failed(NAME, error, "install the NVIDIA driver and CUDA 13, or choose --device cpu")
        }
        // These say themselves how to mend them.
        Err(error) => Check::failed(NAME, error, ""),
    }
}

/// Whether the models are there and intact, one check each.
pub(super) async fn models(args: &ModelArgs, openai: &OpenAiArgs) -> Vec<Check> {
    const NAME: &str = "model";
    let dirs = match model_dirs(args, openai) {
        Ok(dirs) => dirs,
        Err(error @ Error::ModelDir(_)) => return vec![Check::failed(NAME, error, "")],
        // It says so itself.
        Err(error @ Error::NoModels(_)) => return vec![Check::failed(NAME, error, "")],
        Err(error) => return vec![Check::failed(NAME, error, "name the folder of models with --models-dir")],
    };
    let checking = tokio::task::spawn_blocking(move || dirs.iter().map(model).collect());
    checking.await.unwrap_or_else(|error| vec![Check::failed(NAME, error, "")])
}

/// Whether the local server has the models that are offered; nothing if there is none.
pub(super) async fn server(args: &OpenAiArgs) -> Option<Check> {
    const NAME: &str = "server";
    match openai::connect(args).await {
        Ok(None) => None,
        Ok(Some(engine)) => {
            let ids: Vec<String> = engine.models().into_iter().map(|model| model.id).collect();
            Some(Check::well(NAME, format!("{} has {}", args.url.as_deref().unwrap_or_default(), ids.join(", "))))
        }
        Err(error) => Some(Check::failed(NAME, error, "start the server, or mend what the --openai options say of it")),
    }
}

/// What is kept of answers, and for how many that is enough.
pub(super) fn kept(args: &KeptArgs) -> Check {
    let tokens = (args.kept_mib << 20) / BYTES_PER_TOKEN;
    let what = format!(
        "how tokens were drawn takes up to {} MiB of the disk of --data-dir (--kept-mib): {} million tokens in two hours, \
         {} a second",
        args.kept_mib,
        tokens / 1_000_000,
        tokens / 7_200
    );
    Check::well("kept", what)
}

fn model(dir: &ModelDir) -> Check {
    const NAME: &str = "model";
    let id = dir.manifest().id();
    match verify(dir) {
        Ok(()) => match LocalEngine::check(dir) {
            Ok(()) => Check::well(NAME, format!("{id} is intact, and the engine knows its kind")),
            Err(error) => Check::failed(
                NAME,
                format!("{id} is intact, but the engine cannot load it: {error}"),
                format!("leave it out (--model names the others), or move {} away", dir.path().display()),
            ),
        },
        Err(error @ ModelsError::Io { .. }) => Check::failed(NAME, error, ""),
        Err(error) => Check::failed(NAME, format!("{id}: {error}"), again(dir)),
    }
}

/// How a model that is damaged comes back.
fn again(dir: &ModelDir) -> String {
    let id = dir.manifest().id();
    match Catalogue::built_in().and_then(|catalogue| catalogue.model(id)) {
        Ok(_) => format!("`miner-worker models pull {id}` fetches it again"),
        Err(_) => format!(
            "delete {} and make the model again (`miner-worker models add FILE.gguf --id {id}`, or `models requantise`)",
            dir.path().display()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{add, fixture::gguf};
    use cuckoo_engine::{Manifest, ModelFile, ModelKind, MANIFEST_FILE};
    use sha2::{Digest, Sha256};

    #[test]
    fn a_missing_key_is_made_with_keys_new() {
        let file = Path::new("/nowhere/operator.key");
        let check = key_check(file, &key(file));
        assert!(!check.is_well());
        assert!(check.to_string().contains("keys new --out /nowhere/operator.key"), "{check}");
    }

    #[test]
    fn an_exposed_key_is_mended_with_chmod() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("operator.key");
        std::fs::write(&file, "//Alice\n").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        let text = key_check(&file, &key(&file)).to_string();
        assert!(text.contains("chmod 600"), "{text}");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(key_check(&file, &key(&file)).is_well());
    }

    #[test]
    fn what_is_kept_is_counted_in_tokens() {
        let text = kept(&KeptArgs { kept_mib: 8192 }).to_string();
        assert!(
            text.contains("8192 MiB") && text.contains("14 million tokens") && text.contains("1988 a second"),
            "{text}"
        );
    }

    #[test]
    fn the_cpu_is_always_there() {
        assert!(device(DeviceChoice::Cpu).is_well());
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_build_without_cuda_says_how_to_get_one_with_it() {
        let check = device(DeviceChoice::Cuda(0));
        let text = check.to_string();
        assert!(!check.is_well() && text.contains("--features cuda") && text.contains("CUDA_HOME"), "{text}");
        assert!(!text.contains("driver"), "the driver is not to blame: {text}");
    }

    #[tokio::test]
    async fn missing_models_are_pulled() {
        let args = ModelArgs { models_dir: Some("/nowhere".into()), models: vec![] };
        let checks =
            models(&args, &OpenAiArgs { url: None, key_file: None, key_in_clear: false, models: vec![] }).await;
        assert!(checks.iter().all(|check| !check.is_well()));
        assert!(checks[0].to_string().contains("models pull"), "{}", checks[0]);
    }

    #[test]
    fn a_model_of_ones_own_is_added_again_and_one_that_cannot_be_loaded_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("mine.gguf");
        std::fs::write(&file, gguf("mine", "llama")).unwrap();
        let (mine, _) = add(&dir.path().join("models"), &file, None).unwrap();
        assert!(model(&mine).is_well());

        let strange = gguf("mine", "gemma");
        std::fs::write(mine.path().join("mine.gguf"), &strange).unwrap();
        let text = model(&mine).to_string();
        assert!(text.contains("models add FILE.gguf --id mine"), "{text}");

        let sha256 = hex::encode(Sha256::digest(&strange));
        let files = vec![ModelFile { name: "mine.gguf".into(), sha256, bytes: strange.len() as u64 }];
        let manifest = Manifest::new("mine", ModelKind::Chat, "llama", files, 512).unwrap();
        std::fs::write(mine.path().join(MANIFEST_FILE), manifest.to_json()).unwrap();
        let text = model(&ModelDir::open(&dir.path().join("models"), "mine").unwrap()).to_string();
        assert!(text.contains("gemma") && text.contains("--model"), "{text}");
    }
}
