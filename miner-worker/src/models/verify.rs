//! Proving that the models that are there are intact.

use std::path::Path;

use cuckoo_engine::ModelDir;

use super::{digest::sha256_of, error::ModelsError, progress};

/// Hashes every file of these models, or of all that are there, and prints a line for each model.
pub fn verify_all(models_dir: &Path, ids: &[String]) -> Result<(), ModelsError> {
    let ids = match ids.is_empty() {
        true => ModelDir::list(models_dir)?,
        false => ids.to_vec(),
    };
    if ids.is_empty() {
        return Err(ModelsError::Empty(models_dir.into()));
    }
    let mut damaged = Vec::new();
    for id in ids {
        let verified =
            ModelDir::open(models_dir, &id).map_err(ModelsError::from).and_then(|dir| verify(&dir).map(|()| dir));
        match verified {
            Ok(dir) => println!("{id}: intact, model root {}", hex::encode(dir.manifest().model_root())),
            Err(error) => {
                println!("{id}: {error}");
                damaged.push(id);
            }
        }
    }
    match damaged.is_empty() {
        true => Ok(()),
        false => Err(ModelsError::Damaged(damaged)),
    }
}

/// Hashes every file of a model.
pub(crate) fn verify(dir: &ModelDir) -> Result<(), ModelsError> {
    let manifest = dir.manifest();
    let total = manifest.files().iter().map(|file| file.bytes).sum();
    let bar = progress::bytes(&format!("verifying {}", manifest.id()), total);
    for file in manifest.files() {
        let path = dir.file_path(file);
        let bytes = path.metadata().map_err(ModelsError::io(&path))?.len();
        if bytes != file.bytes {
            return Err(ModelsError::WrongSize { what: path.display().to_string(), expected: file.bytes });
        }
        let found = sha256_of(&path, &bar)?;
        if found != file.sha256 {
            let what = path.display().to_string();
            return Err(ModelsError::WrongHash { what, found, expected: file.sha256.clone() });
        }
    }
    bar.finish_and_clear();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{
        fixture::{archive, model, CONFIG, WEIGHTS},
        CatalogueModel,
    };

    fn installed(dir: &Path) -> CatalogueModel {
        let archive = archive(dir, &[("pkg/config.json", CONFIG)]);
        let model = model(&archive);
        let folder = dir.join("models").join(&model.id);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("weights.bin"), WEIGHTS).unwrap();
        std::fs::write(folder.join("config.json"), CONFIG).unwrap();
        std::fs::write(folder.join("manifest.json"), model.manifest().unwrap().to_json()).unwrap();
        model
    }

    #[test]
    fn intact_models_pass_and_damaged_ones_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let model = installed(dir.path());
        let models = dir.path().join("models");
        verify_all(&models, &[]).unwrap();
        std::fs::write(models.join(&model.id).join("weights.bin"), "weightS").unwrap();
        let error = verify_all(&models, &[]).unwrap_err();
        assert!(matches!(&error, ModelsError::Damaged(ids) if *ids == [model.id]), "{error}");
    }

    #[test]
    fn a_model_that_is_not_there_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        assert!(verify_all(dir.path(), &["tiny".into()]).is_err());
        assert!(matches!(verify_all(dir.path(), &[]), Err(ModelsError::Empty(_))));
    }
}
