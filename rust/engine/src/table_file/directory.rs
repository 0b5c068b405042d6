//! Directory: which tables a file holds, and the trailer that leads to it. All numbers are little-endian.

use crc32c::crc32c;

use super::MAGIC;

/// `directory offset u64 | directory length u64 | crc32c of the directory u32 | crc32c of the 20 bytes before u32 | magic`
pub(super) const TRAILER_BYTES: usize = 32;

/// One table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The group of tables that it belongs to.
    pub section: String,
    /// Its name in the section.
    pub key: String,
    /// Number of its rows.
    pub rows: u64,
    pub(super) offset: u64,
    pub(super) len: u64,
    /// crc32c of its bytes.
    pub(super) crc: u32,
}

/// `metadata | count u32 | entries`; a text is `length u32 | UTF-8`, an entry is `section | key | rows | offset | len | crc`.
pub(super) fn encode(metadata: &str, entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_text(&mut bytes, metadata);
    bytes.extend((entries.len() as u32).to_le_bytes());
    for entry in entries {
        put_text(&mut bytes, &entry.section);
        put_text(&mut bytes, &entry.key);
        for number in [entry.rows, entry.offset, entry.len] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(entry.crc.to_le_bytes());
    }
    bytes
}

/// What `encode` wrote; None if it is anything else.
pub(super) fn decode(bytes: &[u8]) -> Option<(String, Vec<Entry>)> {
    let mut rest = bytes;
    let metadata = take_text(&mut rest)?;
    let count = u32::from_le_bytes(take(&mut rest)?);
    let mut entries = Vec::new();
    for _ in 0..count {
        entries.push(Entry {
            section: take_text(&mut rest)?,
            key: take_text(&mut rest)?,
            rows: u64::from_le_bytes(take(&mut rest)?),
            offset: u64::from_le_bytes(take(&mut rest)?),
            len: u64::from_le_bytes(take(&mut rest)?),
            crc: u32::from_le_bytes(take(&mut rest)?),
        });
    }
    rest.is_empty().then_some((metadata, entries))
}

/// The end of a file whose directory, with these bytes, is at `offset`.
pub(super) fn trailer(offset: u64, directory: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(TRAILER_BYTES);
    bytes.extend(offset.to_le_bytes());
    bytes.extend((directory.len() as u64).to_le_bytes());
    bytes.extend(crc32c(directory).to_le_bytes());
    bytes.extend(crc32c(&bytes).to_le_bytes());
    bytes.extend(MAGIC);
    bytes
}

/// The bytes of the directory of a whole file, checked.
pub(super) fn find(file: &[u8]) -> Result<&[u8], &'static str> {
    if file.len() < MAGIC.len() + TRAILER_BYTES || file[..8] != MAGIC {
        return Err("it does not begin as a table file does");
    }
    let mut trailer = &file[file.len() - TRAILER_BYTES..];
    let (checked, magic) = (&trailer[..20], &trailer[24..]);
    let torn = "its end is not there";
    if magic != MAGIC || crc32c(checked).to_le_bytes() != trailer[20..24] {
        return Err(torn);
    }
    let offset = u64::from_le_bytes(take(&mut trailer).ok_or(torn)?);
    let len = u64::from_le_bytes(take(&mut trailer).ok_or(torn)?);
    let crc = u32::from_le_bytes(take(&mut trailer).ok_or(torn)?);
    let directory = slice(file, offset, len).ok_or(torn)?;
    if crc32c(directory) != crc {
        return Err("the checksum of its directory does not match");
    }
    Ok(directory)
}

/// `len` bytes from `offset` on, if the file has them.
pub(super) fn slice(file: &[u8], offset: u64, len: u64) -> Option<&[u8]> {
    let end = offset.checked_add(len)?;
    file.get(usize::try_from(offset).ok()?..usize::try_from(end).ok()?)
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u32).to_le_bytes());
    bytes.extend(text.as_bytes());
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*head)
}

fn take_text(rest: &mut &[u8]) -> Option<String> {
    let len = u32::from_le_bytes(take(rest)?) as usize;
    let (text, tail) = rest.split_at_checked(len)?;
    *rest = tail;
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str, offset: u64) -> Entry {
        Entry {
            section: "params".into(),
            key: key.into(),
            rows: 3,
            offset,
            len: 7,
            crc: 0xdead_beef,
        }
    }

    #[test]
    fn a_directory_comes_back_as_it_was_written() {
        let entries = vec![entry("lr", 64), entry("schön/日本", 128), entry("", 192)];
        let bytes = encode("{\"tx\": 7}", &entries);
        assert_eq!(decode(&bytes), Some(("{\"tx\": 7}".into(), entries)));
    }

    #[test]
    fn no_prefix_of_a_directory_is_one() {
        let bytes = encode("m", &[entry("lr", 64)]);
        assert!((0..bytes.len()).all(|len| decode(&bytes[..len]).is_none()));
        assert!(decode(&[&bytes[..], b"x"].concat()).is_none());
    }
}
