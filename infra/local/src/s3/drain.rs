//! Drains the body of a refused request. If the server closes the connection while the client still sends, many clients report a
//! broken connection instead of the refusal, so the rest of a small body is read and discarded.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::sync::oneshot;

/// Maximum of drained bytes.
const MAX_DRAINED: u64 = 16 << 20;

/// Maximum time for draining.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// A body that is sent back when it is dropped.
pub(super) struct Lent {
    inner: Option<Incoming>,
    back: Option<oneshot::Sender<Incoming>>,
}

/// Receives a [`Lent`] body back.
pub(super) struct Returned(oneshot::Receiver<Incoming>);

/// Wraps a body so that its unread rest can be drained.
pub(super) fn lend(body: Incoming) -> (Lent, Returned) {
    let (back, returned) = oneshot::channel();
    (Lent { inner: Some(body), back: Some(back) }, Returned(returned))
}

impl Returned {
    /// Reads and discards the rest, up to [`MAX_DRAINED`] bytes and [`MAX_WAIT`].
    pub(super) async fn drain(mut self) {
        let Ok(mut body) = self.0.try_recv() else { return };
        let drain = async {
            let mut drained = 0;
            while drained < MAX_DRAINED
                && let Some(Ok(frame)) = body.frame().await
            {
                drained += frame.data_ref().map_or(0, |data| data.len() as u64);
            }
        };
        if tokio::time::timeout(MAX_WAIT, drain).await.is_err() {
            tracing::debug!("a refused body was not drained in time");
        }
    }
}

impl Body for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.inner {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Incoming::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(body), Some(back)) = (self.inner.take(), self.back.take()) {
            // After a successful request nobody receives it.
            let _ = back.send(body);
        }
    }
}
