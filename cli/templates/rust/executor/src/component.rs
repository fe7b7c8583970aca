//! What the host calls. How tasks are answered is in `logic`.

use flip_sdk::{Configurable, DataKind, Dxo, Error, Executor, FlContext, Reply, ReturnCode, Shareable};

use crate::logic::{Answer, Args, answer};

struct MyComponent;

impl Configurable for MyComponent {
    type Args = Args;

    fn configure(Args {}: Args) -> Result<Self, Error> {
        Ok(Self)
    }
}

impl Executor for MyComponent {
    fn execute(&mut self, task: &str, data: &Shareable, _: &FlContext) -> Result<Reply, Error> {
        let lens = data.dxo()?.map(|dxo| lens(&dxo)).transpose()?;
        let (code, dxo) = match answer(task, lens.as_deref()) {
            Answer::Metrics(values) => {
                let metrics = Dxo::create(DataKind::Metrics)?;
                metrics.set_values(&values)?;
                (ReturnCode::Ok, Some(metrics))
            }
            Answer::BadTaskData => (ReturnCode::BadTaskData, None),
            Answer::TaskUnknown => (ReturnCode::TaskUnknown, None),
        };
        Ok(Reply { code, headers: Vec::new(), dxo })
    }
}

/// The numbers of elements of a dxo's tensors.
fn lens(dxo: &Dxo) -> Result<Vec<u64>, Error> {
    dxo.names().iter().map(|name| Ok(dxo.tensor(name)?.len())).collect()
}

flip_sdk::export!(MyComponent: executor);
