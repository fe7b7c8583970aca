//! The updates of FLIP's standard job, as its sites sent them, through the filter they are sent through.

use flip_runtime::safetensors::{self, Output, Overrides};
use flip_runtime::{DataKind, Dxo, Instance, Meta, Outcome};
use flip_wasm_tests::{assert_same, context, fixture, percentile_privacy};

const UPDATES: [&str; 4] = ["site-1_round-0", "site-2_round-0", "site-1_round-1", "site-2_round-1"];
const ARGS: &str = r#"{"gamma": 2.0, "percentile": 95, "off": false}"#;

#[derive(serde::Deserialize)]
struct Expected {
    kind: String,
    meta: Meta,
}

impl Expected {
    fn of(update: &str) -> Self {
        let path = fixture(&format!("standard-job/expected/filtered/{update}.safetensors.json"));
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    /// What the filter is given: the meta before it was there.
    fn overrides(&self) -> Overrides {
        let mut meta = self.meta.clone();
        assert!(meta.shift_remove("filter_history").is_some());
        Overrides { kind: DataKind::from_name(&self.kind), meta: Some(meta) }
    }

    #[track_caller]
    fn assert_is(&self, dxo: &Dxo) {
        assert_eq!(dxo.kind().name(), self.kind);
        let values = |meta: &Meta| serde_json::to_value(meta).unwrap();
        assert_eq!(values(&dxo.meta), values(&self.meta));
        assert!(dxo.meta.keys().eq(self.meta.keys()), "another order of the meta properties");
    }
}

fn recorded(update: &str) -> Dxo {
    let path = fixture(&format!("standard-job/expected/filtered/{update}.safetensors"));
    safetensors::open(&path, Overrides::default()).unwrap().dxo
}

#[test]
fn every_update_leaves_its_file_for_another_as_recorded() {
    let directory = tempfile::tempdir().unwrap();
    for update in UPDATES {
        let expected = Expected::of(update);
        let path = fixture(&format!("standard-job/tensors/{update}.safetensors"));
        let file = safetensors::open(&path, expected.overrides()).unwrap();
        let target = directory.path().join(update);
        let output = Output::create(&target, &file.dxo, &file.metadata).unwrap();
        let mut filter = percentile_privacy().instance().args(ARGS).write_to(&output).build().unwrap();
        let filtered = filter.filter(file.dxo, &context()).unwrap();
        assert_eq!(filtered.leaves[0].outcome, Outcome::Filtered);
        output.commit(filtered.dxo, &file.metadata).unwrap();

        let written = safetensors::open(&target, Overrides::default()).unwrap();
        expected.assert_is(&written.dxo);
        assert_same(&written.dxo, &recorded(update));
    }
}

#[test]
fn the_same_instance_filters_every_update_in_memory_as_recorded() {
    let mut filter = percentile_privacy().instance().args(ARGS).build().unwrap();
    for update in UPDATES {
        let expected = Expected::of(update);
        let filtered = filter.filter(in_memory(update, &expected), &context()).unwrap();
        expected.assert_is(&filtered.dxo);
        assert_same(&filtered.dxo, &recorded(update));
        let gauges = &filtered.leaves[0].gauges;
        assert_eq!((gauges["gamma"], gauges["steps"]), (2.0, 4.0));
    }
}

#[test]
fn the_recorded_files_of_the_input_are_left_as_they_are() {
    let path = fixture("standard-job/tensors/site-1_round-0.safetensors");
    let before = std::fs::read(&path).unwrap();
    let file = safetensors::open(&path, Overrides::default()).unwrap();
    let mut filter: Instance = percentile_privacy().instance().args(ARGS).build().unwrap();
    let filtered = filter.filter(file.dxo.clone(), &context()).unwrap();
    assert_ne!(flip_wasm_tests::difference(&filtered.dxo, &file.dxo), None);
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

fn in_memory(update: &str, expected: &Expected) -> Dxo {
    let path = fixture(&format!("standard-job/tensors/{update}.safetensors"));
    let file = safetensors::open(&path, expected.overrides()).unwrap();
    let tensors = file.dxo.tensors().unwrap().iter().map(|(name, tensor)| {
        let bytes = tensor.to_bytes().unwrap();
        let tensor = flip_runtime::Tensor::new(tensor.dtype(), tensor.shape(), bytes).unwrap();
        (name.clone(), tensor)
    });
    let mut dxo = Dxo::of_tensors(file.dxo.kind(), tensors).unwrap();
    dxo.meta = file.dxo.meta.clone();
    dxo
}
