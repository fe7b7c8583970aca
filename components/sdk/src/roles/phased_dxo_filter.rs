//! Filters that work in phases: no role of its own, it is exported beside `dxo_filter`.

use super::dxo_filter::DxoFilter;
use super::{Exported, with};
use crate::{Dxo, Error, FlContext};

pub use bindings::exports::flip::fl::phased_dxo_filter::{Access, Phase, Step};

/// A filter of which several instances share a dxo, on all cores. What comes of the data is the same as by
/// [`DxoFilter::process_dxo`].
///
/// One instance leads: it begins. In each phase every part of the phase's tensors is processed once, by any
/// instance. The leader takes the reports in the order of the parts, and says how it goes on.
pub trait PhasedDxoFilter: DxoFilter {
    /// Begins with one leaf dxo, and drops what was begun before; it must not write to the tensors yet.
    ///
    /// # Errors
    ///
    /// Any error keeps the data from leaving.
    fn begin(&mut self, dxo: &Dxo, ctx: &FlContext) -> Result<Step, Error>;

    /// Does a phase's task with one part: some of the phase's tensors under their names, whole, or a run of one's
    /// elements, in one dimension. Returns the part's report, at most 1 MiB.
    ///
    /// # Errors
    ///
    /// Any error keeps the data from leaving.
    fn process_part(&mut self, task: &[u8], part: &Dxo) -> Result<Vec<u8>, Error>;

    /// Takes the report of one part.
    ///
    /// # Errors
    ///
    /// Any error keeps the data from leaving.
    fn take_report(&mut self, report: &[u8]) -> Result<(), Error>;

    /// Goes on with the dxo, once the reports of all parts were taken.
    ///
    /// # Errors
    ///
    /// Any error keeps the data from leaving.
    fn next(&mut self, dxo: &Dxo) -> Result<Step, Error>;
}

impl<E: Exported<Component: PhasedDxoFilter>> bindings::exports::flip::fl::phased_dxo_filter::Guest for E {
    fn begin(dxo: &Dxo, ctx: &FlContext) -> Result<Step, Error> {
        with::<E, _>(|filter| filter.begin(dxo, ctx))
    }

    fn process_part(task: Vec<u8>, part: &Dxo) -> Result<Vec<u8>, Error> {
        with::<E, _>(|filter| filter.process_part(&task, part))
    }

    fn take_report(report: Vec<u8>) -> Result<(), Error> {
        with::<E, _>(|filter| filter.take_report(&report))
    }

    fn next(dxo: &Dxo) -> Result<Step, Error> {
        with::<E, _>(|filter| filter.next(dxo))
    }
}

bindings!("package flip:sdk; world phased-dxo-filter { export flip:fl/phased-dxo-filter@0.1.0; }");
