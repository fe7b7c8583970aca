//! The book's examples of testing a component.

use std::error::Error;

use flip_runtime::testing::{Answer, Found, TestHost, context, float32};
use flip_runtime::{ContractError, DataKind, Dxo, ReturnCode, Runtime, Shareable};

// ANCHOR: alone
#[test]
fn small_elements_become_zero_and_large_ones_are_clipped() -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::new()?;
    let component = runtime.load("percentile-privacy")?; // or the path of your component's .wasm
    let host = TestHost::new(&runtime)?;
    let mut filter = host.instance(&component).args(r#"{"percentile": 50, "gamma": 0.25}"#).build()?;

    let tensor = float32(&[4], &[0.01, -0.1, 0.2, -4.0])?;
    let update = Dxo::of_tensors(DataKind::WeightDiff, [("layer.weight".to_owned(), tensor)]).unwrap();
    let filtered = filter.filter(update, &context())?;

    let expected = float32(&[4], &[0.0, 0.0, 0.2, -0.25])?.to_bytes()?;
    assert_eq!(filtered.dxo.tensors().unwrap()["layer.weight"].to_bytes()?, expected);
    assert!(host.calls().is_empty()); // it asked for no file, no object, and told nobody
    Ok(())
}
// ANCHOR_END: alone

// ANCHOR: answers
#[test]
fn a_disk_that_is_away_is_told_and_nothing_is_deleted() -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::new()?;
    let component = runtime.load("cleanup-images")?;
    let away = ContractError::Unavailable("the disk is away".to_owned());
    let host = TestHost::new(&runtime)?
        .granting("directories = { images = 'read' }\ncleanup = ['images/*']")?
        .file("images/net-1/scan", "pixels")?
        .answer("cleanup clear images/*", Answer::failing(away));
    let mut executor = host.instance(&component).build()?;

    let nothing = Shareable::ok(Dxo::new(DataKind::Metrics));
    let reply = executor.execute("init_training", nothing, &context())?;
    assert_eq!(reply.return_code, ReturnCode::ExecutionException);
    let calls: Vec<_> = host.calls().iter().map(ToString::to_string).collect();
    assert_eq!(calls, ["storage open images", "cleanup clear images/* = unavailable"]);
    assert_eq!(host.tree()?["images/net-1/scan"], Found::File(b"pixels".to_vec()));
    Ok(())
}
// ANCHOR_END: answers
