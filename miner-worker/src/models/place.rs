//! Folders that are there as a whole or not at all.

use std::path::Path;

use tempfile::TempDir;

use super::error::ModelsError;

/// A new folder in `models_dir`, which is no model yet and removed unless it [settles](settle).
pub(super) fn temporary(models_dir: &Path) -> Result<TempDir, ModelsError> {
    tempfile::Builder::new().prefix(".arriving-").tempdir_in(models_dir).map_err(ModelsError::io(models_dir))
}

/// Makes `folder` the one at `place`, where none may be.
pub(super) fn settle(folder: TempDir, place: &Path) -> Result<(), ModelsError> {
    open_to_others(folder.path()).map_err(ModelsError::io(folder.path()))?;
    std::fs::rename(folder.path(), place).map_err(ModelsError::io(place))?;
    // It is no temporary folder any more.
    let _ = folder.keep();
    Ok(())
}

/// Temporary folders are for their owner only; models are no secret.
fn open_to_others(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}
