//! Regular expressions as librdkafka takes them (rdregex.c): those of the C library. It does not say what is wrong with one.

use super::owned;
use std::{ffi::CString, mem::MaybeUninit};

/// What is wrong with a regular expression, if anything.
pub(crate) fn check_regex(pattern: &str) -> Result<(), String> {
    let text = CString::new(pattern).map_err(|_| "a zero byte".to_owned())?;
    let mut regex = MaybeUninit::<libc::regex_t>::uninit();
    // SAFETY: the text is NUL-terminated; `regcomp` fills the expression in, which is freed once if that succeeded, and
    // only asked for its error if not; the error's text is cut off at the buffer's end, with a NUL.
    unsafe {
        let code = libc::regcomp(regex.as_mut_ptr(), text.as_ptr(), libc::REG_EXTENDED | libc::REG_NOSUB);
        if code == 0 {
            libc::regfree(regex.as_mut_ptr());
            return Ok(());
        }
        let mut why = [0; 128];
        libc::regerror(code, regex.as_ptr(), why.as_mut_ptr(), why.len());
        Err(owned(why.as_ptr()))
    }
}
