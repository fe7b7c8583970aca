//! What long work is at, on a terminal only: lines below the log that are drawn again and again.

mod job;

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use flip_runtime::Meter;
use flip_runtime::job::JobView;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Work that takes no longer than this needs no lines.
const LONG: Duration = Duration::from_millis(500);
const REDRAW: Duration = Duration::from_millis(100);

/// The lines that are drawn now.
static DRAWN: Mutex<Option<MultiProgress>> = Mutex::new(None);

/// The standard error, for lines of the log: what is drawn makes room for them.
pub struct AroundBar;

impl Write for AroundBar {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match &*DRAWN.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(lines) => lines.suspend(|| io::stderr().write(line)),
            None => io::stderr().write(line),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Lines that follow some work until this is dropped.
pub struct Progress {
    done: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Follows how much of `total` bytes has been written. Draws nothing where the standard error is no
    /// terminal, or `quiet`.
    pub fn of_bytes(meter: Meter, total: u64, quiet: bool) -> Self {
        Self::follow(quiet, move |lines| {
            let bar = lines.add(ProgressBar::new(total));
            bar.set_style(style("{bar:30} {bytes}/{total_bytes} written, {msg} read, {elapsed}"));
            move || {
                bar.set_position(meter.written().min(total));
                bar.set_message(indicatif::HumanBytes(meter.read()).to_string());
            }
        })
    }

    /// Follows a job and its components, likewise.
    pub fn of_job(view: JobView, quiet: bool) -> Self {
        let started = Instant::now();
        Self::follow(quiet, move |lines| job::drawing(view, started, lines))
    }

    /// Draws what `begin` begins with and brings up to date, once the work turns out to be long.
    fn follow<F: FnMut()>(quiet: bool, begin: impl FnOnce(&MultiProgress) -> F + Send + 'static) -> Self {
        if quiet || !io::stderr().is_terminal() {
            return Self { done: None, thread: None };
        }
        let (done, stop) = mpsc::channel();
        let thread = thread::spawn(move || {
            if stop.recv_timeout(LONG) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            let lines = MultiProgress::new();
            *DRAWN.lock().unwrap_or_else(PoisonError::into_inner) = Some(lines.clone());
            let mut bring_up_to_date = begin(&lines);
            loop {
                bring_up_to_date();
                if stop.recv_timeout(REDRAW) != Err(RecvTimeoutError::Timeout) {
                    break;
                }
            }
            let mut drawn = DRAWN.lock().unwrap_or_else(PoisonError::into_inner);
            // What cannot be cleared stays in sight; the work is done all the same.
            let _ = lines.clear();
            // Bars draw again when they are dropped.
            lines.set_draw_target(ProgressDrawTarget::hidden());
            *drawn = None;
        });
        Self { done: Some(done), thread: Some(thread) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.done.take();
        if let Some(thread) = self.thread.take() {
            // Lines that could not be drawn are no reason to fail.
            let _ = thread.join();
        }
    }
}

/// How a line looks; one that indicatif cannot read looks as its own do.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
