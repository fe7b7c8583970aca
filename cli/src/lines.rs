//! Text for a person, on a terminal of a hundred columns.

use flip_runtime::one_line;
use textwrap::core::display_width;
use textwrap::{Options, WordSplitter};

/// The columns that a line may take.
pub const WIDTH: u16 = 100;
/// The longest line before it is wrapped, in bytes.
const MAX_LINE: usize = 100_000;
/// The furthest column at which the text behind a heading begins.
const HEADING: usize = 16;

/// The line, safe for a terminal, with its end: where it is too wide it goes on in lines below, set in.
pub fn fit(line: &str) -> String {
    let line = one_line(line, MAX_LINE);
    if display_width(&line) <= usize::from(WIDTH) {
        return line + "\n";
    }
    let text = line.trim_start_matches(' ');
    let before = line.len() - text.len();
    let (first, others) = (" ".repeat(before), " ".repeat(before + behind_heading(text).unwrap_or(4)));
    // An id is not to be cut at its hyphens, unless it is too long for any line.
    let options = Options::new(WIDTH.into())
        .initial_indent(&first)
        .subsequent_indent(&others)
        .word_splitter(WordSplitter::NoHyphenation);
    textwrap::fill(text, options) + "\n"
}

/// The same for each line of a text.
pub fn fitted(text: &str) -> String {
    text.lines().map(fit).collect()
}

/// Where the text begins that stands behind a heading and a gap.
fn behind_heading(text: &str) -> Option<usize> {
    let (heading, rest) = text.split_once("  ")?;
    let column = display_width(heading) + 2 + rest.len() - rest.trim_start_matches(' ').len();
    Some(column).filter(|column| *column <= HEADING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_stays_as_it_is() {
        for line in ["", "short", "  - set in,  with gaps ", &"x".repeat(WIDTH.into())] {
            assert_eq!(fit(line), format!("{line}\n"));
        }
        assert_eq!(fitted("one\ntwo\n"), "one\ntwo\n");
    }

    #[test]
    fn a_wide_line_goes_on_below_what_it_says() {
        let words = "word ".repeat(25);
        let wrapped = |line: String| fit(&line).lines().map(str::to_owned).collect::<Vec<_>>();
        let lines = wrapped(format!("  site-1: {words}"));
        assert!(lines.len() == 2 && lines[0].starts_with("  site-1: word "), "{lines:?}");
        assert!(lines[1].starts_with("      word"), "{lines:?}");
        let lines = wrapped(format!("statuses  {words}"));
        assert!(lines.len() == 2 && lines[1].starts_with("          word"), "{lines:?}");
    }

    #[test]
    fn nothing_is_wider_than_a_hundred_columns_nor_lost() {
        let long = "a-b_c".repeat(100);
        for text in [&*long, &"漢字".repeat(100), &format!("stored    {long}"), &format!("    {long}, 3 B")]
        {
            let fitted = fit(text);
            assert!(fitted.lines().all(|line| display_width(line) <= usize::from(WIDTH)), "{fitted}");
            let without_gaps = |text: &str| text.replace([' ', '\n'], "");
            assert_eq!(without_gaps(&fitted), without_gaps(text));
        }
        assert_eq!(fit("a\u{1b}[2J\nb"), "a\\u{1b}[2J\\nb\n");
    }
}
