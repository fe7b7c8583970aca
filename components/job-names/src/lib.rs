//! The names that a job's configuration gives, and what to answer where one does not fit: models,
//! other components, and names that become a part of a path.

mod model_id;
mod path_part;
mod peer;

pub use model_id::ModelId;
pub use path_part::path_part;
pub use peer::no_such_peer;
