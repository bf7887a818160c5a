//! What was read from the API, shared by all who ask for the same: shown at once, read anew behind it.
//!
//! Entries know nothing of the type of their data, so that there is one of this code in the app and
//! not one for each type of answer.
//!
//! **Invariant:** a key has one entry and at most one reading under way; an answer that an invalidation
//! overtook is read once more.

use std::{
    any::{Any, TypeId},
    cell::RefCell,
    collections::HashMap,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    rc::Rc,
};

use contracts::Problem;
use dioxus::{core::spawn_forever, prelude::*};
use serde::de::DeserializeOwned;

/// What a page shows.
#[derive(Clone, PartialEq)]
pub(crate) enum View<T> {
    Loading,
    Failed(Problem),
    Ready(Rc<T>),
}

/// A handle on an entry; cheap to copy around.
pub(crate) struct Query<T: 'static> {
    entry: Rc<Entry>,
    of: PhantomData<T>,
}

impl<T> Clone for Query<T> {
    fn clone(&self) -> Self {
        Self {
            entry: self.entry.clone(),
            of: PhantomData,
        }
    }
}

impl<T> PartialEq for Query<T> {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.entry, &other.entry)
    }
}

type Data = Rc<dyn Any>;
type Answer = Pin<Box<dyn Future<Output = Result<Data, Problem>>>>;
type Fetch = Rc<dyn Fn() -> Answer>;

/// The type of an entry's data.
#[derive(Clone, Copy)]
struct Kind {
    id: TypeId,
    same: fn(&dyn Any, &dyn Any) -> bool,
}

struct Entry {
    kind: Kind,
    state: Signal<State>,
    progress: RefCell<Progress>,
    fetch: RefCell<Fetch>,
}

/// Where an entry stands.
#[derive(Clone)]
struct State {
    data: Option<Data>,
    /// Why the last reading failed; the data before it stays.
    problem: Option<Problem>,
    fetching: bool,
}

/// What the entry itself keeps track of, apart from what is shown.
#[derive(Default)]
struct Progress {
    fetching: bool,
    stale: bool,
    watchers: usize,
}

thread_local! {
    static ENTRIES: RefCell<HashMap<String, Rc<Entry>>> = RefCell::default();
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
    let fetch = move || {
        let answer = fetch();
        Box::pin(async move { answer.await.map(|data| Rc::new(data) as Data) }) as Answer
    };
    let kind = Kind {
        id: TypeId::of::<T>(),
        same: |old, new| old.downcast_ref::<T>() == new.downcast_ref::<T>(),
    };
    Query {
        entry: use_entry(key, kind, Rc::new(fetch)),
        of: PhantomData,
    }
}

fn use_entry(key: String, kind: Kind, fetch: Fetch) -> Rc<Entry> {
    let mut watched = use_hook(|| CopyValue::new(None::<(String, Rc<Entry>)>));
    use_drop(move || {
        if let Some((_, entry)) = watched.take() {
            entry.progress.borrow_mut().watchers -= 1;
        }
    });
    let known = watched
        .peek()
        .as_ref()
        .filter(|(known, _)| *known == key)
        .map(|(_, entry)| entry.clone());
    if let Some(entry) = known.filter(|entry| is_current(&key, entry)) {
        return entry;
    }
    let entry = open(&key, kind, fetch);
    entry.progress.borrow_mut().watchers += 1;
    let before = watched.replace(Some((key, entry.clone())));
    if let Some((_, before)) = before {
        before.progress.borrow_mut().watchers -= 1;
    }
    if entry.progress.borrow().stale {
        entry.clone().refetch();
    }
    entry
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

fn is_current(key: &str, entry: &Rc<Entry>) -> bool {
    ENTRIES.with_borrow(|entries| entries.get(key).is_some_and(|now| Rc::ptr_eq(now, entry)))
}

fn open(key: &str, kind: Kind, fetch: Fetch) -> Rc<Entry> {
    let known = ENTRIES.with_borrow(|entries| entries.get(key).cloned());
    if let Some(entry) = known.filter(|entry| entry.kind.id == kind.id) {
        entry.fetch.replace(fetch);
        let mut progress = entry.progress.borrow_mut();
        // What is shown again is read again; what is shown already is kept up to date.
        progress.stale |= progress.watchers == 0 && !progress.fetching;
        drop(progress);
        return entry;
    }
    let empty = State {
        data: None,
        problem: None,
        fetching: true,
    };
    let entry = Rc::new(Entry {
        kind,
        state: Signal::new_in_scope(empty, ScopeId::ROOT),
        progress: RefCell::new(Progress {
            stale: true,
            ..Progress::default()
        }),
        fetch: RefCell::new(fetch),
    });
    ENTRIES.with_borrow_mut(|entries| entries.insert(key.to_owned(), entry.clone()));
    entry
}

impl<T: PartialEq + 'static> Query<T> {
    /// Subscribes the caller.
    pub(crate) fn data(&self) -> Option<Rc<T>> {
        typed(self.entry.state.read().data.clone())
    }

    /// Subscribes nobody.
    pub(crate) fn peek(&self) -> Option<Rc<T>> {
        typed(self.entry.state.peek().data.clone())
    }

    /// Data, even old, before problems, before waiting. Subscribes the caller.
    pub(crate) fn view(&self) -> View<T> {
        let state = self.entry.state.read();
        match (typed(state.data.clone()), &state.problem) {
            (Some(data), _) => View::Ready(data),
            (None, Some(problem)) => View::Failed(problem.clone()),
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
        self.entry.clone().refetch();
    }
}

fn typed<T: 'static>(data: Option<Data>) -> Option<Rc<T>> {
    data.map(|data| data.downcast().expect("an entry holds data of its kind"))
}

impl Entry {
    fn invalidate(self: Rc<Self>) {
        self.progress.borrow_mut().stale = true;
        if self.progress.borrow().watchers > 0 {
            self.refetch();
        }
    }

    fn refetch(self: Rc<Self>) {
        {
            let mut progress = self.progress.borrow_mut();
            progress.stale = true;
            if progress.fetching {
                return;
            }
            progress.fetching = true;
        }
        spawn_forever(async move { self.read().await });
    }

    async fn read(self: Rc<Self>) {
        let mut state = self.state;
        if !state.peek().fetching {
            state.write().fetching = true;
        }
        while std::mem::take(&mut self.progress.borrow_mut().stale) {
            let fetch = self.fetch.borrow().clone();
            let answer = fetch().await;
            let before = state.peek().clone();
            let (data, problem) = match answer {
                // The same data keeps its place in memory, so that nothing is drawn again.
                Ok(new) => {
                    let old = before.data;
                    let old = old.filter(|old| (self.kind.same)(&**old, &*new));
                    (Some(old.unwrap_or(new)), None)
                }
                Err(problem) => (before.data, Some(problem)),
            };
            let next = State {
                data,
                problem,
                fetching: false,
            };
            if !state.peek().is(&next) {
                state.set(next);
            }
        }
        self.progress.borrow_mut().fetching = false;
    }
}

impl State {
    fn is(&self, other: &Self) -> bool {
        let same_data = match (&self.data, &other.data) {
            (Some(one), Some(two)) => Rc::ptr_eq(one, two),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        same_data && self.problem == other.problem && self.fetching == other.fetching
    }
}
