//! The args of the locators.

use serde_json::Value;

use crate::ExcludeVars;

/// What a locator is configured with.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Args {
    /// Which tensors are left out.
    pub exclude_vars: ExcludeVars,
    /// The model's class.
    pub model: ModelName,
}

/// The name of a model's class. The class itself is Python and has no part in reading weights, so whatever a
/// job's configuration gives is taken: a path such as `models.Network`, an object with one, nothing.
#[derive(Debug, Default, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(from = "Value")]
pub struct ModelName(Option<String>);

impl From<Value> for ModelName {
    fn from(value: Value) -> Self {
        let path = match &value {
            Value::Object(object) => object.get("path").or_else(|| object.get("name")),
            other => Some(other),
        };
        let path = path.and_then(Value::as_str).unwrap_or_default();
        let name = path.rsplit('.').next().unwrap_or_default();
        Self((!name.is_empty()).then(|| name.to_owned()))
    }
}

impl std::fmt::Display for ModelName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or("a model"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_taken_as_anything() {
        let name = |model: &str| {
            let args: Args = serde_json::from_str(&format!(r#"{{"model": {model}}}"#)).unwrap();
            args.model.to_string()
        };
        assert_eq!(name(r#""models.unet.UNet""#), "UNet");
        assert_eq!(name(r#"{"path": "models.UNet", "args": {"depth": 3}}"#), "UNet");
        assert_eq!(name(r#"{"name": "UNet"}"#), "UNet");
        for other in ["null", "{}", "[1]", "3", r#""""#, r#"{"path": 7}"#, r#""models.""#] {
            assert_eq!(name(other), "a model", "{other}");
        }
    }

    #[test]
    fn a_name_that_is_misspelt_is_told() {
        let error = serde_json::from_str::<Args>(r#"{"exclude": "a"}"#).unwrap_err().to_string();
        assert!(error.contains("`exclude`"), "{error}");
    }
}
