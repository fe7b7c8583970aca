//! A progress bar for long work, on a terminal only.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use flip_runtime::Meter;
use indicatif::{ProgressBar, ProgressStyle};

/// Work that takes no longer than this needs no bar.
const LONG: Duration = Duration::from_millis(500);
const REDRAW: Duration = Duration::from_millis(100);

/// The bar that is drawn now.
static DRAWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// The standard error, for lines of the log: a bar makes room for them.
pub struct AroundBar;

impl Write for AroundBar {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match &*DRAWN.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(bar) => bar.suspend(|| io::stderr().write(line)),
            None => io::stderr().write(line),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// A bar that follows a meter until it is dropped.
pub struct Progress {
    done: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Follows how much of `total` bytes has been written. Draws nothing where the standard error is no
    /// terminal, or `quiet`.
    pub fn follow(meter: Meter, total: u64, quiet: bool) -> Self {
        if quiet || !io::stderr().is_terminal() {
            return Self { done: None, thread: None };
        }
        let (done, stop) = mpsc::channel();
        let thread = thread::spawn(move || {
            if stop.recv_timeout(LONG) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            let bar = ProgressBar::new(total);
            if let Ok(style) =
                ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} written, {msg} read, {elapsed}")
            {
                bar.set_style(style);
            }
            let drawn = |bar| *DRAWN.lock().unwrap_or_else(PoisonError::into_inner) = bar;
            drawn(Some(bar.clone()));
            loop {
                bar.set_position(meter.written().min(total));
                bar.set_message(indicatif::HumanBytes(meter.read()).to_string());
                if stop.recv_timeout(REDRAW) != Err(RecvTimeoutError::Timeout) {
                    break;
                }
            }
            drawn(None);
            bar.finish_and_clear();
        });
        Self { done: Some(done), thread: Some(thread) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.done.take();
        if let Some(thread) = self.thread.take() {
            // A bar that failed to draw is no reason to fail.
            let _ = thread.join();
        }
    }
}
