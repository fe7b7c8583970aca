//! What a run shows while it goes on: lines that are drawn again and again on a terminal, none in a pipe.

use std::fs::File;
use std::io::Read;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use crate::support::{PROGRAM, Site};
use flip_runtime::services::RecordedHub;
use flip_wasm_tests::job::{CLIENT, StandardJob, memory};
use flip_wasm_tests::servers::Fault;
use flip_wasm_tests::servers::hub::{HubServer, KEY};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// A job whose hub keeps its first event waiting, long enough for the lines to be drawn.
struct Slow {
    site: Site,
    _job: StandardJob,
    hub: HubServer,
}

impl Slow {
    fn new() -> Self {
        let hub = HubServer::new();
        hub.server.fail(|seen| (seen.number == 0).then_some(Fault::Late(Duration::from_secs(2))));
        let job = StandardJob::new();
        Self { site: Site::at(job.path("")), _job: job, hub }
    }

    fn command(&self, more: &[&str]) -> std::process::Command {
        let url = format!("{}/api", self.hub.server.address);
        let mut command = self.site.prepared(PROGRAM, &[("INTERNAL_SERVICE_KEY", KEY), ("TERM", "xterm")]);
        command.args(["run", "job", "--trace", "trace.jsonl", "--workspace", "workspace", "--hub", &url]);
        command.args(more).stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    /// Runs with the standard error on a terminal of this size.
    fn on_terminal(&self, rows: u16, columns: u16, more: &[&str]) -> Seen {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&terminal, size).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
        let other_end = File::options().read(true).write(true).open(name).unwrap();
        let mut command = self.command(more);
        let mut child = command.stderr(other_end).spawn().unwrap();
        // It holds an end of the terminal, which is closed when all of them are.
        drop(command);
        let mut screen = vt100::Parser::new(rows.try_into().unwrap(), columns.try_into().unwrap(), 1_000);
        let (mut shown, mut raw, mut bytes) = (Vec::new(), Vec::new(), [0; 4_096]);
        let mut terminal = File::from(terminal);
        while let Ok(read @ 1..) = terminal.read(&mut bytes) {
            screen.process(&bytes[..read]);
            raw.extend_from_slice(&bytes[..read]);
            shown.push(screen.screen().contents());
        }
        Seen { status: child.wait().unwrap(), shown, raw }
    }
}

/// What somebody who looks at the terminal sees.
struct Seen {
    status: ExitStatus,
    /// The screen, again and again.
    shown: Vec<String>,
    /// Everything that was written.
    raw: Vec<u8>,
}

#[test]
fn on_a_terminal_a_run_shows_what_it_is_at_and_its_log_makes_room() {
    let seen = Slow::new().on_terminal(80, 200, &[]);
    assert!(seen.status.success());
    // While the handler waits for the hub; a screen may be seen when only half of it is drawn.
    let lines = [
        " steps; results: 0 left, 0 held back",
        "> server/flip_server_event_handler",
        "  site-2/percentile_privacy",
    ];
    let is_whole = |screen: &String| lines.iter().all(|line| screen.contains(line));
    assert!(seen.shown.iter().any(is_whole), "{:?}", seen.shown.last());
    // What it draws goes, and what it logs stays, each line by itself.
    let end = seen.shown.last().unwrap();
    let lines: Vec<_> = end.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert!(lines.iter().all(|line| line.starts_with("INFO ")), "{end}");
    assert!(lines.iter().any(|line| line.starts_with("INFO train: the data left, OK")), "{end}");
    assert!(lines.iter().any(|line| line.starts_with("INFO the results are uploaded")), "{end}");
}

#[test]
fn on_a_small_terminal_it_shows_what_there_is_room_for() {
    let seen = Slow::new().on_terminal(5, 40, &[]);
    assert!(seen.status.success());
    assert!(seen.shown.iter().any(|screen| screen.contains(" steps; results: ")));
    assert!(!seen.shown.last().unwrap().contains(" calls"), "{}", seen.shown.last().unwrap());
}

#[test]
fn a_quiet_run_shows_nothing() {
    let seen = Slow::new().on_terminal(80, 200, &["--quiet"]);
    assert!(seen.status.success());
    assert_eq!(String::from_utf8(seen.raw).unwrap(), "");
}

#[test]
fn in_a_pipe_there_are_plain_lines_one_for_each_task_and_result() {
    let output = Slow::new().command(&[]).stderr(Stdio::piped()).output().unwrap();
    assert!(output.status.success());
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(!log.contains(|character: char| character.is_control() && character != '\n'), "{log:?}");
    let count = |text: &str| log.lines().filter(|line| line.contains(text)).count();
    assert_eq!(count("INFO train: the data left, OK component=\"site-1/percentile_privacy\""), 2);
    assert_eq!(count("INFO init_training: OK component=\"site-2/CleanupImages\""), 1);
    assert_eq!(count(" steps; "), 0);
}

#[test]
fn what_is_watched_is_what_the_job_reports() {
    for (from, to, left, held_back) in [("", "", 4, 0), ("\"gamma\": 2.0", "\"gamma\": 0", 0, 4)] {
        let job = StandardJob::new();
        job.edit(CLIENT, from, to);
        let (ready, trace) = job.set_up(job.options(memory(), Arc::<RecordedHub>::default())).unwrap();
        let view = ready.view();
        assert_eq!((view.now().steps, view.now().left), (0, 0));
        let report = ready.replay(trace).unwrap();
        let now = view.now();
        assert_eq!((now.left, now.held_back), (left, held_back));
        assert_eq!(now.steps, report.happened.len() as u64 + report.happened_besides);
        let reported = report.places.iter().flat_map(|place| &place.components);
        for (seen, reported) in now.components.iter().zip(reported) {
            assert_eq!((&*seen.id, seen.calls), (&*reported.id, reported.usage.calls));
            assert_eq!(seen.bytes_read, reported.usage.bytes_read);
            assert_eq!(seen.failures, reported.failures.len() as u64);
            assert!(!seen.entered);
        }
        let refusals: u64 = now.components.iter().map(|component| component.refusals).sum();
        assert_eq!((now.components.len(), refusals), (10, held_back));
    }
}
