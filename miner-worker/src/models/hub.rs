//! Fetching a model from the Hugging Face hub.

use std::{fs::File, path::Path};

use hf_hub::{
    api::tokio::{ApiBuilder, Progress},
    Repo, RepoType,
};
use indicatif::ProgressBar;

use super::{
    catalogue::{CatalogueFile, CatalogueModel},
    digest::{copy_pinned, Pinned},
    error::ModelsError,
    progress,
};

/// Downloads the model's files into `into`. What is in a repository may change, so only the pinned bytes are taken.
pub(super) async fn fetch(model: &CatalogueModel, into: &Path) -> Result<(), ModelsError> {
    let failed = |error: hf_hub::api::tokio::ApiError| ModelsError::Hub(error.to_string());
    let cache = tempfile::tempdir_in(into).map_err(ModelsError::io(into))?;
    // Settings of the environment (token, other endpoint) count; the cache does not, since it would keep a second copy.
    let api =
        ApiBuilder::from_env().with_cache_dir(cache.path().to_owned()).with_progress(false).build().map_err(failed)?;
    let hub = &model.hub;
    let repository = api.repo(Repo::with_revision(hub.repository.clone(), RepoType::Model, hub.revision.clone()));
    for file in &model.files {
        // Before anything is downloaded: a file of another size cannot be the right one, and might fill the disk.
        let offered = api.metadata(&repository.url(&file.in_hub)).await.map_err(failed)?.size();
        if offered as u64 != file.bytes {
            return Err(ModelsError::WrongSize { what: file.name.clone(), expected: file.bytes });
        }
        let bar = progress::bytes(&format!("downloading {}", file.name), file.bytes);
        let downloaded = repository.download_with_progress(&file.in_hub, Bar(bar.clone())).await.map_err(failed)?;
        bar.finish_and_clear();
        let (file, into) = (file.clone(), into.to_owned());
        tokio::task::spawn_blocking(move || take(&downloaded, &file, &into))
            .await
            .map_err(|error| ModelsError::Hub(error.to_string()))??;
    }
    Ok(())
}

fn take(downloaded: &Path, file: &CatalogueFile, into: &Path) -> Result<(), ModelsError> {
    let mut from = File::open(downloaded).map_err(ModelsError::io(downloaded))?;
    let pinned = Pinned { what: &file.name, bytes: file.bytes, sha256: &file.sha256 };
    copy_pinned(&mut from, &into.join(&file.name), &pinned, &ProgressBar::hidden())
}

/// Our bar as the hub's client wants it; its length is what the catalogue says.
#[derive(Clone)]
struct Bar(ProgressBar);

impl Progress for Bar {
    async fn init(&mut self, _: usize, _: &str) {}

    async fn update(&mut self, bytes: usize) {
        self.0.inc(bytes as u64);
    }

    async fn finish(&mut self) {}
}
