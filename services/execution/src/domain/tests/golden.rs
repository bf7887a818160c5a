//! Histories that earlier releases have written, in `services/execution/golden/<release>`: each is read, replayed to the
//! view it had, and, where it had not ended, brought to its end. What the log of an installation holds stays readable.
//!
//! With `GOLDEN_HISTORIES=write` the histories of this version that are missing are written. Those of a release are never
//! changed.

use std::{fs, path::PathBuf};

use bytes::Bytes;

use super::{
    random::{Move, any_index, random_plan, step},
    *,
};
use crate::record::{self, Stamp, Writer};

/// What a history was written from, and what the engine that wrote it made of it.
#[derive(serde::Serialize, serde::Deserialize)]
struct Expected {
    executable: Executable,
    view: Value,
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"))
}

/// A flow of all kinds of nodes, of which every `fails`th attempt fails.
fn flow(policy: u8, fails: usize, moves: usize) -> Run {
    let kinds: Vec<_> = (0..9u8).map(|kind| (kind, policy + kind)).collect();
    let mut run = Run::start(&random_plan(&kinds, &[(0, 4), (2, 7)]), json!({"x": 1}));
    for count in 1..=moves {
        let one = if count % fails == 0 {
            Move::Fail { retryable: true }
        } else {
            Move::Succeed(json!({"n": count}))
        };
        step(&mut run, any_index(), one);
    }
    run
}

fn cancelled() -> Run {
    let mut run = flow(0, 1000, 12);
    run.cancel();
    run
}

fn overdue() -> Run {
    let mut run = flow(1, 1000, 5);
    step(&mut run, any_index(), Move::Overdue);
    run
}

fn paused() -> Run {
    let mut run = flow(2, 1000, 6);
    step(&mut run, any_index(), Move::Pause);
    run
}

/// The stories that are told at each release.
fn stories() -> Vec<(&'static str, Run)> {
    vec![
        ("flow_that_succeeds", flow(1, 1000, 400)),
        ("flow_that_fails", flow(3, 4, 400)),
        ("flow_at_its_start", flow(0, 1000, 3)),
        ("flow_half_done", flow(2, 5, 14)),
        ("flow_being_cancelled", cancelled()),
        ("flow_overdue", overdue()),
        ("flow_paused", paused()),
        ("flow_called", calling::called()),
        ("flow_that_calls", calling::caller_at_work()),
        ("flow_from_a_cache", caching::an_output_taken()),
        ("flow_that_takes_over", reusing::items_taken_over()),
        ("agent_with_tools", agents::an_agent_at_work()),
        ("crew_at_work", agents::a_crew_at_work()),
    ]
}

/// What an outsider sees and whatever is still to be done.
fn view(state: &State) -> Value {
    let mut steps: Vec<_> = state
        .steps()
        .map(|(at, step)| (state.path(at).into_owned(), format!("{step:?}")))
        .collect();
    steps.sort();
    json!({"execution": state.data.view(), "steps": steps})
}

fn message(records: &[Record]) -> Bytes {
    let mut writer = Writer::new();
    for record in records {
        writer.push(record);
    }
    let stamp = Stamp {
        epoch: 1,
        batch: 1,
        writer: 1,
    };
    writer.seal(stamp).message
}

/// Whether all that is in `old` is in `new`: a later release may say more.
fn holds(new: &Value, old: &Value) -> bool {
    match (new, old) {
        (Value::Object(new), Value::Object(old)) => old
            .iter()
            .all(|(key, old)| new.get(key).is_some_and(|new| holds(new, old))),
        (new, old) => new == old,
    }
}

/// The names of the histories of one release.
fn names(release: &std::path::Path) -> Vec<String> {
    let files = fs::read_dir(release).into_iter().flatten().flatten();
    let names = files.filter_map(|file| {
        let name = file.file_name().into_string().ok()?;
        Some(name.strip_suffix(".json")?.to_owned())
    });
    names.collect()
}

#[test]
fn every_release_can_be_read_and_carried_on() {
    let mut read = 0;
    for release in fs::read_dir(folder()).unwrap() {
        let release = release.unwrap().path();
        for name in names(&release) {
            let file = |ending| fs::read(release.join(format!("{name}.{ending}"))).unwrap();
            let expected: Expected = serde_json::from_slice(&file("json")).unwrap();
            let batch = record::read(&file("log").into()).unwrap();
            let records: Vec<_> = batch.records.into_iter().map(|it| it.record).collect();
            let plan = program(expected.executable);
            for count in 1..=records.len() {
                let state = State::replay(&plan, &records[..count]);
                assert!(state.is_ok(), "{name}, {count} records: {:?}", state.err());
            }
            let state = State::replay(&plan, &records).unwrap();
            let seen = view(&state);
            assert!(
                holds(&seen, &expected.view),
                "{name} was {:#}\nand is {seen:#}",
                expected.view
            );
            carry_on(&name, Run::taken(&plan, state, records));
            read += 1;
        }
    }
    assert!(read >= stories().len(), "only {read} histories were found");
}

/// Whatever is left succeeds.
fn carry_on(name: &str, mut run: Run) {
    let by = UserId::EXAMPLE;
    run.input(Input::Unpause {
        by,
        parent_event: None,
    });
    for _ in 0..400 {
        step(&mut run, any_index(), Move::Succeed(agents::said("Done.")));
    }
    assert!(run.state.is_over(), "{name}: {:?}", run.events());
}

#[test]
fn the_histories_of_this_version_are_kept() {
    let release = folder().join(env!("CARGO_PKG_VERSION"));
    for (name, run) in stories() {
        let path = |ending| release.join(format!("{name}.{ending}"));
        if !path("log").is_file() && std::env::var("GOLDEN_HISTORIES").as_deref() == Ok("write") {
            let expected = Expected {
                executable: run.plan.executable(),
                view: view(&run.state),
            };
            fs::create_dir_all(&release).unwrap();
            fs::write(path("log"), message(&run.records)).unwrap();
            fs::write(path("json"), format!("{:#}\n", json!(expected))).unwrap();
        }
        assert!(
            path("log").is_file(),
            "`GOLDEN_HISTORIES=write` writes {name}"
        );
    }
}
