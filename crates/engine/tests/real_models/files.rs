use std::{fs, path::Path};

use cuckoo_engine::{DeviceChoice, EngineOptions, LoadError, LocalEngine, ModelDir, ModelDirError, MANIFEST_FILE};

use crate::load::{model_dir, CHAT, EMBEDDING};

/// A copy that may be spoilt.
fn copy(id: &str, to: &Path) -> ModelDir {
    let original = model_dir(id);
    fs::create_dir(to.join(id)).unwrap();
    for file in original.manifest().files() {
        fs::copy(original.file_path(file), to.join(id).join(&file.name)).unwrap();
    }
    fs::copy(original.path().join(MANIFEST_FILE), to.join(id).join(MANIFEST_FILE)).unwrap();
    ModelDir::open(to, id).unwrap()
}

#[test]
fn a_changed_weight_is_noticed_and_the_file_named() {
    let dir = tempfile::tempdir().unwrap();
    let model = copy(EMBEDDING, dir.path());
    let path = model.path().join("model.safetensors");
    let mut weights = fs::read(&path).unwrap();
    let last = weights.len() - 1;
    weights[last] ^= 1;
    fs::write(&path, weights).unwrap();
    let Err(error) = LocalEngine::load(&[model], &EngineOptions::default()) else { panic!("loaded changed weights") };
    assert!(matches!(error, LoadError::ModelDir(ModelDirError::Tampered { .. })), "{error}");
    assert!(error.to_string().contains("model.safetensors"), "{error}");
}

#[test]
fn a_model_cannot_be_loaded_twice_under_one_id() {
    let model = model_dir(EMBEDDING);
    let loaded = LocalEngine::load(&[model.clone(), model], &EngineOptions::default());
    assert!(matches!(loaded.err(), Some(LoadError::Duplicate(id)) if id == EMBEDDING));
}

#[test]
fn an_architecture_without_code_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = copy(EMBEDDING, dir.path()).path().join(MANIFEST_FILE);
    let manifest = fs::read_to_string(&path).unwrap().replace("\"bert\"", "\"clip\"");
    fs::write(&path, manifest).unwrap();
    let model = ModelDir::open(dir.path(), EMBEDDING).unwrap();
    let error = LocalEngine::load(&[model], &EngineOptions::default()).err().expect("refused");
    assert!(error.to_string().contains("clip"), "{error}");
}

#[cfg(not(feature = "cuda"))]
#[test]
fn a_gpu_is_refused_by_a_build_without_cuda() {
    let options = EngineOptions { device: DeviceChoice::Cuda(0), ..EngineOptions::default() };
    let error = LocalEngine::load(&[model_dir(CHAT)], &options).err().expect("refused");
    assert!(error.to_string().contains("--features cuda"), "{error}");
}
