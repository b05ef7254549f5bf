//! What can be fetched and what is there.

use std::{fmt::Write, path::Path};

use cuckoo_engine::{ModelDir, ModelKind};

use super::{catalogue::Catalogue, error::ModelsError};

/// Columns for the ids of models, unless one takes more.
const LEAST_ID_COLUMNS: usize = 28;

/// A table of all models of the catalogue and of the folder.
pub(super) fn table(models_dir: &Path, catalogue: &Catalogue) -> Result<String, ModelsError> {
    let mut ids: Vec<String> = match models_dir.exists() {
        true => ModelDir::list(models_dir)?,
        false => Vec::new(),
    };
    ids.extend(catalogue.models().iter().map(|model| model.id.clone()));
    ids.sort();
    ids.dedup();
    let mut table = format!("models in {}\n\n", models_dir.display());
    let width = ids.iter().map(String::len).max().unwrap_or_default().max(LEAST_ID_COLUMNS);
    let mut line = |cells: [&str; 5]| {
        let [id, kind, size, state, root] = cells;
        let text = format!("{id:<width$} {kind:<10} {size:>8}  {state:<10} {root}");
        // Writing to a string cannot fail.
        let _ = writeln!(table, "{}", text.trim_end());
    };
    line(["MODEL", "KIND", "SIZE", "STATE", "MODEL ROOT"]);
    for id in ids {
        let known = catalogue.model(&id).ok();
        match (ModelDir::open(models_dir, &id), known) {
            (Ok(dir), _) => {
                let manifest = dir.manifest();
                let size = size(manifest.files().iter().map(|file| file.bytes).sum());
                line([&id, kind(manifest.kind()), &size, "there", &hex::encode(manifest.model_root())]);
            }
            (Err(_), Some(model)) => {
                let manifest = model.manifest()?;
                let root = hex::encode(manifest.model_root());
                line([&id, kind(manifest.kind()), &size(model.bytes()), "to fetch", &root]);
            }
            (Err(error), None) => line([&id, "?", "?", "broken", &error.to_string()]),
        }
    }
    Ok(table)
}

fn kind(kind: ModelKind) -> &'static str {
    match kind {
        ModelKind::Chat => "chat",
        ModelKind::Embedding => "embedding",
    }
}

/// Whole megabytes, rounded up.
fn size(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_shows_what_can_be_fetched_and_what_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::built_in().unwrap();
        let model = &catalogue.models()[0];
        let folder = dir.path().join(&model.id);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("manifest.json"), model.manifest().unwrap().to_json()).unwrap();
        let table = table(dir.path(), catalogue).unwrap();
        let line = |id: &str| table.lines().find(|line| line.starts_with(id)).unwrap().to_owned();
        assert!(line("smollm2-135m-instruct").contains(" there "));
        assert!(line("all-minilm-l6-v2").contains(" to fetch "));
    }

    #[test]
    fn a_folder_that_does_not_exist_yet_is_empty() {
        let table = table(Path::new("/nowhere/models"), Catalogue::built_in().unwrap()).unwrap();
        assert_eq!(table.matches("to fetch").count(), 2);
    }
}
