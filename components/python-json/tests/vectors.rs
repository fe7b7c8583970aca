//! What Python's json module read and wrote, recorded by `fixtures/record.py`.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop where its own set-up fails"
)]

use python_json::{Layout, Value};

const FLOATS: &str = include_str!("fixtures/floats.txt");
const TEXTS: &str = include_str!("fixtures/texts.jsonl");

#[test]
fn floats_are_written_and_read_as_python_does() {
    for line in FLOATS.lines() {
        let (bits, repr) = line.split_once(' ').unwrap();
        let float = f64::from_bits(u64::from_str_radix(bits, 16).unwrap());
        assert_eq!(Value::Float(float).to_json(Layout::Line), repr, "{bits}");
        let Ok(Value::Float(read)) = Value::parse(repr) else { panic!("{repr} is no float") };
        assert_eq!(read.to_bits(), float.to_bits(), "{repr}");
    }
    assert!(FLOATS.lines().count() > 3_000);
}

#[test]
fn texts_are_read_and_written_as_python_does() {
    for line in TEXTS.lines() {
        let recorded: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = recorded["text"].as_str().unwrap();
        let read = Value::parse(text);
        let Some(written) = recorded["line"].as_str() else {
            assert!(read.is_err(), "{text:?} was read as {read:?}");
            continue;
        };
        let value = read.unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!(value.to_json(Layout::Line), written, "{text:?}");
        if let Some(written) = recorded["indent"].as_str() {
            assert_eq!(value.to_json(Layout::Indent(4)), written, "{text:?}");
        }
    }
}
