//! What the text of an error must keep to: it stands in logs and on terminals, and repeats what a file says.

use flip_runtime::one_line;

/// The longest error, in bytes: some names and paths, no file.
const LONGEST: usize = 16 << 10;

/// One line of bounded length without anything that a terminal would act on.
pub(crate) fn assert_one_line(error: impl std::fmt::Display) {
    let text = error.to_string();
    assert!(
        text.len() <= LONGEST,
        "an error of {} bytes: {:?}",
        text.len(),
        text.chars().take(200).collect::<String>()
    );
    assert!(text == one_line(&text, usize::MAX), "an error that moves the cursor: {text:?}");
}

/// The same, where a part of the file is shown on lines of its own.
pub(crate) fn assert_lines(error: impl std::fmt::Display) {
    let text = error.to_string();
    assert!(text.lines().count() <= 16, "an error of too many lines: {text:?}");
    text.split('\n').for_each(assert_one_line);
}
