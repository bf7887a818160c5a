//! What was read from the API, shared by all who ask for the same: shown at once, read anew behind it.
//!
//! **Invariant:** a key has one entry and at most one reading under way; an answer that an invalidation
//! overtook is read once more.

use std::{any::Any, cell::RefCell, collections::HashMap, future::Future, pin::Pin, rc::Rc};

use contracts::Problem;
use dioxus::{core::spawn_forever, prelude::*};
use serde::de::DeserializeOwned;

/// Where a query stands.
#[derive(Clone, PartialEq)]
pub(crate) struct State<T> {
    pub(crate) data: Option<Rc<T>>,
    /// Why the last reading failed; the data before it stays.
    pub(crate) problem: Option<Problem>,
    pub(crate) fetching: bool,
}

/// What a page shows.
#[derive(Clone, PartialEq)]
pub(crate) enum View<T> {
    Loading,
    Failed(Problem),
    Ready(Rc<T>),
}

type Fetch<T> = Rc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<T, Problem>>>>>;

/// A handle on an entry; cheap to copy around.
pub(crate) struct Query<T: 'static> {
    entry: Rc<Entry<T>>,
}

impl<T> Clone for Query<T> {
    fn clone(&self) -> Self {
        Self {
            entry: self.entry.clone(),
        }
    }
}

impl<T> PartialEq for Query<T> {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.entry, &other.entry)
    }
}

struct Entry<T: 'static> {
    state: Signal<State<T>>,
    progress: RefCell<Progress>,
    fetch: RefCell<Fetch<T>>,
}

/// What the entry itself keeps track of, apart from what is shown.
#[derive(Default)]
struct Progress {
    fetching: bool,
    stale: bool,
    watchers: usize,
}

/// An entry of whatever type.
trait Refresh {
    fn invalidate(self: Rc<Self>);
    fn as_any(self: Rc<Self>) -> Rc<dyn Any>;
}

thread_local! {
    static ENTRIES: RefCell<HashMap<String, Rc<dyn Refresh>>> = RefCell::default();
}

/// Reads `GET path` as JSON; the path is the key.
pub(crate) fn use_get<T: DeserializeOwned + PartialEq + 'static>(path: String) -> Query<T> {
    let key = path.clone();
    use_query(key, move || {
        let path = path.clone();
        async move { super::get(&path).await }
    })
}

/// Reads by `fetch` when the key is new or stale. The key says all that `fetch` depends on.
pub(crate) fn use_query<T, F>(key: String, fetch: impl Fn() -> F + 'static) -> Query<T>
where
    T: PartialEq + 'static,
    F: Future<Output = Result<T, Problem>> + 'static,
{
    let fetch: Fetch<T> = Rc::new(move || Box::pin(fetch()));
    let mut watched = use_hook(|| CopyValue::new(None::<(String, Query<T>)>));
    use_drop(move || {
        if let Some((_, query)) = watched.take() {
            query.entry.progress.borrow_mut().watchers -= 1;
        }
    });
    let known = watched
        .peek()
        .as_ref()
        .filter(|(known, _)| *known == key)
        .map(|(_, query)| query.clone());
    if let Some(query) = known.filter(|query| is_current(&key, query)) {
        return query;
    }
    let query = open(&key, fetch);
    query.entry.progress.borrow_mut().watchers += 1;
    let before = watched.replace(Some((key, query.clone())));
    if let Some((_, before)) = before {
        before.entry.progress.borrow_mut().watchers -= 1;
    }
    if query.entry.progress.borrow().stale {
        query.refetch();
    }
    query
}

/// Marks what begins with `prefix` as stale and reads anew what is shown of it.
pub(crate) fn invalidate(prefix: &str) {
    let matching: Vec<_> = ENTRIES.with_borrow(|entries| {
        let matching = entries.iter().filter(|(key, _)| key.starts_with(prefix));
        matching.map(|(_, entry)| entry.clone()).collect()
    });
    for entry in matching {
        entry.invalidate();
    }
}

/// Marks this entry alone as stale and reads it anew where it is shown.
pub(crate) fn invalidate_one(key: &str) {
    let entry = ENTRIES.with_borrow(|entries| entries.get(key).cloned());
    if let Some(entry) = entry {
        entry.invalidate();
    }
}

/// Forgets everything: another user or another organization is here.
pub(crate) fn clear() {
    ENTRIES.with_borrow_mut(HashMap::clear);
}

fn is_current<T>(key: &str, query: &Query<T>) -> bool {
    let entry = ENTRIES.with_borrow(|entries| entries.get(key).cloned());
    entry.is_some_and(|entry| std::ptr::addr_eq(Rc::as_ptr(&entry), Rc::as_ptr(&query.entry)))
}

fn open<T: PartialEq + 'static>(key: &str, fetch: Fetch<T>) -> Query<T> {
    let known = ENTRIES.with_borrow(|entries| entries.get(key).cloned());
    if let Some(Ok(entry)) = known.map(|entry| entry.as_any().downcast::<Entry<T>>()) {
        entry.fetch.replace(fetch);
        let mut progress = entry.progress.borrow_mut();
        // What is shown again is read again; what is shown already is kept up to date.
        progress.stale |= progress.watchers == 0 && !progress.fetching;
        drop(progress);
        return Query { entry };
    }
    let empty = State {
        data: None,
        problem: None,
        fetching: true,
    };
    let entry = Rc::new(Entry {
        state: Signal::new_in_scope(empty, ScopeId::ROOT),
        progress: RefCell::new(Progress {
            stale: true,
            ..Progress::default()
        }),
        fetch: RefCell::new(fetch),
    });
    ENTRIES.with_borrow_mut(|entries| entries.insert(key.to_owned(), entry.clone()));
    Query { entry }
}

impl<T: PartialEq + 'static> Refresh for Entry<T> {
    fn invalidate(self: Rc<Self>) {
        self.progress.borrow_mut().stale = true;
        if self.progress.borrow().watchers > 0 {
            Query { entry: self }.refetch();
        }
    }
    fn as_any(self: Rc<Self>) -> Rc<dyn Any> {
        self
    }
}

impl<T: PartialEq + 'static> Query<T> {
    /// Subscribes the caller.
    pub(crate) fn state(&self) -> State<T> {
        let state = self.entry.state.read();
        State {
            data: state.data.clone(),
            problem: state.problem.clone(),
            fetching: state.fetching,
        }
    }

    /// Subscribes the caller.
    pub(crate) fn data(&self) -> Option<Rc<T>> {
        self.entry.state.read().data.clone()
    }

    /// Subscribes nobody.
    pub(crate) fn peek(&self) -> Option<Rc<T>> {
        self.entry.state.peek().data.clone()
    }

    /// Data, even old, before problems, before waiting. Subscribes the caller.
    pub(crate) fn view(&self) -> View<T> {
        let State { data, problem, .. } = self.state();
        match (data, problem) {
            (Some(data), _) => View::Ready(data),
            (None, Some(problem)) => View::Failed(problem),
            (None, None) => View::Loading,
        }
    }

    /// Whether the first reading came to an end. Subscribes the caller.
    pub(crate) fn is_settled(&self) -> bool {
        let state = self.entry.state.read();
        state.data.is_some() || state.problem.is_some()
    }

    /// Puts in what a write answered.
    pub(crate) fn set(&self, data: T) {
        let mut state = self.entry.state;
        state.write().data = Some(Rc::new(data));
    }

    pub(crate) fn refetch(&self) {
        {
            let mut progress = self.entry.progress.borrow_mut();
            progress.stale = true;
            if progress.fetching {
                return;
            }
            progress.fetching = true;
        }
        let entry = self.entry.clone();
        spawn_forever(async move { entry.read().await });
    }
}

impl<T: PartialEq + 'static> Entry<T> {
    async fn read(self: Rc<Self>) {
        let mut state = self.state;
        if !state.peek().fetching {
            state.write().fetching = true;
        }
        while std::mem::take(&mut self.progress.borrow_mut().stale) {
            let fetch = self.fetch.borrow().clone();
            let answer = fetch().await;
            let data = state.peek().data.clone();
            let next = match answer {
                // The same data keeps its place in memory, so that nothing is drawn again.
                Ok(new) => State {
                    data: data
                        .filter(|old| **old == new)
                        .or_else(|| Some(Rc::new(new))),
                    problem: None,
                    fetching: false,
                },
                Err(problem) => State {
                    data,
                    problem: Some(problem),
                    fetching: false,
                },
            };
            if *state.peek() != next {
                state.set(next);
            }
        }
        self.progress.borrow_mut().fetching = false;
    }
}
