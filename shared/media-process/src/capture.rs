//! What a process prints, up to a limit.

use tokio::io::{AsyncRead, AsyncReadExt};

/// Kept of the beginning and of the end of standard error: enough for the reason, and for the notes.
const MAX_ERRORS: usize = 32 * 1024;

/// Room for what is printed of most files.
const USUAL_OUTPUT: usize = 16 * 1024;

/// More was printed than allowed.
#[derive(Debug)]
pub struct TooLong;

/// Returns everything up to the end.
///
/// # Errors
/// [`TooLong`] as soon as there is more than `limit` bytes.
pub async fn output(pipe: Option<impl AsyncRead + Unpin>, limit: u64) -> Result<Vec<u8>, TooLong> {
    let mut kept = Vec::with_capacity(USUAL_OUTPUT);
    if let Some(pipe) = pipe {
        // A pipe that cannot be read ends here; half of a JSON text is recognised as such.
        let _ = pipe.take(limit.saturating_add(1)).read_to_end(&mut kept).await;
    }
    if kept.len() as u64 > limit { Err(TooLong) } else { Ok(kept) }
}

/// Returns the beginning and the end; what is between is read and dropped, so that the process never waits for a reader.
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
            // Now and then, since it moves what is kept.
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
    async fn of_endless_errors_both_ends_are_kept() {
        let text = format!("first{}last", "x".repeat(1_000_000));
        let kept = errors(Some(text.as_bytes())).await;
        assert!(kept.starts_with("firstx") && kept.ends_with("xlast"));
        assert!(kept.len() <= 3 * MAX_ERRORS, "{} bytes", kept.len());
    }
}
