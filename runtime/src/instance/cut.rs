//! The future of a call, dropped at any point where it waits: whatever ends a call in its middle does that, at a
//! moment of its own.

use std::pin::Pin;
use std::task::Poll;

use super::{Instance, InstanceBuilder};

impl Instance {
    /// From now on, drops the future of each call that still waits after so many polls. For tests.
    #[doc(hidden)]
    pub fn cut_after(&mut self, polls: usize) {
        self.cut_after = Some(polls);
    }
}

impl InstanceBuilder {
    /// Drops the futures of the calls that make the instance as well. For tests.
    #[doc(hidden)]
    pub fn cut_after(mut self, polls: usize) -> Self {
        self.cut_after = Some(polls);
        self
    }
}

/// What the future answers; none where it still waits after so many polls, and is dropped there.
pub(super) async fn after<F: Future>(polls: usize, mut future: Pin<&mut F>) -> Option<F::Output> {
    let mut left = polls;
    std::future::poll_fn(|context| {
        left = left.saturating_sub(1);
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
