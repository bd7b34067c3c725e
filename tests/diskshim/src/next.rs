use std::{ffi::CStr, marker::PhantomData, sync::OnceLock};

/// The function that the process would have called without us.
pub(crate) struct Next<F> {
    name: &'static CStr,
    address: OnceLock<usize>,
    kind: PhantomData<F>,
}

// === impl Next ===

impl<F: Copy> Next<F> {
    pub(crate) const fn new(name: &'static CStr) -> Self {
        Self { name, address: OnceLock::new(), kind: PhantomData }
    }

    pub(crate) fn get(&self) -> F {
        let address = self.address.get_or_init(|| {
            // SAFETY: a C string that lives for ever, and a lookup without side effects.
            let found = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
            assert!(!found.is_null(), "libc has no {:?}", self.name);
            found as usize
        });
        const { assert!(size_of::<F>() == size_of::<usize>()) };
        // SAFETY: libc's function of that name, whose type the caller of `new` wrote down.
        unsafe { std::mem::transmute_copy(address) }
    }
}
