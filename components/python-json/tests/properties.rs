//! What holds for every value and every text.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop where its own set-up fails"
)]

use std::fmt;

use proptest::prelude::*;
use python_json::{Dict, Int, Layout, MAX_DEPTH, ParseError, Value, Writer};

/// Any value whose floats are equal to themselves.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::None),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|int| Value::Int(Int::from(int))),
        prop::num::f64::ANY.prop_filter("NaN", |float| !float.is_nan()).prop_map(Value::Float),
        any::<String>().prop_map(Value::Str),
        "-?[1-9][0-9]{20,60}".prop_map(|digits| Value::parse(&digits).unwrap()),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        let pairs = prop::collection::vec(("[a-c]{0,2}", inner.clone()), 0..8);
        prop_oneof![
            prop::collection::vec(inner, 0..8).prop_map(Value::List),
            pairs.prop_map(|pairs| Value::Dict(Dict::from_iter(pairs))),
        ]
    })
}

fn layouts() -> impl Strategy<Value = Layout> {
    prop_oneof![Just(Layout::Line), (0usize..6).prop_map(Layout::Indent)]
}

/// Takes so many bytes.
struct Bounded(usize);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.checked_sub(text.len()).ok_or(fmt::Error)?;
        Ok(())
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_as_the_same_value(value in values(), layout in layouts()) {
        let text = value.to_json(layout);
        prop_assert!(text.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)), "{}", text);
        prop_assert_eq!(Value::parse(&text), Ok(value));
    }

    #[test]
    fn no_text_does_harm(text in r#"[-\[\]{}:,"\\ \nu0-9a-fA-F.eENI+t\PC]{0,60}"#) {
        if let Ok(value) = Value::parse(&text) {
            value.to_json(Layout::Indent(4));
        }
    }

    #[test]
    fn equal_keys_leave_one_entry(keys in prop::collection::vec("[ab]{0,2}", 0..40)) {
        let pairs = || keys.iter().zip(0..).map(|(key, n)| (key.clone(), Value::Int(Int::from(n))));
        let mut expected: Vec<(String, Value)> = Vec::new();
        for (key, value) in pairs() {
            match expected.iter_mut().find(|(known, _)| *known == key) {
                Some(entry) => entry.1 = value,
                None => expected.push((key, value)),
            }
        }
        let dict: Dict = pairs().collect();
        prop_assert_eq!(dict.len(), expected.len());
        prop_assert!(dict.iter().eq(expected.iter().map(|(key, value)| (key.as_str(), value))));
    }

    #[test]
    fn writing_stops_where_the_output_is_full(value in values(), layout in layouts()) {
        let len = value.to_json(layout).len();
        let write = |room| Writer::new(Bounded(room), layout).value(&value);
        prop_assert!(write(len).is_ok());
        prop_assert!(write(len - 1).is_err());
    }

    #[test]
    fn parts_that_were_written_alone_fit_into_the_whole(parts in prop::collection::vec(values(), 0..5), layout in layouts()) {
        let texts = parts.iter().map(|part| {
            let mut text = String::new();
            Writer::new(&mut text, layout).inside(1).value(part).unwrap();
            text
        });
        let mut whole = String::new();
        Writer::new(&mut whole, layout).list(texts, |writer, text| writer.written(&text)).unwrap();
        prop_assert_eq!(whole, Value::List(parts.clone()).to_json(layout));
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(Value::parse(&nested(MAX_DEPTH)).is_ok());
    let error = Value::parse(&nested(MAX_DEPTH + 1)).unwrap_err();
    assert_eq!(error, ParseError::TooDeep { position: MAX_DEPTH });
    assert!(Value::parse(&"[{\"a\":".repeat(1_000_000)).is_err());
}

#[test]
fn errors_say_what_is_wrong_and_where() {
    let error = |text| Value::parse(text).unwrap_err().to_string();
    assert_eq!(error(r#"{"loss": nan}"#), "expected ident at byte 10");
    assert_eq!(error("[1, 2"), "EOF while parsing a list at byte 5");
    assert_eq!(error(r#""\ud800""#), "unexpected end of hex escape at byte 7");
    assert_eq!(error("{} {}"), "trailing characters at byte 3");
}

#[test]
fn small_integers_are_at_hand() {
    let as_i64 = |text| match Value::parse(text) {
        Ok(Value::Int(int)) => int.as_i64(),
        other => panic!("{other:?}"),
    };
    assert_eq!(as_i64("-0"), Some(0));
    assert_eq!(as_i64("-9223372036854775808"), Some(i64::MIN));
    assert_eq!(as_i64("9223372036854775808"), None);
}
