//! A GGUF file of one's own, made a model.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

use cuckoo_engine::{ChatFile, LoadError, Manifest, ModelDir, ModelFile, ModelKind, MANIFEST_FILE};

use super::{catalogue::Catalogue, digest::sha256_of, error::ModelsError, place, progress};

const ENDING: &str = ".gguf";
/// Longest id that is made of a name; manifests take no longer ones.
const MAX_ID_BYTES: usize = 64;

/// Makes the GGUF file at `file` a model in `models_dir`, with a hard link to the file where the system makes one, else a
/// copy. Without an `id` the model is called as the file calls itself.
///
/// The folder arrives beside the others and is renamed when all of it is there. A model that is there already is never
/// touched.
///
/// # Errors
/// If the engine could not load the file, the id will not do or is taken, or something cannot be read or written.
pub fn add(models_dir: &Path, file: &Path, id: Option<&str>) -> Result<(ModelDir, ChatFile), ModelsError> {
    let refused = |reason: String| ModelsError::Add { path: file.to_owned(), reason };
    let found = ChatFile::read(file).map_err(|error| match error {
        // It would name the file once more.
        LoadError::File { reason, .. } => refused(format!("the engine cannot load it: {reason}")),
        error => refused(format!("the engine cannot load it: {error}")),
    })?;
    let id = match id {
        Some(id) => id.to_owned(),
        None => {
            id_of(file, &found).ok_or_else(|| refused("it has no name to make an id of; name one with --id".into()))?
        }
    };
    let manifest_of = |file: ModelFile| {
        Manifest::new(&id, ModelKind::Chat, &found.architecture, vec![file], found.context_tokens)
            .map_err(|error| refused(format!("{error}; name another with --id")))
    };
    // The id becomes the name of a folder and a file, so it is looked at before anything is written.
    let name = format!("{id}{ENDING}");
    manifest_of(ModelFile { name: name.clone(), sha256: "0".repeat(64), bytes: 1 })?;
    if Catalogue::built_in()?.model(&id).is_ok() {
        return Err(refused(format!(
            "{id} is what another model is called, which `miner-worker models pull` fetches; name another with --id"
        )));
    }
    let place = models_dir.join(&id);
    if place.exists() {
        return Err(refused(format!("{} is there already; name another with --id", place.display())));
    }

    std::fs::create_dir_all(models_dir).map_err(ModelsError::io(models_dir))?;
    let folder = place::temporary(models_dir)?;
    let path = folder.path().join(&name);
    let bytes = link_or_copy(file, &path)?;
    let bar = progress::bytes(&format!("hashing {id}"), bytes);
    let sha256 = sha256_of(&path, &bar)?;
    bar.finish_and_clear();
    let manifest = manifest_of(ModelFile { name, sha256, bytes })?;
    let manifest_path = folder.path().join(MANIFEST_FILE);
    std::fs::write(&manifest_path, manifest.to_json()).map_err(ModelsError::io(manifest_path))?;
    place::settle(folder, &place)?;
    Ok((ModelDir::open(models_dir, &id)?, found))
}

/// The file's name for itself, or how it is called, as an id.
fn id_of(file: &Path, found: &ChatFile) -> Option<String> {
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    [found.name.clone(), stem].into_iter().flatten().map(|name| id_from(&name)).find(|id| !id.is_empty())
}

/// Lower case, with a dash in the place of whatever an id does not take.
fn id_from(name: &str) -> String {
    let mut id = String::new();
    for c in name.chars().map(|c| c.to_ascii_lowercase()) {
        match c {
            'a'..='z' | '0'..='9' => id.push(c),
            '.' | '_' if !id.is_empty() => id.push(c),
            _ if id.is_empty() || id.ends_with('-') => {}
            _ => id.push('-'),
        }
    }
    id.truncate(MAX_ID_BYTES);
    id.trim_end_matches(['.', '_', '-']).to_owned()
}

/// Has the file at `from` also at `to`, where nothing may be, and returns its size.
fn link_or_copy(from: &Path, to: &Path) -> Result<u64, ModelsError> {
    // A link to a symbolic link would end with what it points to.
    let from = from.canonicalize().map_err(ModelsError::io(from))?;
    let bytes = from.metadata().map_err(ModelsError::io(&from))?.len();
    // Other disks, and other people's files, are copied.
    if std::fs::hard_link(&from, to).is_ok() {
        return Ok(bytes);
    }
    let bar = progress::bytes(&format!("copying {}", from.display()), bytes);
    let mut source = bar.wrap_read(File::open(&from).map_err(ModelsError::io(&from))?);
    let mut copy = File::create_new(to).map_err(ModelsError::io(to))?;
    let bytes = io::copy(&mut source, &mut copy).map_err(ModelsError::io(to))?;
    copy.flush().and_then(|()| copy.sync_all()).map_err(ModelsError::io(to))?;
    bar.finish_and_clear();
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::fixture::{entries, gguf};

    fn written(dir: &Path, name: &str, content: &[u8]) -> std::path::PathBuf {
        let path = dir.join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    #[test]
    fn a_file_becomes_a_model_that_is_intact() {
        let dir = tempfile::tempdir().unwrap();
        let models = dir.path().join("not/yet/there");
        let file = written(dir.path(), "weights.gguf", &gguf("Tiny Llama 1.1 (chat)", "llama"));
        let (model, found) = add(&models, &file, None).unwrap();
        assert_eq!((model.manifest().id(), model.manifest().architecture()), ("tiny-llama-1.1-chat", "llama"));
        assert_eq!((model.manifest().context_tokens(), found.has_template), (512, false));
        model.verify().unwrap();
        cuckoo_engine::LocalEngine::check(&model).unwrap();
        assert_eq!(entries(&models), ["tiny-llama-1.1-chat"]);
        let (other, _) = add(&models, &file, Some("other")).unwrap();
        assert_eq!(entries(other.path()), ["manifest.json", "other.gguf"]);
    }

    #[cfg(unix)]
    #[test]
    fn the_file_takes_no_second_room_and_may_be_deleted() {
        use std::os::unix::fs::MetadataExt;
        let dir = tempfile::tempdir().unwrap();
        let file = written(dir.path(), "weights.gguf", &gguf("tiny", "llama"));
        let link = dir.path().join("link.gguf");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let (model, _) = add(&dir.path().join("models"), &link, None).unwrap();
        let inside = model.path().join("tiny.gguf").symlink_metadata().unwrap();
        assert!(inside.is_file() && inside.ino() == file.metadata().unwrap().ino());
        std::fs::remove_file(&file).unwrap();
        model.verify().unwrap();
    }

    #[test]
    fn ids_that_are_taken_or_bad_are_refused_with_a_way_out() {
        let dir = tempfile::tempdir().unwrap();
        let models = dir.path().join("models");
        let file = written(dir.path(), "weights.gguf", &gguf("tiny", "llama"));
        add(&models, &file, None).unwrap();
        for id in [None, Some("tiny"), Some("smollm2-135m-instruct"), Some("../x"), Some("Upper"), Some("")] {
            let error = add(&models, &file, id).unwrap_err().to_string();
            assert!(error.contains("name another with --id"), "{error}");
        }
        let file = written(dir.path(), "…", &gguf("?!", "llama"));
        let error = add(&models, &file, None).unwrap_err().to_string();
        assert!(error.contains("name one with --id"), "{error}");
        assert_eq!(entries(&models), ["tiny"]);
    }

    #[test]
    fn what_the_engine_cannot_load_is_refused_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let models = dir.path().join("models");
        for (content, said) in [
            (gguf("tiny", "gemma"), "architecture \"gemma\" is not supported"),
            (b"no weights at all".to_vec(), "no GGUF file"),
        ] {
            let error = add(&models, &written(dir.path(), "x.gguf", &content), None).unwrap_err().to_string();
            assert!(error.contains(said) && error.contains("x.gguf"), "{error}");
        }
        assert!(add(&models, &dir.path().join("missing.gguf"), None).is_err());
        assert!(!models.exists());
    }

    #[test]
    fn ids_are_made_of_names() {
        for (name, id) in [
            ("SmolLM2 135M Instruct", "smollm2-135m-instruct"),
            ("Qwen/Qwen3_0.6B (Q8_0)", "qwen-qwen3_0.6b-q8_0"),
            ("  ..Ünder -- way. ", "nder-way"),
            ("日本", ""),
        ] {
            assert_eq!(id_from(name), id);
        }
        assert_eq!(id_from(&"abc ".repeat(40)).len(), 63);
    }
}
