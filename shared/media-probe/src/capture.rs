//! What ffprobe prints, up to a limit.

use tokio::io::{AsyncRead, AsyncReadExt};

/// Kept of standard error: enough for the reason.
const MAX_ERRORS: usize = 64 * 1024;

/// More was printed than allowed.
#[derive(Debug)]
pub(crate) struct TooLong;

/// Everything up to the end, or the error as soon as there is more than `limit`.
pub(crate) async fn output(pipe: Option<impl AsyncRead + Unpin>, limit: u64) -> Result<Vec<u8>, TooLong> {
    let mut kept = Vec::new();
    if let Some(pipe) = pipe {
        // A pipe that cannot be read ends here; half of a JSON text is recognised as such.
        let _ = pipe.take(limit.saturating_add(1)).read_to_end(&mut kept).await;
    }
    if kept.len() as u64 > limit { Err(TooLong) } else { Ok(kept) }
}

/// The beginning; the rest is read and dropped, so that ffprobe never waits for a reader.
pub(crate) async fn errors(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let mut kept = Vec::new();
    if let Some(mut pipe) = pipe {
        let mut buffer = [0; 4096];
        while let Ok(count) = pipe.read(&mut buffer).await
            && count > 0
        {
            let room = MAX_ERRORS.saturating_sub(kept.len()).min(count);
            kept.extend_from_slice(&buffer[..room]);
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}
