use crate::{error::Error, held::Keeping, standing::Guard};

/// An abandoned slot that is ours while we settle it, kept so meanwhile. Dropped, it expires and is abandoned again.
#[derive(Debug)]
pub struct Taken {
    keeping: Keeping,
    lanes: u16,
}

// === impl Taken ===

impl Taken {
    pub(crate) fn new(keeping: Keeping, lanes: u16) -> Self {
        Self { keeping, lanes }
    }

    /// The slot's number.
    pub fn ordinal(&self) -> u32 {
        self.keeping.ordinal()
    }

    /// How many lanes to settle: each transactional.id of lanes 0..lanes is to be initialised.
    pub fn lanes(&self) -> u16 {
        self.lanes
    }

    /// Tells at any time whether the slot is still ours, without waiting.
    pub fn guard(&self) -> Guard {
        self.keeping.standing().guard()
    }

    /// Resolves when it is lost or may be, and says why: stop settling.
    pub async fn lost(&mut self) -> String {
        self.keeping.standing().lost().await
    }

    /// All its lanes are settled: says so in the lease, and releases it.
    pub async fn settled(self) -> Result<(), Error> {
        self.keeping.release(true).await
    }
}
