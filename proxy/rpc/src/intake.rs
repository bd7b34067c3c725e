//! What has come of messages that are not whole yet: bounded in bytes over all calls, and each in time.
//!
//! tonic keeps the beginning of a message until its end is there, for as long as its caller likes. An application that
//! stops in the middle of many would fill the memory that limits.buffer_bytes is there to bound.

use bytes::Bytes;
use http_body::{Body, Frame};
use sidecommit_core::{Limits, Reason, Refusal};
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Sleep, sleep};
use tonic::Status;

/// Before each message of gRPC: a flag and the length.
const HEADER_BYTES: usize = 5;
/// Until a caller that was refused may try again.
const RETRY_AFTER_MS: u64 = 100;

/// All calls' messages that are not whole.
#[derive(Clone, Debug)]
pub(crate) struct Intake {
    bytes: Arc<AtomicU64>,
    bytes_max: u64,
    patience: Duration,
}

/// A request's body, watched.
pub(crate) struct Watched {
    body: tonic::body::Body,
    intake: Intake,
    message: Message,
    /// What of `intake.bytes` is this body's.
    held: u64,
    /// Runs while more of the message is waited for.
    late: Option<Pin<Box<Sleep>>>,
}

/// Where in a message a body is.
#[derive(Debug, Default)]
struct Message {
    header: [u8; HEADER_BYTES],
    /// Bytes of the header that have come.
    headed: usize,
    /// Bytes after the header that have come, and that are still to come.
    come: u64,
    missing: u64,
}

// === impl Intake ===

impl Intake {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            bytes: Arc::default(),
            bytes_max: limits.buffer_bytes,
            patience: Duration::from_millis(limits.idle_timeout),
        }
    }

    /// The body, ended with an error once all bodies together hold too much, or this one takes too long.
    pub(crate) fn watch(&self, body: tonic::body::Body) -> tonic::body::Body {
        tonic::body::Body::new(Watched {
            body,
            intake: self.clone(),
            message: Message::default(),
            held: 0,
            late: None,
        })
    }

    fn full(&self, actual: u64) -> Status {
        let limit = self.bytes_max;
        let message = format!(
            "{actual} bytes of messages that are not whole yet, at most {limit} are kept (limits.buffer_bytes)"
        );
        let refusal = Refusal::new(Reason::BufferExceeded, message);
        crate::status(&refusal.exceeded("limits.buffer_bytes", limit, actual).retry_after(RETRY_AFTER_MS))
    }

    fn too_late(&self) -> Status {
        let patience = self.patience;
        Status::deadline_exceeded(format!(
            "the message did not end within {patience:?} of its beginning (limits.idle_timeout); nothing of it was taken"
        ))
    }
}

// === impl Watched ===

impl Watched {
    fn take(&mut self, data: &[u8]) -> Result<(), Status> {
        self.message.follow(data);
        if !self.message.is_partial() {
            self.late = None;
        }
        self.hold(self.message.come)
    }

    fn hold(&mut self, bytes: u64) -> Result<(), Status> {
        let before = std::mem::replace(&mut self.held, bytes);
        let all = &self.intake.bytes;
        if bytes <= before {
            all.fetch_sub(before - bytes, Ordering::Relaxed);
            return Ok(());
        }
        let more = bytes - before;
        let actual = all.fetch_add(more, Ordering::Relaxed) + more;
        if actual > self.intake.bytes_max { Err(self.intake.full(actual)) } else { Ok(()) }
    }

    /// More of a message has to come in time. The time does not run while nobody asks: then it is us who are slow.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<Status> {
        if !self.message.is_partial() {
            return Poll::Pending;
        }
        let patience = self.intake.patience;
        let late = self.late.get_or_insert_with(|| Box::pin(sleep(patience)));
        late.as_mut().poll(cx).map(|()| self.intake.too_late())
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) else {
            return this.poll_late(cx).map(|status| Some(Err(status)));
        };
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
            && let Err(status) = this.take(data)
        {
            return Poll::Ready(Some(Err(status)));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.intake.bytes.fetch_sub(self.held, Ordering::Relaxed);
    }
}

// === impl Message ===

impl Message {
    /// Goes on by what has come; it may end one message and begin the next.
    fn follow(&mut self, mut data: &[u8]) {
        while let Some((&first, rest)) = data.split_first() {
            if self.missing > 0 {
                let come = data.len().min(usize::try_from(self.missing).unwrap_or(usize::MAX));
                self.come += come as u64;
                self.missing -= come as u64;
                data = &data[come..];
            } else {
                self.header[self.headed] = first;
                self.headed += 1;
                data = rest;
                if self.headed < HEADER_BYTES {
                    continue;
                }
                let [_, length @ ..] = self.header;
                self.missing = u32::from_be_bytes(length).into();
            }
            if self.missing == 0 {
                (self.headed, self.come) = (0, 0);
            }
        }
    }

    fn is_partial(&self) -> bool {
        self.headed > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::VecDeque, future::poll_fn};

    fn message(bytes: usize) -> Vec<u8> {
        let length = u32::try_from(bytes).expect("small").to_be_bytes();
        [0].into_iter().chain(length).chain(std::iter::repeat_n(7, bytes)).collect()
    }

    #[test]
    fn messages_are_followed_however_they_are_cut() {
        let stream = [message(3), message(0), message(300), message(1)].concat();
        for piece in 1..stream.len() {
            let mut followed = Message::default();
            let mut at = 0;
            for data in stream.chunks(piece) {
                followed.follow(data);
                at += data.len();
                let ends = [0, 8, 13, 318, 324];
                assert_eq!(followed.is_partial(), !ends.contains(&at), "pieces of {piece}, {at} bytes");
                let begun = ends.iter().rev().find(|end| **end <= at).expect("0 is one");
                assert_eq!(followed.come, (at - begun).saturating_sub(HEADER_BYTES) as u64);
            }
        }
    }

    /// These pieces, then nothing for ever.
    struct Stalled(VecDeque<Vec<u8>>);

    impl Body for Stalled {
        type Data = Bytes;
        type Error = Status;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
            self.0.pop_front().map_or(Poll::Pending, |piece| Poll::Ready(Some(Ok(Frame::data(piece.into())))))
        }
    }

    /// A body that has got these pieces, once it is ended or waits without a clock.
    async fn after(pieces: Vec<Vec<u8>>) -> (Watched, Option<Status>) {
        let intake = Intake::new(&Limits { idle_timeout: 1, ..Limits::default() });
        let body = tonic::body::Body::new(Stalled(pieces.into()));
        let mut watched = Watched { body, intake, message: Message::default(), held: 0, late: None };
        let ended = poll_fn(|cx| {
            loop {
                match Pin::new(&mut watched).poll_frame(cx) {
                    Poll::Ready(frame) => match frame.expect("never ends") {
                        Ok(_) => {}
                        Err(status) => return Poll::Ready(Some(status)),
                    },
                    Poll::Pending if watched.late.is_some() => return Poll::Pending,
                    Poll::Pending => return Poll::Ready(None),
                }
            }
        });
        let ended = ended.await;
        (watched, ended)
    }

    #[tokio::test]
    async fn a_stream_may_be_idle_between_messages_but_not_within_one() {
        let halves = [message(300)[..40].to_vec(), message(300)[40..].to_vec()];
        for whole in [vec![], vec![message(3)], [&[message(3)], &halves[..]].concat()] {
            let (idle, ended) = after(whole).await;
            assert!(ended.is_none() && idle.late.is_none(), "no clock runs that could end it");
        }
        for cut in [1, 5, 6] {
            let (_, ended) = after(vec![message(3), message(3)[..cut].to_vec()]).await;
            assert_eq!(ended.expect("within a message").code(), tonic::Code::DeadlineExceeded);
        }
    }

    #[test]
    fn what_is_held_is_let_go_with_the_end_of_the_message_or_the_body() {
        let limits = Limits { buffer_bytes: 100, ..Limits::default() };
        let intake = Intake::new(&limits);
        let watched = || Watched {
            body: tonic::body::Body::empty(),
            intake: intake.clone(),
            message: Message::default(),
            held: 0,
            late: None,
        };
        let held = || intake.bytes.load(Ordering::Relaxed);
        let (mut first, mut second) = (watched(), watched());
        first.take(&message(80)[..65]).expect("there is room");
        second.take(&message(80)[..45]).expect("there is just room");
        assert_eq!(held(), 100);
        let full = second.take(&[7]).expect_err("one too many");
        assert_eq!(full.code(), tonic::Code::ResourceExhausted);
        drop(second);
        assert_eq!(held(), 60);
        first.take(&message(80)[65..]).expect("is whole");
        assert_eq!(held(), 0);
    }
}
