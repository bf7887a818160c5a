//! A queue between the browser's callbacks and one task that waits for them.

use std::{
    cell::RefCell,
    collections::VecDeque,
    task::{Poll, Waker},
};

#[derive(Debug)]
pub(super) struct Queue<T> {
    items: RefCell<VecDeque<T>>,
    waiting: RefCell<Option<Waker>>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            items: RefCell::default(),
            waiting: RefCell::default(),
        }
    }
}

impl<T> Queue<T> {
    pub(super) fn put(&self, item: T) {
        self.items.borrow_mut().push_back(item);
        if let Some(waker) = self.waiting.take() {
            waker.wake();
        }
    }

    pub(super) fn take(&self) -> Option<T> {
        self.items.borrow_mut().pop_front()
    }

    pub(super) async fn next(&self) -> T {
        std::future::poll_fn(|context| match self.take() {
            Some(item) => Poll::Ready(item),
            None => {
                self.waiting.replace(Some(context.waker().clone()));
                Poll::Pending
            }
        })
        .await
    }
}
