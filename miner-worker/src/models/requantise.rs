//! A model of one's own in another type of numbers.

use std::path::Path;

use cuckoo_engine::{requantise_to_q8_0, Manifest, ModelDir, ModelFile, ModelKind, MANIFEST_FILE};

use super::{digest::sha256_of, error::ModelsError, place, progress, verify::verify};

const ENDING: &str = ".gguf";

/// Makes the model `new_id` out of the chat model `id`, with its matrices in q8_0.
///
/// The files are written into a folder beside the others, which is renamed when all of it is there, and removed when
/// anything fails. A model that is there already is never touched.
pub fn requantise(models_dir: &Path, id: &str, new_id: &str) -> Result<ModelDir, ModelsError> {
    let refused = |reason: String| ModelsError::Requantise { id: id.to_owned(), reason };
    let old = ModelDir::open(models_dir, id)?;
    let manifest = old.manifest();
    let file = match (manifest.kind(), manifest.files()) {
        (ModelKind::Chat, [file]) if file.name.ends_with(ENDING) => file,
        _ => return Err(refused(format!("only chat models of one {ENDING} file are"))),
    };
    let manifest_of = |files: Vec<ModelFile>| {
        Manifest::new(new_id, manifest.kind(), manifest.architecture(), files, manifest.context_tokens())
            .map_err(|error| refused(error.to_string()))
    };
    // The id becomes the name of a folder and a file, so it is looked at before anything else.
    manifest_of(manifest.files().to_vec())?;
    let taken = models_dir.join(new_id);
    if taken.exists() {
        return Err(refused(format!("{} is there already; name another with --as", taken.display())));
    }
    verify(&old)?;

    let new_folder = place::temporary(models_dir)?;
    let name = format!("{new_id}{ENDING}");
    let path = new_folder.path().join(&name);
    let bar = progress::bytes(&format!("turning {id} into {new_id}"), file.bytes);
    requantise_to_q8_0(&old.file_path(file), &path, &mut |bytes| bar.inc(bytes))
        .map_err(|error| refused(error.to_string()))?;
    bar.finish_and_clear();
    let bytes = path.metadata().map_err(ModelsError::io(&path))?.len();
    let bar = progress::bytes(&format!("hashing {new_id}"), bytes);
    let sha256 = sha256_of(&path, &bar)?;
    bar.finish_and_clear();
    let manifest = manifest_of(vec![ModelFile { name, sha256, bytes }])?;
    let manifest_path = new_folder.path().join(MANIFEST_FILE);
    std::fs::write(&manifest_path, manifest.to_json()).map_err(ModelsError::io(manifest_path))?;
    place::settle(new_folder, &taken)?;
    Ok(ModelDir::open(models_dir, new_id)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::fixture::entries;
    use sha2::{Digest, Sha256};

    /// A GGUF file without keys and with one matrix of 1 row and 32 numbers.
    fn gguf() -> Vec<u8> {
        let mut bytes = b"GGUF\x03\0\0\0".to_vec();
        bytes.extend([1u64, 0].map(u64::to_le_bytes).concat());
        bytes.extend(1u64.to_le_bytes());
        bytes.push(b'm');
        bytes.extend(2u32.to_le_bytes());
        bytes.extend([32u64, 1].map(u64::to_le_bytes).concat());
        bytes.extend(0u32.to_le_bytes());
        bytes.extend(0u64.to_le_bytes());
        bytes.resize(bytes.len().next_multiple_of(32), 0);
        bytes.extend((0..32u32).flat_map(|number| (number as f32).to_le_bytes()));
        bytes
    }

    fn install(models: &Path, content: &[u8]) {
        let folder = models.join("tiny");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("tiny.gguf"), content).unwrap();
        let sha256 = hex::encode(Sha256::digest(content));
        let files = vec![ModelFile { name: "tiny.gguf".into(), sha256, bytes: content.len() as u64 }];
        let manifest = Manifest::new("tiny", ModelKind::Chat, "llama", files, 16).unwrap();
        std::fs::write(folder.join(MANIFEST_FILE), manifest.to_json()).unwrap();
    }

    #[test]
    fn the_new_model_is_whole_and_the_old_one_untouched() {
        let dir = tempfile::tempdir().unwrap();
        install(dir.path(), &gguf());
        let new = requantise(dir.path(), "tiny", "tiny-q8_0").unwrap();
        new.verify().unwrap();
        assert_eq!(entries(dir.path()), ["tiny", "tiny-q8_0"]);
        assert_eq!((new.manifest().context_tokens(), new.manifest().architecture()), (16, "llama"));
        ModelDir::open(dir.path(), "tiny").unwrap().verify().unwrap();
        let error = requantise(dir.path(), "tiny", "tiny-q8_0").unwrap_err().to_string();
        assert!(error.contains("there already"), "{error}");
        new.verify().unwrap();
    }

    #[test]
    fn what_fails_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let models = dir.path().join("models");
        std::fs::create_dir(&models).unwrap();
        install(&models, b"no weights at all");
        let error = requantise(&models, "tiny", "new").unwrap_err().to_string();
        assert!(error.contains("no GGUF file"), "{error}");
        install(&models, &gguf());
        for outside in ["Not an id", "../other", ".."] {
            let error = requantise(&models, "tiny", outside).unwrap_err().to_string();
            assert!(error.contains(outside), "{error}");
        }
        std::fs::write(models.join("tiny/tiny.gguf"), "changed").unwrap();
        assert!(matches!(requantise(&models, "tiny", "new"), Err(ModelsError::WrongSize { .. })));
        assert_eq!((entries(&models), entries(dir.path())), (vec!["tiny".to_owned()], vec!["models".to_owned()]));
    }
}
