//! A model's folder: where the files of a manifest are, and the proof that they are the right ones.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::manifest::{check_id, Manifest, ManifestError, ModelFile, MANIFEST_FILE, MAX_MANIFEST_BYTES};

/// Folder of models, unless `CUCKOO_MODELS_DIR` names another: `~/.cache/cuckoo/models`.
const DEFAULT_MODELS_DIR: &str = ".cache/cuckoo/models";
const MODELS_DIR_VARIABLE: &str = "CUCKOO_MODELS_DIR";

/// A folder `<models dir>/<model id>` with a valid manifest. Its files are not checked until [`ModelDir::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelDir {
    path: PathBuf,
    manifest: Manifest,
}

/// Why a model's folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelDirError {
    /// Unreadable or missing.
    #[error(
        "{path}: {source}; `miner-worker models pull` fetches models, `models add FILE.gguf` takes one of your own, and \
         `--models-dir` names their folder"
    )]
    Read {
        /// What could not be read.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The manifest is refused.
    #[error("{path}: {source}")]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// Why.
        source: ManifestError,
    },
    /// Folder and manifest name different models.
    #[error("{path}: the manifest names model {found:?}; rename the folder to it")]
    OtherModel {
        /// The folder.
        path: PathBuf,
        /// Id in its manifest.
        found: String,
    },
    /// Not the file that the manifest promises.
    #[error(
        "{path} is damaged or was changed ({reason}): delete the model's folder and fetch or make the model again \
         (`miner-worker models pull`, `models add` or `models requantise`)"
    )]
    Tampered {
        /// The file.
        path: PathBuf,
        /// In which way.
        reason: String,
    },
}

impl ModelDir {
    /// Opens `<models_dir>/<id>`.
    pub fn open(models_dir: &Path, id: &str) -> Result<Self, ModelDirError> {
        let path = models_dir.join(id);
        let manifest_path = path.join(MANIFEST_FILE);
        let refused = |source| ModelDirError::Manifest { path: manifest_path.clone(), source };
        check_id(id).map_err(refused)?;
        let manifest = Manifest::parse(&read_bounded(&manifest_path, MAX_MANIFEST_BYTES)?).map_err(refused)?;
        if manifest.id() != id {
            return Err(ModelDirError::OtherModel { path, found: manifest.id().to_owned() });
        }
        Ok(Self { path, manifest })
    }

    /// The models folder that programs use unless told otherwise.
    pub fn default_models_dir() -> Option<PathBuf> {
        match std::env::var_os(MODELS_DIR_VARIABLE) {
            Some(dir) => Some(PathBuf::from(dir)),
            None => std::env::var_os("HOME").map(|home| PathBuf::from(home).join(DEFAULT_MODELS_DIR)),
        }
    }

    /// Ids of the folders in `models_dir` that hold a manifest, ordered; an id need not be a loadable model.
    pub fn list(models_dir: &Path) -> Result<Vec<String>, ModelDirError> {
        let read = |source| ModelDirError::Read { path: models_dir.to_owned(), source };
        let mut ids = Vec::new();
        for entry in std::fs::read_dir(models_dir).map_err(read)? {
            let entry = entry.map_err(read)?;
            if let Ok(name) = entry.file_name().into_string() {
                if check_id(&name).is_ok() && entry.path().join(MANIFEST_FILE).is_file() {
                    ids.push(name);
                }
            }
        }
        ids.sort();
        Ok(ids)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the folder should hold.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where `file` is.
    pub fn file_path(&self, file: &ModelFile) -> PathBuf {
        self.path.join(&file.name)
    }

    /// Compares size and hash of every file with the manifest. Reads all of them: about a second per gigabyte.
    pub fn verify(&self) -> Result<(), ModelDirError> {
        self.manifest.files().iter().try_for_each(|file| self.verify_file(file))
    }

    /// Compares one file with the manifest.
    pub fn verify_file(&self, file: &ModelFile) -> Result<(), ModelDirError> {
        let path = self.file_path(file);
        let read = |source| ModelDirError::Read { path: path.clone(), source };
        let tampered = |reason| Err(ModelDirError::Tampered { path: path.clone(), reason });
        let mut reader = File::open(&path).map_err(read)?;
        let bytes = reader.metadata().map_err(read)?.len();
        if bytes != file.bytes {
            return tampered(format!("{bytes} bytes instead of {}", file.bytes));
        }
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        loop {
            let count = reader.read(&mut buffer).map_err(read)?;
            if count == 0 {
                break;
            }
            hasher.update(&buffer[..count]);
        }
        let found = hex::encode(hasher.finalize());
        if found != file.sha256 {
            return tampered(format!("sha256 {found} instead of {}", file.sha256));
        }
        Ok(())
    }

    /// The bytes of `file`, at most `limit`.
    pub(crate) fn read_file(&self, file: &ModelFile, limit: u64) -> Result<Vec<u8>, ModelDirError> {
        read_bounded(&self.file_path(file), limit)
    }
}

fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, ModelDirError> {
    let read = |source| ModelDirError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    // One byte more than allowed, so that "too long" is seen and not cut off.
    File::open(path).map_err(read)?.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(read)?;
    if bytes.len() as u64 > limit {
        return Err(read(io::Error::new(io::ErrorKind::InvalidData, format!("longer than {limit} bytes"))));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ModelKind;

    const ID: &str = "tiny";

    fn tiny_model(dir: &Path) -> ModelDir {
        let folder = dir.join(ID);
        std::fs::create_dir(&folder).unwrap();
        let mut files = Vec::new();
        for (name, content) in [("weights.bin", "weights"), ("config.json", "{}")] {
            std::fs::write(folder.join(name), content).unwrap();
            let sha256 = hex::encode(Sha256::digest(content));
            files.push(ModelFile { name: name.into(), sha256, bytes: content.len() as u64 });
        }
        let manifest = Manifest::new(ID, ModelKind::Chat, "llama", files, 16).unwrap();
        std::fs::write(folder.join(MANIFEST_FILE), manifest.to_json()).unwrap();
        ModelDir::open(dir, ID).unwrap()
    }

    #[test]
    fn untouched_files_verify() {
        let dir = tempfile::tempdir().unwrap();
        tiny_model(dir.path()).verify().unwrap();
        assert_eq!(ModelDir::list(dir.path()).unwrap(), [ID]);
    }

    #[test]
    fn a_changed_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let model = tiny_model(dir.path());
        std::fs::write(model.path().join("weights.bin"), "Weights").unwrap();
        let error = model.verify().unwrap_err();
        assert!(matches!(error, ModelDirError::Tampered { .. }));
        assert!(error.to_string().contains("weights.bin"), "{error}");
    }

    #[test]
    fn a_shortened_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let model = tiny_model(dir.path());
        std::fs::write(model.path().join("config.json"), "{").unwrap();
        let error = model.verify().unwrap_err().to_string();
        assert!(error.contains("config.json") && error.contains("1 bytes instead of 2"), "{error}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let model = tiny_model(dir.path());
        std::fs::remove_file(model.path().join("config.json")).unwrap();
        assert!(model.verify().unwrap_err().to_string().contains("config.json"));
    }

    #[test]
    fn a_manifest_with_a_name_outside_the_folder_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = tiny_model(dir.path()).path().join(MANIFEST_FILE);
        let json = std::fs::read_to_string(&path).unwrap().replace("weights.bin", "../x");
        std::fs::write(&path, json).unwrap();
        let error = ModelDir::open(dir.path(), ID).unwrap_err();
        let ModelDirError::Manifest { source, .. } = error else { panic!("{error}") };
        assert_eq!(source, ManifestError::FileName("../x".into()));
    }

    #[test]
    fn a_folder_of_another_model_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        tiny_model(dir.path());
        std::fs::rename(dir.path().join(ID), dir.path().join("other")).unwrap();
        assert!(
            matches!(ModelDir::open(dir.path(), "other"), Err(ModelDirError::OtherModel { found, .. }) if found == ID)
        );
    }

    #[test]
    fn an_id_cannot_leave_the_models_dir() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(ModelDir::open(dir.path(), "../etc"), Err(ModelDirError::Manifest { .. })));
    }
}
