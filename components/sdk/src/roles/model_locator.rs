//! Locators of models.

use super::{Exported, with};
use crate::{Configurable, Dxo, Error, FlContext};

/// NVFLARE's `ModelLocator`: finds the models that a validation needs.
pub trait ModelLocator: Configurable {
    /// The names that `locate_model` answers.
    ///
    /// # Errors
    ///
    /// Those of the host.
    fn model_names(&mut self, ctx: &FlContext) -> Result<Vec<String>, Error>;

    /// The model of this name, none where it is missing or unreadable. A locator that answers with a
    /// collection of every model takes no name.
    ///
    /// # Errors
    ///
    /// Those of the host.
    fn locate_model(&mut self, name: Option<&str>, ctx: &FlContext) -> Result<Option<Dxo>, Error>;
}

impl<E: Exported<Component: ModelLocator>> bindings::exports::flip::fl::model_locator::Guest for E {
    fn model_names(ctx: &FlContext) -> Result<Vec<String>, Error> {
        with::<E, _>(|locator| locator.model_names(ctx))
    }

    fn locate_model(name: Option<String>, ctx: &FlContext) -> Result<Option<Dxo>, Error> {
        with::<E, _>(|locator| locator.locate_model(name.as_deref(), ctx))
    }
}

bindings!("package flip:sdk; world model-locator { export flip:fl/model-locator@0.1.0; }");
