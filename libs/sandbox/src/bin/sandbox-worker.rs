//! The worker alone, for the tests of this crate; `troupe code-worker` is the same.

fn main() {
    // The tests prove with this that a process with a second thread is refused.
    if std::env::args().any(|arg| arg == "second-thread") {
        std::thread::spawn(std::thread::park);
    }
    sandbox::worker_main()
}
