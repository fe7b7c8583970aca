//! Dxo files that the runtime writes: what comes back from them, and what stays where a run fails.

use std::fs;
use std::path::Path;

use flip_runtime::safetensors::{self, DxoFile, Output, Overrides};
use flip_runtime::{DataKind, Dtype, Dxo, Error, InstanceBuilder, Tensor};
use flip_wasm_tests::{
    assert_same, context, float32, misbehaving_filter, percentile_privacy, raw, update, values,
    write_safetensors,
};

fn open_path(path: &Path) -> DxoFile {
    safetensors::open(path, Overrides::default()).unwrap()
}

fn save(path: &Path, dxo: Dxo) {
    let file = DxoFile { dxo, metadata: Default::default() };
    Output::create(path, &file.dxo, &file.metadata).unwrap().commit(file.dxo, &file.metadata).unwrap();
}

#[test]
fn empty_tensors_scalars_and_no_tensor_at_all_are_read_and_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let tensors = [
        ("none".to_owned(), Tensor::new(Dtype::Float32, &[3, 0, 2], Vec::new()).unwrap()),
        ("scalar".to_owned(), float32(&[], &[1.5])),
        ("last".to_owned(), Tensor::new(Dtype::Bool, &[0], Vec::new()).unwrap()),
    ];
    for tensors in [&tensors[..], &[]] {
        let dxo = Dxo::of_tensors(DataKind::Weights, tensors.iter().cloned()).unwrap();
        save(&path, dxo.clone());
        let file = open_path(&path);
        assert_eq!(file.dxo.kind(), DataKind::Weights);
        assert_same(&file.dxo, &dxo);
    }
}

#[test]
fn every_dtype_comes_back_and_the_formats_own_library_reads_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let tensors = Dtype::ALL.iter().enumerate().map(|(index, dtype)| {
        let bytes: Vec<u8> = (0..6 * dtype.size()).map(|byte| (byte * index) as u8 & 1).collect();
        (dtype.name().to_owned(), Tensor::new(*dtype, &[2, 3], bytes).unwrap())
    });
    let dxo = Dxo::of_tensors(DataKind::Weights, tensors).unwrap();
    save(&path, dxo.clone());
    assert_same(&open_path(&path).dxo, &dxo);

    let bytes = fs::read(&path).unwrap();
    let parsed = ::safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(parsed.len(), Dtype::ALL.len());
    for (name, tensor) in dxo.tensors().unwrap() {
        let view = parsed.tensor(name).unwrap();
        assert_eq!(view.data(), &tensor.to_bytes().unwrap()[..], "{name}");
        assert_eq!(view.shape(), [2, 3]);
        assert_eq!(view.dtype().to_string(), tensor.dtype().safetensors_name());
    }
}

#[test]
fn the_order_of_names_and_other_metadata_survive() {
    let directory = tempfile::tempdir().unwrap();
    let (source, target) = (directory.path().join("source"), directory.path().join("target"));
    let header = r#"{"z":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},"__metadata__":{"zeta":"1","flip.kind":"WEIGHTS","flip.meta":"{\"b\":1,\"a\":[1.0]}","alpha":"\u0000é"},"é\n":{"dtype":"U8","shape":[1],"data_offsets":[2,3]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#;
    write_safetensors(&source, header, &[1, 2, 3]);
    let file = open_path(&source);
    Output::create(&target, &file.dxo, &file.metadata)
        .unwrap()
        .commit(file.dxo.clone(), &file.metadata)
        .unwrap();
    for file in [file, open_path(&target)] {
        assert!(
            file.metadata.iter().eq([("zeta", "1"), ("alpha", "\0é")]
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .iter()
                .map(|(k, v)| (k, v)))
        );
        assert_eq!(file.dxo.kind(), DataKind::Weights);
        assert_eq!(serde_json::to_string(&file.dxo.meta).unwrap(), r#"{"b":1,"a":[1.0]}"#);
        let tensors = file.dxo.tensors().unwrap();
        assert!(tensors.keys().eq(["z", "é\n", "a"]));
        let bytes: Vec<_> = tensors.values().map(|tensor| tensor.to_bytes().unwrap()[0]).collect();
        assert_eq!(bytes, [2, 3, 1]);
    }
}

#[test]
fn what_the_caller_says_stands_in_for_what_the_file_says() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    save(&path, update());
    let meta = [("steps".to_owned(), raw("4"))].into_iter().collect();
    let overrides = Overrides { kind: Some(DataKind::Weights), meta: Some(meta) };
    let file = safetensors::open(&path, overrides).unwrap();
    assert_eq!((file.dxo.kind(), file.dxo.meta_as::<u64>("steps")), (DataKind::Weights, Some(4)));
}

/// The names in a directory.
fn listed(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_run_that_fails_leaves_no_file_and_an_older_output_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let (source, target) = (directory.path().join("source"), directory.path().join("target"));
    save(&source, update());
    fs::write(&target, "older").unwrap();
    for deed in [r#""zero-then-panic""#, r#"{"refuse": "no"}"#] {
        let file = open_path(&source);
        let output = Output::create(&target, &file.dxo, &file.metadata).unwrap();
        let args = format!(r#"{{"deed": {deed}}}"#);
        let mut filter = misbehaving_filter().instance().args(args).write_to(&output).build().unwrap();
        assert!(filter.filter(file.dxo, &context()).is_err());
        drop(output);
        assert_eq!(listed(directory.path()), ["source", "target"]);
        assert_eq!(fs::read(&target).unwrap(), b"older");
    }
}

#[test]
fn an_output_replaces_an_older_one_in_one_step() {
    use std::io::Read;
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("target");
    fs::write(&target, "older").unwrap();
    let mut reader = fs::File::open(&target).unwrap();
    let file = DxoFile { dxo: update(), metadata: Default::default() };
    let output = Output::create(&target, &file.dxo, &file.metadata).unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"older");
    output.commit(file.dxo, &file.metadata).unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "older");
    assert_same(&open_path(&target).dxo, &update());
    assert_eq!(listed(directory.path()), ["target"]);
}

#[test]
fn an_output_may_replace_its_own_input() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("update");
    save(&path, update());
    let file = open_path(&path);
    let output = Output::create(&path, &file.dxo, &file.metadata).unwrap();
    let args = r#"{"deed": "zero-half"}"#;
    let mut filter = misbehaving_filter().instance().args(args).write_to(&output).build().unwrap();
    let filtered = filter.filter(file.dxo.clone(), &context()).unwrap();
    output.commit(filtered.dxo, &file.metadata).unwrap();
    assert_same(&file.dxo, &update());
    let tensors = open_path(&path).dxo;
    assert_eq!(values(&tensors.tensors().unwrap()["a"]), [0.5, -1.0, 0.0, 0.0]);
}

#[test]
fn an_empty_last_tensor_cut_the_file_short() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("target");
    let none = Tensor::new(Dtype::Float32, &[0], Vec::new()).unwrap();
    let tensors = [("a".to_owned(), float32(&[4], &[4.0, 3.0, 2.0, 1.0])), ("none".to_owned(), none)];
    let file = DxoFile {
        dxo: Dxo::of_tensors(DataKind::WeightDiff, tensors).unwrap(),
        metadata: Default::default(),
    };
    let filter = |builder: InstanceBuilder| {
        let mut filter = builder.args(r#"{"percentile": 50, "gamma": 3}"#).build().unwrap();
        filter.filter(file.dxo.clone(), &context()).unwrap().dxo
    };
    let output = Output::create(&path, &file.dxo, &file.metadata).unwrap();
    let mut filtered = filter(percentile_privacy().instance().write_to(&output));
    let complete = output.complete(&mut filtered, &file.metadata).unwrap();
    let size = complete.size();
    assert!(!path.exists(), "it has no name yet");
    complete.publish().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), size);
    assert_same(&open_path(&path).dxo, &filter(percentile_privacy().instance()));
}

#[test]
fn an_output_that_cannot_be_made_is_an_error_of_that_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = DxoFile { dxo: update(), metadata: Default::default() };
    let missing = directory.path().join("missing").join("target");
    assert!(matches!(Output::create(&missing, &file.dxo, &file.metadata).err(), Some(Error::File { .. })));
    for occupied in ["/".into(), directory.path().join(".."), directory.path().to_owned()] {
        let error = Output::create(&occupied, &file.dxo, &file.metadata).err();
        assert!(matches!(error, Some(Error::InvalidFile { .. })), "{occupied:?}");
    }
}
