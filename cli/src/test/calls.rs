//! Calls into the host as a case file has them: those that come again directly are counted.

use super::expected::HostSpec;

/// Lines that come again directly are counted: `storage read job/a x 3`. Some may be so already.
pub fn counted(lines: impl IntoIterator<Item = String>) -> Vec<String> {
    runs(lines).into_iter().map(|(line, times)| again(line, times)).collect()
}

/// The calls that were seen, as a case file has them: those that were answered keep their answers, which are
/// taken out of `answered`.
pub fn blessed(seen: &[String], answered: &mut Vec<HostSpec>) -> Vec<HostSpec> {
    let mut specs = Vec::new();
    for (line, mut times) in runs(seen.iter().cloned()) {
        while times > 0
            && let Some(at) = answered.iter().position(|spec| spec.line() == line)
        {
            specs.push(answered.remove(at));
            times -= 1;
        }
        specs.extend((times > 0).then(|| HostSpec::Line(again(line, times))));
    }
    specs
}

fn again(line: String, times: usize) -> String {
    if times == 1 { line } else { format!("{line} x {times}") }
}

fn runs(lines: impl IntoIterator<Item = String>) -> Vec<(String, usize)> {
    let mut runs: Vec<(String, usize)> = Vec::new();
    for line in lines {
        let counted =
            line.rsplit_once(" x ").and_then(|(line, times)| Some((line.to_owned(), times.parse().ok()?)));
        let (line, more) = counted.unwrap_or((line, 1_usize));
        match runs.last_mut() {
            Some((last, times)) if *last == line => *times = times.saturating_add(more),
            _ => runs.push((line, more)),
        }
    }
    runs
}
