//! NVFLARE's names of the kinds of data.

use serde::de::{Deserialize, Deserializer, Error as _};

use crate::DataKind;

const NAMES: [(DataKind, &str); 9] = [
    (DataKind::FlModel, "FL_MODEL"),
    (DataKind::Weights, "WEIGHTS"),
    (DataKind::WeightDiff, "WEIGHT_DIFF"),
    (DataKind::Metrics, "METRICS"),
    (DataKind::Analytic, "ANALYTIC"),
    (DataKind::Collection, "COLLECTION"),
    (DataKind::Statistics, "STATISTICS"),
    (DataKind::Psi, "PSI"),
    (DataKind::AppDefined, "APP_DEFINED"),
];

impl DataKind {
    /// The kind that NVFLARE calls `name`, such as `WEIGHT_DIFF`.
    pub fn from_name(name: &str) -> Option<Self> {
        NAMES.iter().find_map(|(kind, known)| (*known == name).then_some(*kind))
    }

    /// NVFLARE's name, such as `WEIGHT_DIFF`.
    pub fn name(self) -> &'static str {
        NAMES.iter().find_map(|(kind, name)| (*kind == self).then_some(*name)).unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for DataKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::from_name(&name).ok_or_else(|| D::Error::custom(format!("{name:?} is no data kind")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_are_read_by_nvflares_names() {
        let kinds: Vec<DataKind> = serde_json::from_str(r#"["WEIGHT_DIFF", "APP_DEFINED"]"#).unwrap();
        assert_eq!(kinds, [DataKind::WeightDiff, DataKind::AppDefined]);
        let error = serde_json::from_str::<DataKind>(r#""weights""#).unwrap_err();
        assert!(error.to_string().contains("\"weights\" is no data kind"), "{error}");
    }
}
