//! Plain values of a checkpoint as JSON, the way Python's json module writes them.

use checkpoint::Value;

/// The JSON text of a value. Floats that are no numbers become the literals that Python uses, keys that are
/// numbers, bools or None become texts. Recursion is bounded by the nesting that a checkpoint may have.
///
/// # Errors
///
/// Says which keys of a dict JSON does not have.
pub fn json(value: &Value) -> Result<String, &'static str> {
    let mut out = String::new();
    write(value, &mut out)?;
    Ok(out)
}

fn write(value: &Value, out: &mut String) -> Result<(), &'static str> {
    match value {
        Value::Str(text) => quote(text, out),
        Value::List(items) | Value::Tuple(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                comma(index, out);
                write(item, out)?;
            }
            out.push(']');
        }
        Value::Dict(pairs) => {
            out.push('{');
            for (index, (key, value)) in pairs.iter().enumerate() {
                comma(index, out);
                quote(&key_text(key)?, out);
                out.push_str(": ");
                write(value, out)?;
            }
            out.push('}');
        }
        plain => out.push_str(&scalar(plain)),
    }
    Ok(())
}

/// The text of a dict's key.
pub(crate) fn key_text(key: &Value) -> Result<String, &'static str> {
    match key {
        Value::Str(text) => Ok(text.clone()),
        Value::List(_) | Value::Tuple(_) | Value::Dict(_) => Err("a key of a dict is no text"),
        plain => Ok(scalar(plain)),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) if value.is_nan() => "NaN".to_owned(),
        Value::Float(value) if value.is_infinite() && value.is_sign_positive() => "Infinity".to_owned(),
        Value::Float(value) if value.is_infinite() => "-Infinity".to_owned(),
        Value::Float(value) => format!("{value:?}"),
        _ => "null".to_owned(),
    }
}

fn quote(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

fn comma(index: usize, out: &mut String) {
    if index > 0 {
        out.push_str(", ");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Value {
        Value::Str(text.to_owned())
    }

    #[test]
    fn values_are_written_as_python_writes_them() {
        let floats =
            [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.1, 1e300].map(Value::Float).to_vec();
        let value = Value::Dict(vec![
            (text("a\"\n"), Value::Tuple(vec![Value::None, Value::Bool(true), Value::Int(1 << 70)])),
            (Value::Int(3), Value::List(floats)),
            (Value::None, Value::Dict(vec![])),
        ]);
        let expected = r#"{"a\"\n": [null, true, 1180591620717411303424], "3": [NaN, Infinity, -Infinity, "#;
        assert_eq!(json(&value).unwrap(), format!("{expected}-0.0, 0.1, 1e300], \"null\": {{}}}}"));
        let tuple = Value::Dict(vec![(Value::Tuple(vec![]), Value::None)]);
        assert_eq!(json(&tuple), Err("a key of a dict is no text"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(string in any::<String>(), float in prop::num::f64::NORMAL, int: i64) {
            let value = Value::List(vec![Value::Str(string.clone()), Value::Float(float), Value::Int(int.into())]);
            let read: serde_json::Value = serde_json::from_str(&json(&value).unwrap()).unwrap();
            prop_assert_eq!(read, serde_json::json!([string, float, int]));
        }
    }
}
