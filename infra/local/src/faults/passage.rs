//! What is the same for every service: what happens to a call before and after it is carried out.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;

use super::{Action, ErrorKind, Faults};
use crate::server::{Answer, BoxError, Cut, Link};

impl Faults {
    /// What comes before a call is carried out; an error to answer with instead.
    pub(crate) async fn before(&self, action: Option<Action>, link: &Link) -> Result<Option<ErrorKind>, Cut> {
        match action {
            Some(Action::Error(kind)) => return Ok(Some(kind)),
            Some(Action::Cut) => return Err(Cut),
            Some(Action::DelayMs(delay)) => tokio::time::sleep(Duration::from_millis(delay)).await,
            // Who is no function of ours (a client with a presigned URL) lives on, and is answered.
            Some(Action::KillBefore) if self.processes().kill_owner(link).await => return Err(Cut),
            _ => {}
        }
        Ok(None)
    }

    /// What comes after it.
    pub(crate) async fn after(
        &self,
        action: Option<Action>,
        link: &Link,
        response: Response<UnsyncBoxBody<Bytes, BoxError>>,
    ) -> Answer {
        match action {
            Some(Action::LoseAnswer) => return Err(Cut),
            Some(Action::CutAnswer) => return half(response),
            Some(Action::CloseIdle) => link.die(),
            Some(Action::KillAfter) if self.processes().kill_owner(link).await => return Err(Cut),
            _ => {}
        }
        Ok(response)
    }
}

/// The first half of an answer; nothing of one whose length is not known, or that has no body.
fn half(response: Response<UnsyncBoxBody<Bytes, BoxError>>) -> Answer {
    match response.body().size_hint().exact() {
        Some(size) if size > 1 => Ok(response.map(|body| Half { body, left: size / 2 }.boxed_unsync())),
        _ => Err(Cut),
    }
}

/// A body that breaks off.
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

    /// Of the whole, so that the headers promise what does not come.
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
