//! The webhook's certificates: of its own making in a Secret, or from files.

pub mod authority;
pub mod bundle;
pub mod files;
pub mod keeper;
pub mod material;
pub mod publication;
pub mod secret;
pub mod serving;
pub mod trust;
pub mod validity;
