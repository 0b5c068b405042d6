//! Identity of this boot, and randomness.

use std::fs;
use std::path::Path;

use rustix::rand::{GetRandomFlags, getrandom};

use crate::error::{Error, Result};

/// Number of this boot of the machine: memory that was not written to disk lives exactly as long as it.
///
/// # Errors
/// [`Error::Io`] where `/proc` is not mounted.
pub fn boot_id() -> Result<u128> {
    let path = Path::new("/proc/sys/kernel/random/boot_id");
    let text = fs::read_to_string(path).map_err(Error::io("read", path))?;
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    u128::from_str_radix(&digits, 16).map_err(|_| Error::damaged(path, "it holds no boot id"))
}

/// 128 random bits from the operating system.
///
/// # Errors
/// [`Error::Io`] where the system has no source of randomness.
pub fn random_u128() -> Result<u128> {
    let mut bytes = [0; 16];
    let mut filled = 0;
    while filled < bytes.len() {
        match getrandom(&mut bytes[filled..], GetRandomFlags::empty()) {
            Ok(n) => filled += n,
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(Error::io("read", Path::new("getrandom"))(e.into())),
        }
    }
    Ok(u128::from_le_bytes(bytes))
}
