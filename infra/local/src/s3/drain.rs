//! A refused request's body. A server that closes the connection while the client still sends makes many clients
//! report a broken connection instead of the refusal, so what is left of a small body is read and thrown away.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::sync::oneshot;

/// More than this is not waited for.
const MAX_DRAINED: u64 = 16 << 20;

/// Nor longer than this.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// A body that comes back when its user drops it.
pub(super) struct Lent {
    inner: Option<Incoming>,
    back: Option<oneshot::Sender<Incoming>>,
}

/// Where a [`Lent`] body comes back.
pub(super) struct Returned(oneshot::Receiver<Incoming>);

/// Lends a body.
pub(super) fn lend(body: Incoming) -> (Lent, Returned) {
    let (back, returned) = oneshot::channel();
    (Lent { inner: Some(body), back: Some(back) }, Returned(returned))
}

impl Returned {
    /// Reads what is left, within bounds.
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
            tracing::debug!("a refused body was slow");
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
            // Nothing waits if the request succeeded.
            let _ = back.send(body);
        }
    }
}
