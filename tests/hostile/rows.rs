//! The rows of the table, as the families write them down.

use flip_runtime::Limits;

use super::errands::Errands;
use super::table::{Attack, CommandLine, Ended, Expected, How};

/// The misbehaving filter does this.
pub(super) const fn deed(
    row: &'static str,
    name: &'static str,
    deed: &'static str,
    limits: &'static str,
    expected: Expected,
) -> Attack {
    Attack::of(row, name, How::Deed(deed), limits, expected)
}

/// A filter in text.
pub(super) const fn guest(
    row: &'static str,
    name: &'static str,
    text: fn() -> String,
    limits: &'static str,
    expected: Expected,
) -> Attack {
    Attack::of(row, name, How::Guest(text), limits, expected)
}

/// A component whose text would be too long, or says too little.
pub(super) const fn bytes(
    row: &'static str,
    name: &'static str,
    bytes: fn() -> Vec<u8>,
    limits: &'static str,
    expected: Expected,
) -> Attack {
    Attack::of(row, name, How::Bytes(bytes), limits, expected)
}

/// A component of a job does these.
pub(super) const fn errands(
    row: &'static str,
    name: &'static str,
    errands: fn() -> Errands,
    limits: &'static str,
    expected: Expected,
) -> Attack {
    Attack::of(row, name, How::Errands(errands), limits, expected)
}

/// A filter is given an update like this.
pub(super) const fn given(
    row: &'static str,
    name: &'static str,
    bytes: fn() -> Vec<u8>,
    expected: Expected,
) -> Attack {
    Attack::of(row, name, How::Update(bytes), "", expected)
}

/// Anything else, and how the command line meets it.
pub(super) const fn host(
    row: &'static str,
    name: &'static str,
    run: fn(Limits) -> Ended,
    command_line: CommandLine,
    limits: &'static str,
    expected: Expected,
) -> Attack {
    Attack::of(row, name, How::Host(run, command_line), limits, expected)
}

/// What a test of whole paths does already, and how the command line meets it.
pub(super) const fn covered(
    row: &'static str,
    name: &'static str,
    test: &'static str,
    command_line: CommandLine,
) -> Attack {
    Attack::of(row, name, How::Test(test, command_line), "", Expected::Harmless("as its test says"))
}

/// What cannot be tried here.
pub(super) const fn nothing(row: &'static str, name: &'static str, why: &'static str) -> Attack {
    Attack::of(row, name, How::Nothing(why), "", Expected::Harmless("there is nothing to attack"))
}
