//! A repeat of each call is answered and changes nothing.

mod everywhere;
mod stored;
