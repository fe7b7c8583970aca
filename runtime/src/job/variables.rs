//! Variables of a configuration file, which stand in braces in a component's args.

use std::cell::Cell;

use serde_json::Value;

/// What the variables that are put into the args of a file's entries may come to, in bytes: a text of some
/// bytes may be named in many places.
const MAX_PUT: usize = 16 << 20;
/// What each value takes beside its text, in bytes.
const VALUE: usize = 64;
/// How deep args may nest: as deep as a JSON file that is read.
const MAX_DEPTH: usize = 127;

/// The file's variables, and how much of them may still be put in place.
pub(super) struct Variables<'a> {
    values: &'a serde_json::Map<String, Value>,
    room: Cell<usize>,
}

impl<'a> Variables<'a> {
    pub(super) fn new(values: &'a serde_json::Map<String, Value>) -> Self {
        Self { values, room: Cell::new(MAX_PUT) }
    }

    /// Puts them in the place of `{name}`: the value itself where a text is nothing else, its text within
    /// another. Braces around what is no variable are left. `value` lies `depth` deep in the args.
    pub(super) fn put_into(&self, value: &mut Value, depth: usize) -> Result<(), &'static str> {
        match value {
            Value::Array(items) => items.iter_mut().try_for_each(|item| self.put_into(item, depth + 1))?,
            Value::Object(members) => {
                members.values_mut().try_for_each(|member| self.put_into(member, depth + 1))?;
            }
            Value::String(text) => {
                let whole = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
                if let Some(variable) = whole.and_then(|name| self.values.get(name)) {
                    let mut size = 0;
                    if depth + measure(variable, &mut size) > MAX_DEPTH {
                        return Err("with the variables in their places it nests too deeply");
                    }
                    self.take(size)?;
                    *value = variable.clone();
                } else if text.contains('{') {
                    *text = self.within(text)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A text with the variables in it; a name ends before the next brace, so that this takes one pass.
    fn within(&self, text: &str) -> Result<String, &'static str> {
        let mut rest = text;
        let mut made = String::new();
        while let Some((before, after)) = rest.split_once('{') {
            made.push_str(before);
            let variable = after.find(['{', '}']).and_then(|end| {
                let (name, behind) = after.split_at_checked(end)?;
                let variable = self.values.get(name).filter(|value| !value.is_object());
                Some((variable?, behind.strip_prefix('}')?))
            });
            match variable {
                Some((value, behind)) => {
                    let text = plain(value.clone());
                    self.take(text.len())?;
                    made.push_str(&text);
                    rest = behind;
                }
                None => {
                    made.push('{');
                    rest = after;
                }
            }
        }
        made.push_str(rest);
        Ok(made)
    }

    fn take(&self, bytes: usize) -> Result<(), &'static str> {
        let left = self.room.get().checked_sub(bytes);
        self.room.set(left.ok_or("with the variables in their places it is too large")?);
        Ok(())
    }
}

/// How deep a value is; its size is added up.
fn measure(value: &Value, size: &mut usize) -> usize {
    *size = size.saturating_add(VALUE);
    match value {
        Value::Array(items) => 1 + items.iter().map(|item| measure(item, size)).max().unwrap_or(0),
        Value::Object(members) => {
            let members = members.iter().map(|(name, member)| {
                *size = size.saturating_add(name.len());
                measure(member, size)
            });
            1 + members.max().unwrap_or(0)
        }
        Value::String(text) => {
            *size = size.saturating_add(text.len());
            0
        }
        _ => 0,
    }
}

/// A value as a text.
pub(super) fn plain(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(value: &mut Value, variables: &Value) -> Result<(), &'static str> {
        let values = variables.as_object().unwrap();
        Variables::new(values).put_into(value, 1)
    }

    #[test]
    fn a_variable_named_a_thousand_times_took_gigabytes() {
        let variables = serde_json::json!({"v": "x".repeat(1 << 20), "w": [vec![0; 1 << 10]]});
        for text in ["{v}", "{v} ", "{w}", "{w} "] {
            let mut value = vec![text; 1 << 16].into();
            assert_eq!(
                put(&mut value, &variables),
                Err("with the variables in their places it is too large")
            );
        }
    }

    #[test]
    fn a_text_of_open_braces_took_its_length_squared() {
        let mut value = Value::from("{".repeat(1 << 18) + "}");
        let before = value.clone();
        put(&mut value, &serde_json::json!({"v": 1})).unwrap();
        assert_eq!(value, before);
    }

    #[test]
    fn a_variable_made_args_deeper_than_any_reader_goes() {
        let nested = |depth, text: &str| (0..depth).fold(Value::from(text), |value, _| vec![value].into());
        let variables = serde_json::json!({"v": nested(100, "")});
        assert!(put(&mut nested(26, "{v}"), &variables).is_ok());
        let error = put(&mut nested(27, "{v}"), &variables).unwrap_err();
        assert_eq!(error, "with the variables in their places it nests too deeply");
    }

    #[test]
    fn variables_take_the_place_of_their_names() {
        let variables = serde_json::json!({"id": "a-b", "n": 3, "o": {"x": 1}});
        let mut value =
            serde_json::json!({"a": "{id}", "b": ["{n}", "x{n}{id}y"], "c": "{q} {\"k\": {n}}", "d": "{o}"});
        put(&mut value, &variables).unwrap();
        let expected =
            serde_json::json!({"a": "a-b", "b": [3, "x3a-by"], "c": "{q} {\"k\": 3}", "d": {"x": 1}});
        assert_eq!(value, expected);
    }
}
