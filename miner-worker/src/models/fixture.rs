//! A tiny model and its package, for tests.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
};

use indicatif::ProgressBar;
use sha2::{Digest, Sha256};
use zip::{write::SimpleFileOptions, CompressionMethod, ZipWriter};

use super::{catalogue::CatalogueModel, digest::sha256_of};

pub(crate) const WEIGHTS: &[u8] = b"weights";
pub(crate) const CONFIG: &[u8] = b"{}";

/// A wheel with these entries.
pub(crate) fn archive(dir: &Path, entries: &[(&str, &[u8])]) -> PathBuf {
    let path = dir.join("tiny_model-1.0-py3-none-any.whl");
    let mut zip = ZipWriter::new(File::create(&path).unwrap());
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, content) in entries {
        zip.start_file(name, options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap();
    path
}

/// The catalogue's entry for the model in `archive`.
pub(crate) fn model(archive: &Path) -> CatalogueModel {
    let file = |name: &str, content: &[u8]| {
        format!(
            "[[files]]\nname = \"{name}\"\nsha256 = \"{}\"\nbytes = {}\nin_package = \"pkg/{name}\"\nin_hub = \"{name}\"\n",
            hex::encode(Sha256::digest(content)),
            content.len()
        )
    };
    let text = format!(
        "id = \"tiny\"\nabout = \"tiny\"\nkind = \"chat\"\narchitecture = \"llama\"\ncontext_tokens = 16\n{}{}\
         [package]\nname = \"tiny-model\"\nversion = \"1.0\"\nsha256 = \"{}\"\n\
         [hub]\nrepository = \"nobody/tiny\"\nrevision = \"main\"\n",
        file("weights.bin", WEIGHTS),
        file("config.json", CONFIG),
        sha256_of(archive, &ProgressBar::hidden()).unwrap(),
    );
    toml::from_str(&text).unwrap()
}
