//! What a component can do to tensors through windows, in memory and in files.

use std::path::Path;

use flip_runtime::safetensors::{self, DxoFile, Output, Overrides};
use flip_runtime::{DataKind, Dtype, Dxo, Error, MAX_DEPTH, Outcome, Tensor, TensorError};
use flip_wasm_tests::{
    RESHAPING, assert_same, context, float32, granted, misbehaving, misbehaving_filter, update, values,
};

/// What the guest says of the first tensor's answers.
fn answer(deed: &str, dxo: Dxo) -> String {
    let filtered = misbehaving(deed).filter(dxo, &context()).unwrap();
    match &filtered.leaves[0].outcome {
        Outcome::Unchanged(text) => text.clone(),
        other => panic!("{other:?}"),
    }
}

/// Runs the deed on `dxo` from file to file, and reads the result.
fn through_files(directory: &Path, deed: &str, dxo: Dxo) -> DxoFile {
    let (source, target) = (directory.join("source"), directory.join("target"));
    write(&source, dxo);
    let file = safetensors::open(&source, Overrides::default()).unwrap();
    let output = Output::create(&target, &file.dxo, &file.metadata).unwrap();
    let args = format!(r#"{{"deed": {deed}}}"#);
    let mut filter = misbehaving_filter()
        .instance()
        .args(args)
        .grants(granted(RESHAPING))
        .write_to(&output)
        .build()
        .unwrap();
    let filtered = filter.filter(file.dxo, &context()).unwrap();
    output.commit(filtered.dxo, &file.metadata).unwrap();
    safetensors::open(&target, Overrides::default()).unwrap()
}

fn write(path: &Path, dxo: Dxo) {
    let file = DxoFile { dxo, metadata: Default::default() };
    Output::create(path, &file.dxo, &file.metadata).unwrap().commit(file.dxo, &file.metadata).unwrap();
}

/// Three tensors of some windows' size, one of them not of whole windows.
fn large() -> Dxo {
    let tensor = |len: usize, first: usize| {
        let values: Vec<f32> = (first..first + len).map(|value| value as f32 + 0.5).collect();
        float32(&[len as u64], &values)
    };
    let tensors = [("a", tensor(200_000, 0)), ("b", tensor(1, 7)), ("c", tensor(131_072, 1_000))]
        .map(|(name, tensor)| (name.to_owned(), tensor));
    Dxo::of_tensors(DataKind::WeightDiff, tensors).unwrap()
}

/// The second half of every tensor, zeroed.
fn half_zeroed(dxo: &Dxo) -> Dxo {
    let tensors = dxo.tensors().unwrap().iter().map(|(name, tensor)| {
        let mut kept = values(tensor);
        let half = kept.len() / 2;
        kept[half..].fill(0.0);
        (name.clone(), float32(tensor.shape(), &kept))
    });
    Dxo::of_tensors(dxo.kind(), tensors).unwrap()
}

#[test]
pub fn reads_beyond_the_end_and_of_nothing_come_back_empty() {
    assert_eq!(answer(r#""read-far""#, update()), "[0, 0, 0, 16]");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("update");
    write(&path, update());
    let file = safetensors::open(&path, Overrides::default()).unwrap();
    assert_eq!(answer(r#""read-far""#, file.dxo), "[0, 0, 0, 16]");
    let zeros = Tensor::zeros(Dtype::Float32, &[4]).unwrap();
    let zeros = Dxo::of_tensors(DataKind::Weights, [("a".to_owned(), zeros)]).unwrap();
    assert_eq!(answer(r#""read-far""#, zeros), "[0, 0, 0, 16]");
}

#[test]
pub fn writes_past_the_end_are_told_and_write_nothing() {
    let before = update();
    let mut filter = misbehaving(r#""write-past-the-end""#);
    let filtered = filter.filter(before, &context()).unwrap();
    let Outcome::Unchanged(answers) = &filtered.leaves[0].outcome else { panic!("it was filtered") };
    assert_eq!(answers.matches("InvalidArgument").count(), 3, "{answers}");
    assert_same(&filtered.dxo, &update());
}

#[test]
fn bytes_that_are_no_whole_elements_are_told_and_write_nothing() {
    let before = update();
    let filtered = misbehaving(r#"{"write-window": 3}"#).filter(before, &context()).unwrap();
    let Outcome::Unchanged(answer) = &filtered.leaves[0].outcome else { panic!("it was filtered") };
    assert!(answer.contains("3 bytes cannot be written at element 0"), "{answer}");
    assert_same(&filtered.dxo, &update());
}

#[test]
fn writing_no_bytes_changes_nothing() {
    let empty = Tensor::new(Dtype::Float32, &[0, 3], Vec::new()).unwrap();
    for dxo in [update(), large(), Dxo::of_tensors(DataKind::Weights, [("a".to_owned(), empty)]).unwrap()] {
        let filtered = misbehaving(r#"{"write-window": 0}"#).filter(dxo.clone(), &context()).unwrap();
        assert_eq!(filtered.leaves[0].outcome, Outcome::Unchanged("Ok(())".to_owned()));
        assert_same(&filtered.dxo, &dxo);
    }
}

#[test]
fn a_part_that_was_not_written_keeps_its_data_in_memory() {
    for dxo in [update(), large()] {
        let filtered = misbehaving(r#""zero-half""#).filter(dxo.clone(), &context()).unwrap();
        assert_same(&filtered.dxo, &half_zeroed(&dxo));
        assert!(dxo.tensors().unwrap().values().all(|tensor| values(tensor)[0] != 0.0));
    }
}

#[test]
fn a_part_that_was_not_written_keeps_its_data_in_files() {
    let directory = tempfile::tempdir().unwrap();
    for dxo in [update(), large()] {
        let file = through_files(directory.path(), r#""zero-half""#, dxo.clone());
        assert_same(&file.dxo, &half_zeroed(&dxo));
    }
}

#[test]
fn data_that_was_written_in_memory_goes_into_a_file_as_well() {
    let directory = tempfile::tempdir().unwrap();
    let filtered = misbehaving(r#""zero-half""#).filter(large(), &context()).unwrap();
    let path = directory.path().join("filtered");
    write(&path, filtered.dxo);
    let file = safetensors::open(&path, Overrides::default()).unwrap();
    assert_same(&file.dxo, &half_zeroed(&large()));
}

#[test]
fn tensors_replaced_backwards_by_wider_ones_keep_their_order_in_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = through_files(directory.path(), r#""replace-backwards""#, large());
    let tensors = file.dxo.tensors().unwrap();
    assert!(tensors.keys().eq(["a", "b", "c"]));
    for (name, tensor) in tensors {
        assert_eq!(tensor.dtype(), Dtype::Float64);
        assert_eq!(tensor.shape(), large().tensors().unwrap()[name].shape());
        assert!(tensor.to_bytes().unwrap().iter().all(|byte| *byte == 0));
    }
}

#[test]
fn a_tensor_that_was_not_there_comes_last() {
    let directory = tempfile::tempdir().unwrap();
    let file = through_files(directory.path(), r#""add-tensor""#, large());
    let tensors = file.dxo.tensors().unwrap();
    assert!(tensors.keys().eq(["a", "b", "c", "extra"]));
    assert_eq!(values(&tensors["extra"]), [0.0; 4]);
    assert_eq!(values(&tensors["a"]), values(&large().tensors().unwrap()["a"]));
}

#[test]
fn integers_that_are_filtered_in_a_file_come_out_as_float64() {
    let directory = tempfile::tempdir().unwrap();
    let (source, target) = (directory.path().join("source"), directory.path().join("target"));
    let bytes: Vec<u8> = (0..100_000_i32).flat_map(|value| (value - 50_000).to_le_bytes()).collect();
    let integers = Tensor::new(Dtype::Int32, &[100_000], bytes).unwrap();
    let tensors = [("i".to_owned(), integers), ("f".to_owned(), float32(&[2], &[1.0, -3.0]))];
    write(&source, Dxo::of_tensors(DataKind::WeightDiff, tensors).unwrap());
    let file = safetensors::open(&source, Overrides::default()).unwrap();
    let output = Output::create(&target, &file.dxo, &file.metadata).unwrap();
    let args = r#"{"percentile": 50, "gamma": 30000}"#;
    let component = flip_wasm_tests::percentile_privacy();
    let mut filter = component.instance().args(args).write_to(&output).build().unwrap();
    let filtered = filter.filter(file.dxo, &context()).unwrap();
    output.commit(filtered.dxo, &file.metadata).unwrap();

    let written = safetensors::open(&target, Overrides::default()).unwrap();
    let tensors = written.dxo.tensors().unwrap();
    assert!(tensors.keys().eq(["i", "f"]));
    let bytes = tensors["i"].to_bytes().unwrap();
    let doubles: Vec<f64> =
        bytes.chunks_exact(8).map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap())).collect();
    assert_eq!((doubles[0], doubles[50_001], doubles[90_000]), (-30_000.0, 0.0, 30_000.0));
    assert_eq!((tensors["i"].dtype(), tensors["f"].dtype()), (Dtype::Float64, Dtype::Float32));
}

#[test]
fn what_is_not_there_or_not_allowed_is_a_typed_error() {
    let told = answer(r#""ask-in-vain""#, update());
    let expected = [
        "not-found",        // a tensor
        "not-found",        // a member
        "not-found",        // the values of weights
        "invalid-argument", // values for weights
        "invalid-argument", // a meta property that is no JSON
        "invalid-argument", // 33 dimensions
        "invalid-argument", // more elements than can be counted
        "invalid-argument", // a tensor for metrics
        "nothing: true",
    ];
    assert_eq!(told, expected.join("; "));
}

#[test]
fn collections_that_a_component_nests_too_deep_are_refused() {
    match misbehaving(r#""nest""#).filter(update(), &context()) {
        Err(error @ Error::Failed { .. }) => {
            assert!(error.to_string().contains("nest deeper than 16"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn collections_that_come_nested_too_deep_are_refused() {
    let nested = |depth| (1..depth).fold(update(), |dxo, _| Dxo::of_members([("inner".to_owned(), dxo)]));
    let filtered = misbehaving(r#""zero""#).filter(nested(MAX_DEPTH), &context()).unwrap();
    assert_eq!(filtered.leaves[0].outcome, Outcome::Filtered);
    let refused = misbehaving(r#""zero""#).filter(nested(MAX_DEPTH + 1), &context());
    assert!(matches!(refused, Err(Error::InvalidData(_))), "{refused:?}");
}

#[test]
fn a_file_that_shrinks_while_it_is_filtered_holds_the_update_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("update");
    write(&path, large());
    for deed in [r#""zero-half""#, r#""read-far""#] {
        write(&path, large());
        let file = safetensors::open(&path, Overrides::default()).unwrap();
        std::fs::File::options().write(true).open(&path).unwrap().set_len(1_000).unwrap();
        let failed = misbehaving(deed).filter(file.dxo, &context());
        assert!(matches!(failed, Err(Error::Failed { .. })), "{failed:?}");
    }
}

#[test]
fn shapes_that_no_tensor_can_have_are_refused() {
    let too_large: [&[u64]; 5] =
        [&[u64::MAX], &[1 << 32, 1 << 32], &[1 << 61, 2], &[u64::MAX, u64::MAX], &[1; 33]];
    for shape in too_large {
        let error = Tensor::zeros(Dtype::Float32, shape).unwrap_err();
        assert!(matches!(error, TensorError::Shape { .. }), "{shape:?}: {error}");
    }
    assert!(Tensor::zeros(Dtype::Float32, &[1; 32]).is_ok());
    let error = Tensor::new(Dtype::Float32, &[3], vec![0; 13]).unwrap_err();
    assert_eq!(error.to_string(), "13 bytes given for a tensor of 12 bytes");
}
