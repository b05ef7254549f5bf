//! The models that can be fetched.

use std::sync::OnceLock;

use cuckoo_engine::{Manifest, ModelFile, ModelKind};
use serde::Deserialize;

use super::error::ModelsError;

const BUILT_IN: &str = include_str!("catalogue.toml");

/// The models that can be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    models: Vec<CatalogueModel>,
}

/// A model that can be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogueModel {
    /// What clients ask for.
    pub id: String,
    /// What it is, and its licence.
    pub about: String,
    kind: Kind,
    architecture: String,
    context_tokens: u32,
    /// What it is made of.
    pub files: Vec<CatalogueFile>,
    /// Where its mirror is.
    pub package: PackageSource,
    /// Where its publisher keeps it.
    pub hub: HubSource,
}

/// One file of a model, and what the sources call it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogueFile {
    /// Its name in the model's folder.
    pub name: String,
    /// Lower-case hex.
    pub sha256: String,
    /// Size.
    pub bytes: u64,
    /// Path inside the package.
    pub in_package: String,
    /// Path inside the hub's repository.
    pub in_hub: String,
}

/// A Python package that mirrors a model.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageSource {
    /// Its name.
    pub name: String,
    /// Its exact version.
    pub version: String,
    /// Of the archive, in lower-case hex.
    pub sha256: String,
}

/// A repository of the Hugging Face hub.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubSource {
    /// `owner/name`.
    pub repository: String,
    /// Commit, tag or branch. The files' hashes are what counts.
    pub revision: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Chat,
    Embedding,
}

impl Catalogue {
    /// The catalogue that this program was built with.
    pub fn built_in() -> Result<&'static Self, ModelsError> {
        static CATALOGUE: OnceLock<Result<Catalogue, String>> = OnceLock::new();
        CATALOGUE
            .get_or_init(|| toml::from_str(BUILT_IN).map_err(|error| error.to_string()))
            .as_ref()
            .map_err(|error| ModelsError::Catalogue(error.clone()))
    }

    /// All of them.
    pub fn models(&self) -> &[CatalogueModel] {
        &self.models
    }

    /// The model with this id.
    pub fn model(&self, id: &str) -> Result<&CatalogueModel, ModelsError> {
        self.models.iter().find(|model| model.id == id).ok_or_else(|| ModelsError::Unknown {
            id: id.into(),
            known: self.models.iter().map(|model| model.id.as_str()).collect::<Vec<_>>().join(", "),
        })
    }
}

impl CatalogueModel {
    /// The manifest of an intact copy.
    pub fn manifest(&self) -> Result<Manifest, ModelsError> {
        let kind = match self.kind {
            Kind::Chat => ModelKind::Chat,
            Kind::Embedding => ModelKind::Embedding,
        };
        let files = self.files.iter().map(|file| ModelFile {
            name: file.name.clone(),
            sha256: file.sha256.clone(),
            bytes: file.bytes,
        });
        Manifest::new(&self.id, kind, &self.architecture, files.collect(), self.context_tokens)
            .map_err(|error| ModelsError::Catalogue(error.to_string()))
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_catalogue_is_sound() {
        let catalogue = Catalogue::built_in().unwrap();
        assert_eq!(catalogue.models().len(), 2);
        for model in catalogue.models() {
            assert_eq!(model.manifest().unwrap().id(), model.id);
            assert_eq!(model.package.sha256.len(), 64);
        }
    }

    #[test]
    fn an_unknown_model_is_refused_with_the_known_ones() {
        let error = Catalogue::built_in().unwrap().model("gpt-7").unwrap_err().to_string();
        assert!(error.contains("smollm2-135m-instruct"), "{error}");
    }
}
