//! A line for a job, and one for each component that is at work or was last.

use std::fmt::Write;
use std::time::{Duration, Instant};

use flip_runtime::job::{ComponentProgress, JobProgress, JobView};
use flip_runtime::one_line;
use indicatif::{MultiProgress, ProgressBar};

use super::style;
use crate::components::sized;

/// The most components that have a line. On a terminal of fewer lines indicatif draws the first ones.
const MAX_COMPONENTS: usize = 12;
/// The longest name of a component that is shown whole, in bytes.
const MAX_NAME: usize = 40;

/// Draws the lines of a job, and gives what brings them up to date.
pub fn drawing(view: JobView, started: Instant, lines: &MultiProgress) -> impl FnMut() + use<> {
    let shown = 1 + view.now().components.len().min(MAX_COMPONENTS);
    let bars: Vec<_> = (0..shown)
        .map(|_| {
            let bar = lines.add(ProgressBar::new_spinner());
            bar.set_style(style("{wide_msg}"));
            bar
        })
        .collect();
    move || {
        let now = view.now();
        for (bar, line) in bars.iter().zip(texts(&now, started.elapsed())) {
            bar.set_message(line);
        }
    }
}

/// What the lines say.
fn texts(now: &JobProgress, elapsed: Duration) -> impl Iterator<Item = String> {
    let JobProgress { steps, left, held_back, .. } = now;
    let first =
        format!("{} s, {steps} steps; results: {left} left, {held_back} held back", elapsed.as_secs());
    let shown = at_work(&now.components);
    let names: Vec<_> = shown.iter().map(|component| name(component)).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let lines: Vec<_> =
        shown.iter().zip(names).map(|(component, name)| text(component, &name, width)).collect();
    std::iter::once(first).chain(lines)
}

/// The components that are entered, then those that were last; in the order of the job, so that they keep
/// their lines.
fn at_work(components: &[ComponentProgress]) -> Vec<&ComponentProgress> {
    let mut by_work: Vec<_> = components.iter().enumerate().collect();
    by_work.sort_by_key(|(_, component)| (!component.entered, component.since));
    by_work.truncate(MAX_COMPONENTS);
    by_work.sort_by_key(|(nth, _)| *nth);
    by_work.into_iter().map(|(_, component)| component).collect()
}

/// The place and the id: what a job's configuration says may be anything.
fn name(component: &ComponentProgress) -> String {
    one_line(&format!("{}/{}", component.place, component.id), MAX_NAME)
}

fn text(component: &ComponentProgress, name: &str, width: usize) -> String {
    let entered = if component.entered { '>' } else { ' ' };
    let mut text = format!("{entered} {name:width$}  {:>5} calls", component.calls);
    for (bytes, what) in [(component.bytes_read, "read"), (component.bytes_written, "written")] {
        if bytes > 0 {
            let _ = write!(text, ", {} {what}", sized(bytes));
        }
    }
    for (times, what) in [(component.failures, "failed"), (component.refusals, "refused")] {
        if times > 0 {
            let _ = write!(text, ", {times} {what}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(id: &str, entered: bool, since: u64) -> ComponentProgress {
        ComponentProgress {
            place: "site-1".into(),
            id: id.into(),
            entered,
            since: Duration::from_millis(since),
            calls: 3,
            bytes_read: 2_048,
            bytes_written: 0,
            failures: 0,
            refusals: 1,
        }
    }

    #[test]
    fn a_line_says_what_a_component_does_and_the_first_how_far_the_job_is() {
        let components = vec![component("filter", true, 5), component("cleanup\u{1b}[2J", false, 9)];
        let now = JobProgress { steps: 7, left: 2, held_back: 1, components };
        let lines: Vec<_> = texts(&now, Duration::from_millis(2_900)).collect();
        assert_eq!(
            lines,
            [
                "2 s, 7 steps; results: 2 left, 1 held back",
                "> site-1/filter                3 calls, 2.0 KiB read, 1 refused",
                "  site-1/cleanup\\u{1b}[2J      3 calls, 2.0 KiB read, 1 refused",
            ]
        );
    }

    #[test]
    fn of_many_components_those_are_shown_that_are_at_work_or_were_last() {
        let mut components: Vec<_> =
            (0..40).map(|nth| component(&nth.to_string(), false, 1_000 - nth)).collect();
        components[3] = component("3", true, 5_000);
        let ids: Vec<_> = at_work(&components).iter().map(|component| component.id.to_string()).collect();
        let expected = std::iter::once(3).chain(29..40).map(|nth: u32| nth.to_string());
        assert_eq!(ids, expected.collect::<Vec<_>>());
    }
}
