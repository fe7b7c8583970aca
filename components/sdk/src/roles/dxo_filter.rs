//! Filters of dxos.

use super::{Exported, with};
use crate::{Configurable, DataKind, Dxo, Error, FlContext, Verdict};

/// NVFLARE's `DXOFilter`: changes, or holds back, the data that enters or leaves a site.
pub trait DxoFilter: Configurable {
    /// The kinds of data to show this filter; none asks for every one.
    fn data_kinds(&self) -> Vec<DataKind>;

    /// Filters one leaf dxo in place.
    ///
    /// # Errors
    ///
    /// Any error keeps the data from leaving, as [`Verdict::Refused`] does.
    fn process_dxo(&mut self, dxo: &Dxo, ctx: &FlContext) -> Result<Verdict, Error>;
}

impl<E: Exported<Component: DxoFilter>> bindings::exports::flip::fl::dxo_filter::Guest for E {
    fn data_kinds() -> Vec<DataKind> {
        with::<E, _>(|filter| Ok(filter.data_kinds())).unwrap_or_default()
    }

    fn process_dxo(dxo: &Dxo, ctx: &FlContext) -> Result<Verdict, Error> {
        with::<E, _>(|filter| filter.process_dxo(dxo, ctx))
    }
}

bindings!("package flip:sdk; world dxo-filter { export flip:fl/dxo-filter@0.1.0; }");
