//! Records: the small files that decide what there is. `docs/format.md` has the layout.
//!
//! The body is JSON, so that an operator can read it. Whatever is not exactly as written here is damage.

use std::io::{self, Read};
use std::path::Path;

use iamd_types::{Entropy, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::ids::FileId;
use crate::index::{Brief, Entry};
use crate::objects::Tools;
use crate::seal::DataKey;
use crate::{Algorithm, Attributes, Checksum, ChecksumType, ETag, Error, Key, UploadId, VersionId};

const MAGIC: &[u8; 8] = b"IAMDOBJ1";
/// Magic, kind, length of the body, length of the wrapped key.
const FIXED: usize = 8 + 1 + 4 + 4;
const CHECK: usize = 8;
/// Longest body: 10,000 parts with four checksums each stay well below it.
const MAX_BODY: usize = 16 * 1024 * 1024;
/// Longest wrapped key.
const MAX_WRAPPED: usize = 1024;
/// Read at once: most heads are shorter.
const FIRST_READ: usize = 4096;

/// A kind of record.
pub(crate) trait Kind: Serialize + DeserializeOwned {
    const LETTER: u8;
}

/// A version of an object, or a delete marker.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ObjectRecord {
    pub(crate) bucket: String,
    pub(crate) key: Key,
    pub(crate) version: VersionId,
    /// Orders the versions of a key.
    pub(crate) sequence: u64,
    /// Milliseconds since the epoch.
    pub(crate) modified: i64,
    /// Absent in a delete marker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content: Option<Content>,
}

/// What an object holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Content {
    pub(crate) size: u64,
    pub(crate) etag: ETag,
    pub(crate) attributes: Attributes,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) checksum: Option<Checksum>,
    pub(crate) encrypted: bool,
    pub(crate) data: Data,
}

/// Where the data is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Data {
    /// Behind the record, in the same file.
    Here(FileId),
    /// In one file.
    File(FileId),
    /// In the files of an upload's parts.
    Parts { upload: UploadId, parts: Vec<PartRecord> },
}

/// A part, of an upload or of the object that it became.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartRecord {
    pub(crate) number: u16,
    pub(crate) file: FileId,
    pub(crate) size: u64,
    pub(crate) etag: ETag,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) checksums: Vec<Checksum>,
    pub(crate) modified: i64,
}

/// An upload in parts that is under way.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UploadRecord {
    pub(crate) bucket: String,
    pub(crate) key: Key,
    pub(crate) id: UploadId,
    pub(crate) initiated: i64,
    pub(crate) initiator: String,
    pub(crate) attributes: Attributes,
    pub(crate) algorithm: Algorithm,
    #[serde(rename = "type")]
    pub(crate) kind: ChecksumType,
    /// Whether the client chose the algorithm.
    pub(crate) chosen: bool,
    pub(crate) encrypted: bool,
}

/// A part as it lies beside its upload's record.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UploadedPart {
    pub(crate) upload: UploadId,
    pub(crate) part: PartRecord,
}

impl Kind for ObjectRecord {
    const LETTER: u8 = b'O';
}

impl Kind for UploadRecord {
    const LETTER: u8 = b'U';
}

impl Kind for UploadedPart {
    const LETTER: u8 = b'P';
}

impl ObjectRecord {
    pub(crate) fn modified(&self) -> Timestamp {
        Timestamp::from_millis(self.modified)
    }

    /// What the index keeps of it.
    pub(crate) fn entry(&self) -> Entry {
        Entry {
            version: self.version,
            sequence: self.sequence,
            modified: self.modified(),
            object: self.content.as_ref().map(Content::brief),
        }
    }

    /// The data files that belong to this record.
    pub(crate) fn files(&self) -> Vec<FileId> {
        match self.content.as_ref().map(|content| &content.data) {
            None | Some(Data::Here(_)) => Vec::new(),
            Some(Data::File(file)) => vec![*file],
            Some(Data::Parts { parts, .. }) => parts.iter().map(|part| part.file).collect(),
        }
    }

    /// The upload that it was made of.
    pub(crate) fn upload(&self) -> Option<UploadId> {
        match &self.content.as_ref()?.data {
            Data::Parts { upload, .. } => Some(*upload),
            Data::Here(_) | Data::File(_) => None,
        }
    }
}

impl Content {
    fn brief(&self) -> Brief {
        Brief {
            size: self.size,
            etag: self.etag,
            checksum: self.checksum.as_ref().map(|it| (it.algorithm, it.kind)),
            class: self.attributes.class,
        }
    }
}

/// A record as it was read: the body's bytes are kept, because the data key is bound to them.
#[derive(Debug)]
pub(crate) struct Sealed<T> {
    pub(crate) record: T,
    bytes: Vec<u8>,
    wrapped: Vec<u8>,
    /// Where what stands behind the record begins.
    pub(crate) end: u64,
}

impl<T: Kind> Sealed<T> {
    /// The data key; damage if it is not the key of exactly this record.
    pub(crate) fn data_key(&self, tools: &Tools, path: &Path) -> Result<DataKey, Error> {
        DataKey::unwrap(&tools.keyring, &self.bytes, &self.wrapped).map_err(|_| {
            Error::damaged(path, "its data key does not open, or belongs to another record")
        })
    }

    /// Reads a record from the start of a file.
    pub(crate) fn read(file: &mut impl Read, path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::io(path, source);
        let mut bytes = Vec::with_capacity(FIRST_READ);
        read_up_to(file, FIRST_READ, &mut bytes).map_err(failed)?;
        let head = Head::parse::<T>(&bytes).map_err(|what| Error::damaged(path, what))?;
        if let Some(missing) = head.end().checked_sub(bytes.len()) {
            bytes.reserve_exact(missing);
            read_up_to(file, missing, &mut bytes).map_err(failed)?;
        }
        bytes.truncate(head.end());
        head.finish(bytes).map_err(|what| Error::damaged(path, what))
    }
}

fn read_up_to(file: &mut impl Read, limit: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
    file.by_ref().take(limit as u64).read_to_end(bytes).map(|_| ())
}

/// The lengths at the start of a record.
struct Head {
    body: usize,
    wrapped: usize,
}

impl Head {
    fn parse<T: Kind>(bytes: &[u8]) -> Result<Self, &'static str> {
        let (magic, rest) = bytes.split_first_chunk::<8>().ok_or("it is cut short")?;
        if magic != MAGIC {
            return Err("it is no record of a known version");
        }
        let (kind, rest) = rest.split_first_chunk::<1>().ok_or("it is cut short")?;
        if kind != &[T::LETTER] {
            return Err("it is a record of another kind");
        }
        let (body, rest) = rest.split_first_chunk().ok_or("it is cut short")?;
        let (wrapped, _) = rest.split_first_chunk().ok_or("it is cut short")?;
        let head = Self {
            body: u32::from_be_bytes(*body) as usize,
            wrapped: u32::from_be_bytes(*wrapped) as usize,
        };
        if head.body > MAX_BODY || head.wrapped > MAX_WRAPPED {
            return Err("its length cannot be");
        }
        Ok(head)
    }

    fn end(&self) -> usize {
        FIXED + self.body + self.wrapped + CHECK
    }

    fn finish<T: Kind>(&self, mut bytes: Vec<u8>) -> Result<Sealed<T>, &'static str> {
        let checked = bytes.len().checked_sub(CHECK).filter(|_| bytes.len() == self.end());
        let (content, check) = bytes.split_at(checked.ok_or("it is cut short")?);
        if xxh3_64(content).to_be_bytes() != check {
            return Err("its checksum is wrong");
        }
        let body = content.get(FIXED..FIXED + self.body).ok_or("it is cut short")?;
        let wrapped = content.get(FIXED + self.body..).unwrap_or_default().to_vec();
        let record = serde_json::from_slice(body).map_err(|_| "its body cannot be read")?;
        bytes.truncate(FIXED + self.body);
        bytes.drain(..FIXED);
        Ok(Sealed { record, bytes, wrapped, end: self.end() as u64 })
    }
}

/// The bytes of a record. With a data key, it is wrapped for exactly these.
pub(crate) fn encode<T: Kind>(
    record: &T,
    key: Option<&DataKey>,
    tools: &Tools,
) -> Result<Vec<u8>, Error> {
    // Texts, numbers and lists of them: nothing that JSON could not say.
    let body = serde_json::to_vec(record).map_err(|_| Error::Stopped)?;
    let entropy: &dyn Entropy = &*tools.entropy;
    let wrapped = key.map(|it| it.wrap(&tools.keyring, &body, entropy)).unwrap_or_default();
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
    let mut out = Vec::with_capacity(FIXED + body.len() + wrapped.len() + CHECK);
    out.extend_from_slice(MAGIC);
    out.push(T::LETTER);
    out.extend_from_slice(&length(&body));
    out.extend_from_slice(&length(&wrapped));
    out.extend_from_slice(&body);
    out.extend_from_slice(&wrapped);
    let check = xxh3_64(&out);
    out.extend_from_slice(&check.to_be_bytes());
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use iamd_credentials::Keyring;
    use iamd_types::{Clock, Timestamp};
    use proptest::prelude::*;

    use super::*;

    struct Still;

    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::from_seconds(0)
        }
    }

    impl Entropy for Still {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(7);
        }
    }

    fn tools() -> Tools {
        let keyring = Arc::new(Keyring::generate(&Still, Timestamp::from_seconds(0)));
        Tools { clock: Arc::new(Still), entropy: Arc::new(Still), keyring }
    }

    fn record(size: u64) -> ObjectRecord {
        let content = Content {
            size,
            etag: ETag::single([1; 16]),
            attributes: Attributes::default(),
            checksum: None,
            encrypted: true,
            data: Data::File(FileId::draw(&Still)),
        };
        ObjectRecord {
            bucket: "bucket".to_owned(),
            key: Key::new("key").unwrap(),
            version: VersionId::Null,
            sequence: 1,
            modified: 0,
            content: Some(content),
        }
    }

    fn read<T: Kind>(mut bytes: &[u8]) -> Result<Sealed<T>, Error> {
        Sealed::read(&mut bytes, Path::new("x"))
    }

    #[test]
    fn a_key_opens_its_own_record_alone() {
        let tools = tools();
        let key = DataKey::draw(&Still);
        let one = encode(&record(1), Some(&key), &tools).unwrap();
        let two = encode(&record(2), Some(&key), &tools).unwrap();
        let mut one: Sealed<ObjectRecord> = read(&one).unwrap();
        let two: Sealed<ObjectRecord> = read(&two).unwrap();
        assert!(one.data_key(&tools, Path::new("x")).is_ok());
        one.wrapped = two.wrapped;
        assert!(one.data_key(&tools, Path::new("x")).is_err());
    }

    proptest! {
        #[test]
        fn whatever_a_file_holds_is_a_record_or_damage(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            magic in any::<bool>(),
        ) {
            let bytes = if magic { [MAGIC.as_slice(), b"O", &bytes].concat() } else { bytes };
            prop_assert!(matches!(read::<ObjectRecord>(&bytes), Err(Error::Damaged(_))));
        }

        #[test]
        fn an_altered_record_is_damage(at in 0..10_000usize, bit in 0..8u8, cut in any::<bool>()) {
            let whole = encode(&record(5), Some(&DataKey::draw(&Still)), &tools()).unwrap();
            let at = at % whole.len();
            let mut bytes = whole.clone();
            match cut {
                true => bytes.truncate(at),
                false => bytes[at] ^= 1 << bit,
            }
            prop_assert!(matches!(read::<ObjectRecord>(&bytes), Err(Error::Damaged(_))));
            prop_assert!(read::<UploadRecord>(&whole).is_err());
        }
    }
}
