//! The part of an app's `config.json` that names models.

use checkpoint_dxo::is_path;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The bytes that a config may have.
pub const MAX_CONFIG: usize = 1 << 20;

/// A model of the config: its name, and the path of its checkpoint in `custom/` or why it has none.
pub type Model = (String, Result<String, String>);

#[derive(Deserialize)]
struct Config {
    models: Option<Map<String, Value>>,
}

/// The models that a config names, in its order. An entry that is wrong does not take the others with it.
///
/// # Errors
///
/// Says why the config names no models at all.
pub fn models(config: &[u8]) -> Result<Vec<Model>, String> {
    let config: Config = serde_json::from_slice(config).map_err(|error| error.to_string())?;
    let models = config.models.ok_or("the key \"models\" is missing")?;
    Ok(models.into_iter().map(|(name, entry)| (name, checkpoint(&entry))).collect())
}

/// The entry's `path` names a Python class, which has no part here.
fn checkpoint(entry: &Value) -> Result<String, String> {
    match entry.get("checkpoint") {
        None => Err("its entry has no \"checkpoint\"".to_owned()),
        Some(Value::String(path)) if is_path(path) => Ok(path.clone()),
        Some(other) => Err(format!("its checkpoint {other} is no path below custom/")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(entry: &str) -> Result<String, String> {
        let config = format!(r#"{{"models": {{"a": {entry}}}}}"#);
        models(config.as_bytes()).unwrap().remove(0).1
    }

    #[test]
    fn models_come_in_the_order_of_the_config() {
        let config = br#"{"LOCAL_ROUNDS": 3, "models": {
            "unet": {"checkpoint": "unet.pt", "path": "models.UNet"},
            "attention": {"path": "models.Attention"},
            "base": {"checkpoint": "older/base.pt", "path": "models.Base"}}}"#;
        let models = models(config).unwrap();
        let names: Vec<&str> = models.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["unet", "attention", "base"]);
        assert_eq!(models[0].1.as_deref(), Ok("unet.pt"));
        assert_eq!(models[1].1, Err("its entry has no \"checkpoint\"".to_owned()));
        assert_eq!(models[2].1.as_deref(), Ok("older/base.pt"));
    }

    #[test]
    fn a_checkpoint_stays_in_its_folder() {
        for path in
            [r#""../a.pt""#, r#""/a.pt""#, r#""a/../../b""#, r#""""#, r#""a\u0000""#, "7", "null", "[]"]
        {
            let error = one(&format!(r#"{{"checkpoint": {path}}}"#)).unwrap_err();
            assert!(error.ends_with("is no path below custom/"), "{error}");
        }
        for entry in ["7", "null", r#""a.pt""#, "[]", "{}"] {
            assert_eq!(one(entry), Err("its entry has no \"checkpoint\"".to_owned()));
        }
    }

    #[test]
    fn a_config_without_models_is_told() {
        for config in ["{}", r#"{"models": null}"#, r#"{"Models": {}}"#] {
            assert_eq!(models(config.as_bytes()), Err("the key \"models\" is missing".to_owned()));
        }
        for config in ["", "[]", r#"{"models": []}"#, r#"{"models": {"#, "\u{feff}{}", &"[".repeat(100_000)] {
            models(config.as_bytes()).unwrap_err();
        }
        assert_eq!(models(br#"{"models": {}}"#), Ok(vec![]));
    }
}
