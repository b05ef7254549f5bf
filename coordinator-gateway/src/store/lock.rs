//! One gateway to a folder: two would sign two different sums for one channel, and the smaller is lost.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::Path,
};

use super::{make_folder, StoreError};

/// Name of the file that is locked.
const FILE_NAME: &str = "gateway.lock";

/// The folder is this gateway's until this is dropped or the process ends, however it ends.
pub(crate) struct FolderLock(#[allow(dead_code)] File); // held for its lock

impl FolderLock {
    /// Makes the folder if need be, and locks it.
    pub(crate) fn take(data_dir: &Path) -> Result<Self, StoreError> {
        let refused = |source| StoreError::Folder { path: data_dir.display().to_string(), source };
        make_folder(data_dir).map_err(refused)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(data_dir.join(FILE_NAME)).map_err(refused)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::InUse { path: data_dir.display().to_string(), pid: pid_in(&mut file) })
            }
            // Some network file systems have no locks, and sums that two gateways write are lost: so no promise there.
            Err(TryLockError::Error(source)) => return Err(refused(source)),
        }
        // Only told, so a failure to write it is none.
        let number = std::process::id().to_string();
        drop(file.set_len(0).and_then(|()| file.write_all(number.as_bytes())));
        Ok(Self(file))
    }
}

fn pid_in(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_gateway_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().join("data");
        let first = FolderLock::take(&data_dir).unwrap();
        let error = FolderLock::take(&data_dir).err().unwrap();
        assert!(matches!(error, StoreError::InUse { pid: Some(pid), .. } if pid == std::process::id()), "{error}");
        assert!(error.to_string().contains("--data-dir"), "{error}");
        drop(first);
        FolderLock::take(&data_dir).unwrap();
    }
}
