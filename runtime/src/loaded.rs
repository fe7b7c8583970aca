//! What is loaded now: a component that is loaded again meanwhile is the same one, and the places of its instances are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use wasmtime::component::InstancePre;

use crate::bindings::exports::flip::fl::{configurable, dxo_filter, event_handler, phased_dxo_filter};
use crate::host::HostState;
use crate::inspect::{Digest, Inspection};

/// A component without its name: what was read off it, and its machine code with its imports found.
pub(crate) struct Loaded {
    pub(crate) inspection: Inspection,
    pub(crate) pre: InstancePre<HostState>,
    /// Where the exports are that each new instance is asked for, found once for all of them; none that it lacks.
    pub(crate) configurable: Option<configurable::GuestIndices>,
    pub(crate) dxo_filter: Option<dxo_filter::GuestIndices>,
    pub(crate) event_handler: Option<event_handler::GuestIndices>,
    /// Whether several instances can share one dxo.
    pub(crate) phased: bool,
}

impl Loaded {
    pub(crate) fn new(inspection: Inspection, pre: InstancePre<HostState>) -> Self {
        Self {
            inspection,
            configurable: configurable::GuestIndices::new(&pre).ok(),
            dxo_filter: dxo_filter::GuestIndices::new(&pre).ok(),
            event_handler: event_handler::GuestIndices::new(&pre).ok(),
            phased: phased_dxo_filter::GuestIndices::new(&pre).is_ok(),
            pre,
        }
    }
}

/// What is loaded, by the digests of what it was compiled from. It keeps nothing loaded: a component goes with the last
/// of those that use it, and with the next that is loaded its entry here.
#[derive(Default)]
pub(crate) struct AllLoaded(Mutex<HashMap<Digest, Weak<Loaded>>>);

impl AllLoaded {
    pub(crate) fn get(&self, digest: &Digest) -> Option<Arc<Loaded>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(digest)?.upgrade()
    }

    /// Notes it; gives the other one where another thread has loaded the same meanwhile.
    pub(crate) fn note(&self, digest: Digest, loaded: Loaded) -> Arc<Loaded> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(other) = all.get(&digest).and_then(Weak::upgrade) {
            return other;
        }
        all.retain(|_, loaded| loaded.strong_count() > 0);
        let loaded = Arc::new(loaded);
        all.insert(digest, Arc::downgrade(&loaded));
        loaded
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;
    use std::time::Duration;

    use crate::error::Error;
    use crate::limits::Limits;
    use crate::runtime::Runtime;

    #[test]
    fn what_is_loaded_again_is_not_compiled_again_until_nobody_uses_it_any_more() {
        let directory = tempfile::tempdir().unwrap();
        let (one, other) = (directory.path().join("one.wasm"), directory.path().join("other.wasm"));
        let wasm = crate::builtin::Builtin::find("client-event-handler").unwrap().wasm;
        fs::write(&one, wasm).unwrap();
        fs::write(&other, wasm).unwrap();
        let runtime = Runtime::new().unwrap();
        let first = runtime.load_file(&one).unwrap();
        let second = runtime.load_file(&other).unwrap();
        assert!(Arc::ptr_eq(&first.loaded, &second.loaded));
        assert_eq!((first.name(), second.name()), ("one", "other"));
        assert!(first.compiling.time > Duration::ZERO);
        assert_eq!((second.compiling.time, second.compiling.memory), (Duration::ZERO, Some(0)));

        let instance = second.instance().build().unwrap();
        drop((first, second));
        assert_eq!(runtime.load_file(&one).unwrap().compiling.time, Duration::ZERO);
        drop(instance);
        assert!(runtime.load_file(&one).unwrap().compiling.time > Duration::ZERO);
    }

    #[test]
    fn what_is_loaded_already_is_no_larger_than_a_component_may_be() {
        let runtime = Runtime::new().unwrap();
        let wasm = crate::builtin::Builtin::find("client-event-handler").unwrap().wasm;
        let _loaded = runtime.load_bytes("any", wasm).unwrap();
        let limits = Limits { component_size: wasm.len() as u64 - 1, ..Limits::default() };
        let refused = runtime.load_within("any", wasm, &limits).map(drop).unwrap_err();
        assert!(matches!(refused, Error::InvalidComponent { .. }), "{refused}");
    }
}
