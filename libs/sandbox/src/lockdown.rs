//! Gives up every right of this process but computing and talking over its pipes.
//!
//! **Invariant:** [`enter`] returns `Ok` only when each step held, the system call
//! filter was seen to refuse, and the process has one thread; anything else is an
//! error, on which the worker exits before it reads a job.
#![allow(unsafe_code)] // System calls without a safe wrapper; each block says why it is sound.

use std::{
    collections::BTreeMap,
    io, process,
    sync::atomic::{AtomicU64, Ordering},
};

use libc::{c_int, c_long, c_ulong, rlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

use crate::config::{MEMORY_BYTES_MAX, STACK_BYTES};

/// The user and group `nobody`.
const NOBODY: u32 = 65_534;
/// Room for the job's text, its answer and the allocator, beside the engine's memory.
const HEADROOM_BYTES: u64 = 256 * 1024 * 1024;
/// Room for the rest where the memory of a job is limited by its address space.
const JOB_HEADROOM_BYTES: u64 = 48 * 1024 * 1024;
/// What the program's own mappings take, known since the lock-down.
static OWN_BYTES: AtomicU64 = AtomicU64::new(0);
/// The main thread's stack: the engine's limit and ample room for what is below it.
const THREAD_STACK_BYTES: u64 = 8 * STACK_BYTES;

/// Why a step of the lock-down failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot lock down: {step}: {error}")]
    Step {
        step: &'static str,
        error: io::Error,
    },
    #[error("cannot lock down: the process has `{0}` threads, not one")]
    Threads(usize),
    #[error("cannot lock down: the system call filter cannot be built: {0}")]
    Filter(#[from] seccompiler::BackendError),
    #[error("cannot lock down: the system call filter cannot be installed: {0}")]
    Install(#[from] seccompiler::Error),
    #[error("cannot lock down: system call `{0}` is still allowed")]
    StillAllowed(&'static str),
}

/// Locks this process down, for good.
pub(crate) fn enter() -> Result<(), Error> {
    let parent = std::os::unix::process::parent_id();
    let threads = step("count threads", std::fs::read_dir("/proc/self/task"))?.count();
    if threads != 1 {
        return Err(Error::Threads(threads));
    }
    step("change to `/`", std::env::set_current_dir("/"))?;
    close_descriptors()?;
    limit_resources()?;
    drop_identity()?;
    restrict_process()?;
    // Whoever died before the death signal was set left us to another parent.
    if std::os::unix::process::parent_id() != parent {
        process::exit(0);
    }
    apply_filter(&filter()?)?;
    prove()
}

fn close_descriptors() -> Result<(), Error> {
    // SAFETY: closes descriptors above standard error. This runs before any code
    // that owns one, in a process with one thread.
    let status = unsafe { libc::syscall(libc::SYS_close_range, 3, c_ulong::from(u32::MAX), 0) };
    call("close descriptors", status)
}

fn limit_resources() -> Result<(), Error> {
    let own = address_space_bytes()?;
    OWN_BYTES.store(own, Ordering::Relaxed);
    let address_space = own + MEMORY_BYTES_MAX + HEADROOM_BYTES;
    set_limit("limit core dumps", libc::RLIMIT_CORE, 0)?;
    set_limit("limit file size", libc::RLIMIT_FSIZE, 0)?;
    set_limit("limit descriptors", libc::RLIMIT_NOFILE, 3)?;
    set_limit("limit locked memory", libc::RLIMIT_MEMLOCK, 0)?;
    set_limit("limit stack", libc::RLIMIT_STACK, THREAD_STACK_BYTES)?;
    set_limit("limit address space", libc::RLIMIT_AS, address_space)?;
    set_limit("limit processes", libc::RLIMIT_NPROC, 0)
}

/// Limits what this process may map, for an engine that does not count its memory;
/// without a number, to what the lock-down left it.
pub(crate) fn limit_memory(job_bytes: Option<u64>) -> io::Result<()> {
    let own = OWN_BYTES.load(Ordering::Relaxed);
    let most = own + MEMORY_BYTES_MAX + HEADROOM_BYTES;
    let limit = rlimit {
        rlim_cur: job_bytes.map_or(most, |bytes| most.min(own + bytes + JOB_HEADROOM_BYTES)),
        rlim_max: most,
    };
    // SAFETY: `limit` is a valid structure for the whole call, and only read.
    let status = unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) };
    if status == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// What the program's own mappings take, from the first field of `statm` (pages).
fn address_space_bytes() -> Result<u64, Error> {
    let what = "read own size";
    let statm = step(what, std::fs::read_to_string("/proc/self/statm"))?;
    let pages = statm
        .split(' ')
        .next()
        .and_then(|pages| pages.parse::<u64>().ok());
    // SAFETY: sysconf only reads; it takes no pointer.
    let page = u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).ok();
    pages
        .zip(page)
        .map(|(pages, page)| pages * page)
        .ok_or_else(|| Error::Step {
            step: what,
            error: io::Error::from(io::ErrorKind::InvalidData),
        })
}

fn set_limit(
    name: &'static str,
    resource: libc::__rlimit_resource_t,
    value: u64,
) -> Result<(), Error> {
    let limit = rlimit {
        rlim_cur: value,
        rlim_max: value,
    };
    // SAFETY: `limit` is a valid structure for the whole call, and only read.
    let status = unsafe { libc::setrlimit(resource, &raw const limit) };
    call(name, c_long::from(status))
}

/// Becomes `nobody` when root, and gives up all capabilities in any case.
fn drop_identity() -> Result<(), Error> {
    // SAFETY: geteuid takes nothing and cannot fail.
    if unsafe { libc::geteuid() } == 0 {
        // SAFETY: a length of zero means that the pointer is not read.
        let status = unsafe { libc::setgroups(0, std::ptr::null()) };
        call("drop groups", c_long::from(status))?;
        // SAFETY: takes integers only; one thread, so nobody keeps the old group.
        let status = unsafe { libc::setresgid(NOBODY, NOBODY, NOBODY) };
        call("drop group", c_long::from(status))?;
        // SAFETY: takes integers only; one thread, so nobody keeps the old user.
        let status = unsafe { libc::setresuid(NOBODY, NOBODY, NOBODY) };
        call("drop user", c_long::from(status))?;
    }
    // Version 3 of the interface: a header {version, pid} and two sets of
    // {effective, permitted, inheritable}; see capset(2).
    let header: [u32; 2] = [0x2008_0522, 0];
    let none: [u32; 6] = [0; 6];
    // SAFETY: both arrays have the sizes that version 3 asks for, and live long enough.
    let status = unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), none.as_ptr()) };
    call("drop capabilities", status)
}

/// Set after the change of user, which resets the last two.
fn restrict_process() -> Result<(), Error> {
    control("set no new privileges", libc::PR_SET_NO_NEW_PRIVS, 1)?;
    control("set not dumpable", libc::PR_SET_DUMPABLE, 0)?;
    let kill = c_ulong::from(libc::SIGKILL.unsigned_abs());
    control("set death signal", libc::PR_SET_PDEATHSIG, kill)
}

fn control(name: &'static str, option: c_int, value: c_ulong) -> Result<(), Error> {
    let zero: c_ulong = 0;
    // SAFETY: these options take integers only.
    let status = unsafe { libc::prctl(option, value, zero, zero, zero) };
    call(name, c_long::from(status))
}

/// What the engine, the allocator and the runtime of the language need. All else
/// is refused: files, sockets, processes, threads, signals to others, executable memory.
fn filter() -> Result<BpfProgram, Error> {
    const ALLOWED: &[c_long] = &[
        libc::SYS_read,
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_brk,
        libc::SYS_futex,
        libc::SYS_clock_gettime,
        libc::SYS_gettimeofday,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_getrandom,
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_restart_syscall,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ];
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
    let not_executable = || -> Result<Vec<SeccompRule>, Error> {
        let executable = u64::from(libc::PROT_EXEC.unsigned_abs());
        let protection = SeccompCondition::new(
            2,
            SeccompCmpArgLen::Dword,
            SeccompCmpOp::MaskedEq(executable),
            0,
        )?;
        Ok(vec![SeccompRule::new(vec![protection])?])
    };
    rules.insert(libc::SYS_mmap, not_executable()?);
    rules.insert(libc::SYS_mprotect, not_executable()?);
    // A panic aborts by a signal to itself, and to nobody else.
    let own_process = SeccompCondition::new(
        0,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::Eq,
        u64::from(process::id()),
    )?;
    rules.insert(libc::SYS_tgkill, vec![SeccompRule::new(vec![own_process])?]);
    // Its own address space, which the lock-down has bounded for good.
    let equals = |argument, value| {
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
    };
    let own_memory = vec![equals(0, 0)?, equals(1, u64::from(libc::RLIMIT_AS))?];
    rules.insert(libc::SYS_prlimit64, vec![SeccompRule::new(own_memory)?]);
    let refuse = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let filter = SeccompFilter::new(rules, refuse, SeccompAction::Allow, arch)?;
    Ok(filter.try_into()?)
}

/// Tries what must be refused by now. A kernel or container runtime that takes
/// the filter and does not enforce it is found here.
fn prove() -> Result<(), Error> {
    // SAFETY: takes integers only.
    let socket = unsafe { libc::syscall(libc::SYS_socket, libc::AF_INET, libc::SOCK_STREAM, 0) };
    refused("socket", socket)?;
    // SAFETY: the path is a constant that ends in NUL.
    let file = unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, c"/".as_ptr(), 0, 0) };
    refused("openat", file)?;
    // SAFETY: anonymous memory at no fixed address; refused, and unused if it is not.
    let memory = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            4096,
            libc::PROT_READ | libc::PROT_EXEC,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    refused("mmap of executable memory", memory as c_long)
}

fn refused(name: &'static str, status: c_long) -> Result<(), Error> {
    let is_refused = status == -1 && io::Error::last_os_error().raw_os_error() == Some(libc::EPERM);
    if is_refused {
        Ok(())
    } else {
        Err(Error::StillAllowed(name))
    }
}

fn call(name: &'static str, status: c_long) -> Result<(), Error> {
    if status == -1 {
        return step(name, Err(io::Error::last_os_error()));
    }
    Ok(())
}

fn step<T>(name: &'static str, result: io::Result<T>) -> Result<T, Error> {
    result.map_err(|error| Error::Step { step: name, error })
}
