//! Injects faults before and after a service carries out a call.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;

use super::{Action, ErrorKind, Faults};
use crate::connection::{BoxError, BoxResponse, Connection, Cut, ServiceResult};

impl Faults {
    /// Injects a fault before a call is carried out. Returns the error to respond with, if any.
    pub(crate) async fn before(
        &self,
        action: Option<Action>,
        connection: &Connection,
    ) -> Result<Option<ErrorKind>, Cut> {
        match action {
            Some(Action::Error(kind)) => return Ok(Some(kind)),
            Some(Action::Cut) => return Err(Cut),
            Some(Action::DelayMs(delay)) => tokio::time::sleep(Duration::from_millis(delay)).await,
            // A client that is no function (it uses a presigned URL) is not killed, and gets its response.
            Some(Action::KillBefore) if self.processes().kill_owner(connection).await => return Err(Cut),
            _ => {}
        }
        Ok(None)
    }

    /// Injects a fault after a call was carried out.
    pub(crate) async fn after(
        &self,
        action: Option<Action>,
        connection: &Connection,
        response: BoxResponse,
    ) -> ServiceResult {
        match action {
            Some(Action::LoseResponse) => return Err(Cut),
            Some(Action::CutResponse) => return half(response),
            Some(Action::CloseIdle) => connection.die(),
            Some(Action::KillAfter) if self.processes().kill_owner(connection).await => return Err(Cut),
            _ => {}
        }
        Ok(response)
    }
}

/// Truncates a response to half its body. Without a body, or with one of unknown length, cuts the connection.
fn half(response: BoxResponse) -> ServiceResult {
    match response.body().size_hint().exact() {
        Some(size) if size > 1 => Ok(response.map(|body| Half { body, left: size / 2 }.boxed_unsync())),
        _ => Err(Cut),
    }
}

/// A body that ends early.
struct Half {
    body: UnsyncBoxBody<Bytes, BoxError>,
    left: u64,
}

impl Body for Half {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.left == 0 {
            return Poll::Ready(Some(Err(Cut.into())));
        }
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(context));
        let Some(Ok(Ok(mut data))) = frame.map(|frame| frame.map(Frame::into_data)) else {
            return Poll::Ready(Some(Err(Cut.into())));
        };
        data.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= data.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    /// Returns the size of the whole body, so that `Content-Length` exceeds the bytes that are sent.
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
