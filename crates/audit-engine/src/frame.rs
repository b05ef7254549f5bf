//! Values on a pipe: their length as four bytes, little-endian, and their SCALE encoding.

use codec::{DecodeAll, Encode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Longest encoding, in bytes: the openings of 200,000 tokens.
const MAX_BYTES: u32 = 128 << 20;

/// Why a value did not come across.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The pipe broke.
    #[error(transparent)]
    Pipe(#[from] std::io::Error),
    /// It is too long.
    #[error("it is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// It is something else.
    #[error("it cannot be read: {0}")]
    Malformed(#[from] codec::Error),
}

/// Writes `value` and sees that it leaves.
pub(crate) async fn write<T: Encode>(pipe: &mut (impl AsyncWrite + Unpin), value: &T) -> Result<(), FrameError> {
    let encoded = value.encode();
    let length = u32::try_from(encoded.len()).ok().filter(|length| *length <= MAX_BYTES).ok_or(FrameError::TooLong)?;
    pipe.write_all(&length.to_le_bytes()).await?;
    pipe.write_all(&encoded).await?;
    Ok(pipe.flush().await?)
}

/// The next value; `None` if the other side has closed the pipe before one.
pub(crate) async fn read<T: DecodeAll>(pipe: &mut (impl AsyncRead + Unpin)) -> Result<Option<T>, FrameError> {
    let mut length = [0; 4];
    match pipe.read(&mut length).await? {
        0 => return Ok(None),
        some => drop(pipe.read_exact(length.get_mut(some..).unwrap_or_default()).await?),
    }
    let length = u32::from_le_bytes(length);
    if length > MAX_BYTES {
        return Err(FrameError::TooLong);
    }
    // Memory is taken as bytes arrive, not as they are announced.
    let mut encoded = Vec::new();
    pipe.take(length.into()).read_to_end(&mut encoded).await?;
    if encoded.len() != length as usize {
        return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
    }
    Ok(Some(T::decode_all(&mut encoded.as_slice())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn values_come_across_one_after_the_other() {
        let (mut here, mut there) = tokio::io::duplex(16);
        let sent = vec![7u32; 1000];
        let expected = sent.clone();
        let sending = tokio::spawn(async move {
            write(&mut here, &sent).await.unwrap();
            write(&mut here, &3u8).await.unwrap();
        });
        assert_eq!(read::<Vec<u32>>(&mut there).await.unwrap(), Some(expected));
        assert_eq!(read::<u8>(&mut there).await.unwrap(), Some(3));
        sending.await.unwrap();
        assert_eq!(read::<u8>(&mut there).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_no_value_is_refused() {
        let read_from = async |bytes: &[u8]| read::<u32>(&mut &bytes[..]).await.unwrap_err();
        assert!(matches!(read_from(&u32::MAX.to_le_bytes()).await, FrameError::TooLong));
        assert!(matches!(read_from(&[4, 0, 0, 0, 1]).await, FrameError::Pipe(_)));
        assert!(matches!(read_from(&[4, 0]).await, FrameError::Pipe(_)));
        assert!(matches!(read_from(&[5, 0, 0, 0, 1, 2, 3, 4, 5]).await, FrameError::Malformed(_)));
    }
}
