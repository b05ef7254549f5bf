//! The folder and its files, which are named by the time at which they begin.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// Names of files end so.
const SUFFIX: &str = ".kept";
/// So many digits has the time in a name, so that names sort like times.
const DIGITS: usize = 16;
/// Name of the file by which it is tried whether the disk can be written.
pub(super) const PROBE_NAME: &str = "probe";

/// Names a file: milliseconds after 1970.
pub(super) type Name = u64;

/// The folder of what is kept. One process at a time may use it.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Opens the folder, or makes it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path)?;
        // It may have been there before, for all to read.
        fs::set_permissions(path, PermissionsExt::from_mode(FOLDER_MODE))?;
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            File::open(parent)?.sync_all()?;
        }
        Ok(Self(path.into()))
    }

    /// Its files, the oldest first. What has other names is nobody's here.
    pub(super) fn files(&self) -> io::Result<Vec<Name>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            names.extend(entry?.file_name().to_str().and_then(name_of));
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Opens a file that is there.
    pub(super) fn file(&self, name: Name) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).open(self.path(name))
    }

    /// Makes a file. When it returns, its name is on the disk.
    pub(super) fn make(&self, name: Name) -> io::Result<File> {
        let path = self.path(name);
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(FILE_MODE).open(&path)?;
        match File::open(&self.0).and_then(|folder| folder.sync_all()) {
            Ok(()) => Ok(file),
            Err(error) => {
                // It is empty, and would only be in the way of the next try.
                let _ = fs::remove_file(&path);
                Err(error)
            }
        }
    }

    /// Tries whether a file with these bytes can be made and brought to the disk. Nothing stays of it.
    pub(super) fn probe(&self, bytes: &[u8]) -> io::Result<()> {
        let path = self.0.join(PROBE_NAME);
        // A crash may have left it there.
        let opened = OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(&path);
        let written = opened.and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
        // Nor does a part of it stay on a disk that is full.
        let removed = fs::remove_file(&path);
        written.and(removed)
    }

    /// Deletes a file.
    pub(super) fn delete(&self, name: Name) -> io::Result<()> {
        fs::remove_file(self.path(name))
    }

    /// Where a file is.
    pub(super) fn path(&self, name: Name) -> PathBuf {
        self.0.join(format!("{name:0DIGITS$}{SUFFIX}"))
    }
}

fn name_of(text: &str) -> Option<Name> {
    let digits = text.strip_suffix(SUFFIX).filter(|digits| digits.len() == DIGITS)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn folder_and_files_are_their_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/kept");
        let folder = Folder::open(&path).unwrap();
        folder.make(5).unwrap();
        assert_eq!((mode(&path), mode(&folder.path(5))), (0o700, 0o600));
        fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        Folder::open(&path).unwrap();
        assert_eq!(mode(&path), 0o700);
    }

    #[test]
    fn nothing_stays_of_what_was_written_to_try_the_disk() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let path = dir.path().join(PROBE_NAME);
        folder.probe(&[7; 100]).unwrap();
        assert!(!path.exists());
        // As a crash might have left it.
        fs::write(&path, [7; 200]).unwrap();
        folder.probe(&[]).unwrap();
        assert!(!path.exists());
        fs::create_dir(&path).unwrap();
        assert!(folder.probe(&[7; 100]).is_err());
        assert!(path.is_dir() && folder.files().unwrap().is_empty());
    }

    #[test]
    fn files_are_listed_by_time_and_others_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        for name in [1_763_881_200_000, 7, 99] {
            folder.make(name).unwrap();
        }
        for other in ["7.kept", "0000000000000008", "000000000000000x.kept", "+000000000000009.kept"] {
            fs::write(dir.path().join(other), "").unwrap();
        }
        assert_eq!(folder.files().unwrap(), [7, 99, 1_763_881_200_000]);
        assert!(dir.path().join("0001763881200000.kept").exists());
        assert!(folder.make(7).is_err(), "it is there already");
        folder.delete(7).unwrap();
        assert_eq!(folder.files().unwrap(), [99, 1_763_881_200_000]);
        assert!(folder.file(7).is_err());
    }
}
