//! The local server that this miner fronts, if any.

use std::{fs::File, io::Read, os::unix::fs::PermissionsExt, path::Path};

use cuckoo_engine::{OpenAiEngine, OpenAiKey, OpenAiLimits, OpenAiOptions};

use crate::{
    cli::OpenAiArgs,
    error::{ConfigError, Error},
};

/// Longest key file, in bytes.
const MAX_KEY_FILE_BYTES: u64 = 8 << 10;

/// Asks the server for its models; none if no server was named.
pub async fn connect(args: &OpenAiArgs) -> Result<Option<OpenAiEngine>, Error> {
    let Some(url) = args.url.clone() else { return Ok(None) };
    let key = args.key_file.as_deref().map(read_key).transpose()?;
    let key = if args.key_in_clear { key.map(OpenAiKey::in_clear) } else { key };
    let options = OpenAiOptions { url, key, offers: args.models.clone(), limits: OpenAiLimits::default() };
    Ok(Some(OpenAiEngine::connect(options).await?))
}

fn read_key(path: &Path) -> Result<OpenAiKey, ConfigError> {
    let refused = |reason: String| ConfigError::OpenAiKey { path: path.to_owned(), reason };
    let unreadable = |error: std::io::Error| refused(error.to_string());
    let file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(refused(format!("others may read it: run `chmod 600 {}`", path.display())));
    }
    let mut text = String::new();
    file.take(MAX_KEY_FILE_BYTES).read_to_string(&mut text).map_err(unreadable)?;
    OpenAiKey::new(&text).map_err(|error| refused(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::fs::{set_permissions, write, Permissions};

    use super::*;

    #[test]
    fn a_key_is_read_from_a_file_of_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        assert!(read_key(&path).is_err());
        write(&path, "sk-secret\n").unwrap();
        set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let error = read_key(&path).unwrap_err().to_string();
        assert!(error.contains("chmod 600") && !error.contains("secret"), "{error}");
        set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read_key(&path).unwrap(), OpenAiKey::new("sk-secret").unwrap());
        write(&path, "two words\n").unwrap();
        assert!(!read_key(&path).unwrap_err().to_string().contains("words"));
    }

    #[tokio::test]
    async fn without_a_url_there_is_no_server() {
        let args = OpenAiArgs { url: None, key_file: None, key_in_clear: false, models: vec![] };
        assert!(connect(&args).await.unwrap().is_none());
    }
}
