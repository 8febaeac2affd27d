//! Captures the output of a process, up to a limit.

use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes of the beginning and of the end of standard error that are captured.
const MAX_ERRORS: usize = 32 * 1024;

/// The initial capacity for standard output, enough for most files.
const USUAL_OUTPUT: usize = 16 * 1024;

/// The output exceeds its limit.
#[derive(Debug)]
pub struct TooLong;

/// Reads standard output to its end.
///
/// # Errors
/// [`TooLong`] if it has more than `limit` bytes.
pub async fn output(pipe: Option<impl AsyncRead + Unpin>, limit: u64) -> Result<Vec<u8>, TooLong> {
    let mut kept = Vec::with_capacity(USUAL_OUTPUT);
    if let Some(pipe) = pipe {
        // A read error ends the output. The parser rejects truncated JSON.
        let _ = pipe.take(limit.saturating_add(1)).read_to_end(&mut kept).await;
    }
    if kept.len() as u64 > limit { Err(TooLong) } else { Ok(kept) }
}

/// Reads standard error to its end, so that the process never blocks on the pipe. Returns its beginning and its end.
pub async fn errors(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let (mut head, mut tail) = (Vec::new(), Vec::new());
    if let Some(mut pipe) = pipe {
        let mut buffer = [0; 4096];
        while let Ok(count) = pipe.read(&mut buffer).await
            && count > 0
        {
            let room = MAX_ERRORS.saturating_sub(head.len()).min(count);
            head.extend_from_slice(&buffer[..room]);
            tail.extend_from_slice(&buffer[room..count]);
            // At intervals, because it moves the captured bytes.
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
    async fn both_ends_of_long_errors_are_captured() {
        let text = format!("first{}last", "x".repeat(1_000_000));
        let kept = errors(Some(text.as_bytes())).await;
        assert!(kept.starts_with("firstx") && kept.ends_with("xlast"));
        assert!(kept.len() <= 3 * MAX_ERRORS, "{} bytes", kept.len());
    }
}
