//! Captures ffprobe's output up to a limit.

use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes kept of the beginning, and of the end, of standard error: enough for warnings and for the reason of a failure.
const MAX_ERRORS: usize = 32 * 1024;

/// Initial capacity, enough for the output of most files.
const TYPICAL_OUTPUT: usize = 16 * 1024;

/// The output exceeds the limit.
#[derive(Debug)]
pub(crate) struct TooLong;

/// Reads standard output to the end. Fails as soon as it exceeds `limit` bytes.
pub(crate) async fn output(pipe: Option<impl AsyncRead + Unpin>, limit: u64) -> Result<Vec<u8>, TooLong> {
    let mut kept = Vec::with_capacity(TYPICAL_OUTPUT);
    if let Some(pipe) = pipe {
        // A read error ends the output; the parser rejects truncated JSON.
        let _ = pipe.take(limit.saturating_add(1)).read_to_end(&mut kept).await;
    }
    if kept.len() as u64 > limit { Err(TooLong) } else { Ok(kept) }
}

/// Reads standard error and keeps its beginning and end. The rest is read and discarded, so that ffprobe never blocks.
pub(crate) async fn errors(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let (mut head, mut tail) = (Vec::new(), Vec::new());
    if let Some(mut pipe) = pipe {
        let mut buffer = [0; 4096];
        while let Ok(count) = pipe.read(&mut buffer).await
            && count > 0
        {
            let room = MAX_ERRORS.saturating_sub(head.len()).min(count);
            head.extend_from_slice(&buffer[..room]);
            tail.extend_from_slice(&buffer[room..count]);
            // Not on every read, since it moves the kept bytes.
            if tail.len() > 2 * MAX_ERRORS {
                tail.drain(..tail.len() - MAX_ERRORS);
            }
        }
    }
    head.append(&mut tail);
    String::from_utf8_lossy(&head).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn beginning_and_end_of_long_errors_are_kept() {
        let text = format!("first{}last", "x".repeat(1_000_000));
        let kept = errors(Some(text.as_bytes())).await;
        assert!(kept.starts_with("firstx") && kept.ends_with("xlast"));
        assert!(kept.len() <= 3 * MAX_ERRORS, "{} bytes", kept.len());
    }
}
