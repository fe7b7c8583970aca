//! The arg `exclude_vars`: which tensors are left out.

use regex_lite::{Regex, RegexBuilder};
use serde_json::Value;

/// Bytes that a compiled expression may take. Some kilobytes are usual.
const SIZE: usize = 1 << 20;

/// A regular expression in Python's syntax: a tensor whose name it finds, anywhere in it, is left out.
///
/// It is searched for in time linear in the name, so there are no look-around and no back-references; an
/// expression that has them is an error and never another expression. `\w`, `\d`, `\s`, `\b` and `(?i)` know
/// ASCII only. No expression, and an empty one, leave nothing out.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(try_from = "Value")]
pub struct ExcludeVars(Option<Regex>);

impl ExcludeVars {
    /// Whether the tensor of this name is left out.
    pub fn covers(&self, name: &str) -> bool {
        self.0.as_ref().is_some_and(|regex| regex.is_match(name))
    }
}

impl TryFrom<Value> for ExcludeVars {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        match value {
            Value::Null => Ok(Self(None)),
            Value::String(text) if text.is_empty() => Ok(Self(None)),
            Value::String(text) => RegexBuilder::new(&text)
                .size_limit(SIZE)
                .build()
                .map(|regex| Self(Some(regex)))
                .map_err(|error| format!("exclude_vars: {text:?} is no regular expression: {error}")),
            _ => Err("exclude_vars: a regular expression is a text".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(expression: &str, name: &str) -> bool {
        ExcludeVars::try_from(Value::from(expression)).unwrap().covers(name)
    }

    #[test]
    fn an_expression_searches() {
        assert!(covers("bn", "layer1.bn2.weight"));
        assert!(covers("num_batches_tracked$", "1.num_batches_tracked"));
        assert!(!covers("^bn", "layer1.bn2.weight"));
        assert!(covers(r"^(head|fc)\.\d+\.", "fc.10.bias"));
        assert!(!covers(r"^(head|fc)\.\d+\.", "encoder.fc.10.bias"));
        assert!(covers("(?P<part>running)_(mean|var)", "1.running_var"));
        assert!(covers("(?i)BN", "bn1"));
        assert!(covers("", "x") == covers("^$", "x"));
    }

    #[test]
    fn none_leaves_nothing_out() {
        assert!(!ExcludeVars::default().covers("x"));
        for text in ["null", "\"\""] {
            assert!(!serde_json::from_str::<ExcludeVars>(text).unwrap().covers("x"));
        }
    }

    #[test]
    fn what_is_no_expression_is_named() {
        let nested = "(".repeat(1000) + &")".repeat(1000);
        for expression in ["(", "[a", "*", "a{2,1}", "(?!encoder)", r"(a)\1", "a{1000}{1000}{1000}", &nested]
        {
            let text = serde_json::to_string(expression).unwrap();
            let error = serde_json::from_str::<ExcludeVars>(&text).unwrap_err().to_string();
            assert!(error.starts_with("exclude_vars: "), "{error}");
        }
        for other in ["1", "[\"a\"]", "{}", "true"] {
            let error = serde_json::from_str::<ExcludeVars>(other).unwrap_err().to_string();
            assert_eq!(error, "exclude_vars: a regular expression is a text");
        }
    }
}
