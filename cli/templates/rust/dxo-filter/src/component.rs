//! What the host calls. What is done with numbers is in `logic`.

use flip_sdk::{Configurable, DataKind, Dtype, Dxo, DxoFilter, Error, FlContext, Verdict, log};

use crate::logic::{Args, Clip};

struct MyComponent(Clip);

impl Configurable for MyComponent {
    type Args = Args;

    fn configure(args: Args) -> Result<Self, Error> {
        args.try_into().map(Self).map_err(Error::InvalidArgument)
    }
}

impl DxoFilter for MyComponent {
    fn data_kinds(&self) -> Vec<DataKind> {
        vec![DataKind::WeightDiff, DataKind::Weights]
    }

    fn process_dxo(&mut self, dxo: &Dxo, _: &FlContext) -> Result<Verdict, Error> {
        let mut clipped = 0;
        for name in dxo.names() {
            let tensor = dxo.tensor(&name)?;
            if tensor.dtype() == Dtype::Float32 {
                // The tensor stays with the host: it is seen in windows.
                tensor.windows(|start, window| {
                    let count = self.0.window(window);
                    clipped += count;
                    if count == 0 { Ok(()) } else { tensor.write(start, window) }
                })?;
            }
        }
        log::gauge("clipped", clipped as f64);
        Ok(Verdict::Filtered)
    }
}

flip_sdk::export!(MyComponent: dxo_filter);
