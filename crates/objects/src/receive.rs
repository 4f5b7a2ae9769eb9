//! Taking in a body: hashed, sealed, perhaps encrypted, and written, in blocks on blocking threads.
//!
//! While one block is being written the next is gathered, in the form in which it will stand in the file. The two
//! change places, so a stream has two blocks of 128 KiB in memory, and its threads allocate nothing.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use md5::{Digest, Md5};
use tokio::task::JoinHandle;

use crate::bucket::blocking;
use crate::checksum::Hasher;
use crate::files::{Files, NewFile};
use crate::frame::{Block, Seal};
use crate::ids::FileId;
use crate::objects::Tools;
use crate::seal::DataKey;
use crate::{Algorithm, Checksum, Declared, Error, MAX_SINGLE, WriteError};

/// Objects up to this size stand behind their record.
pub(crate) const MAX_INLINE: u64 = 32 * 1024;

/// Where a body goes.
pub(crate) struct Sink {
    files: Arc<Files>,
    id: FileId,
    seal: Seal,
    /// Of the next segment.
    number: u32,
    file: Option<NewFile>,
    inline: bool,
    size: u64,
    md5: Md5,
    hashers: Vec<Hasher>,
}

/// A whole body, durable unless it is small.
pub(crate) struct Received {
    pub(crate) id: FileId,
    pub(crate) size: u64,
    pub(crate) md5: [u8; 16],
    /// In the order in which the algorithms were asked for.
    pub(crate) checksums: Vec<Checksum>,
    pub(crate) place: Place,
}

/// Where the data of a body is.
pub(crate) enum Place {
    /// Framed, to stand behind the record.
    Inline(Vec<u8>),
    /// In a file that is removed unless it is kept.
    File(NewFile),
}

impl Sink {
    pub(crate) fn new(
        files: Arc<Files>,
        tools: &Tools,
        key: Option<&DataKey>,
        algorithms: &[Algorithm],
        inline: bool,
    ) -> Self {
        let id = FileId::draw(&*tools.entropy);
        let seal = match key {
            Some(key) => Seal::Encrypt(Box::new(key.of_file(&id))),
            None => Seal::check(&id),
        };
        Self {
            files,
            id,
            seal,
            number: 0,
            file: None,
            inline,
            size: 0,
            md5: Md5::new(),
            hashers: algorithms.iter().map(|it| Hasher::new(*it)).collect(),
        }
    }

    /// Takes in a whole body.
    pub(crate) async fn receive<S, E>(
        self,
        body: S,
        declared: &Declared,
    ) -> Result<Received, WriteError<E>>
    where
        S: Stream<Item = Result<Bytes, E>>,
    {
        let most = declared.length.unwrap_or(MAX_SINGLE);
        if most > MAX_SINGLE {
            return Err(Error::TooLarge.into());
        }
        let mut body = pin!(body);
        let mut gathered = Block::new(&self.seal);
        let mut writer = Writer::Idle(Box::new(self), None);
        let mut total = 0u64;
        while let Some(chunk) = body.next().await {
            let mut chunk = chunk.map_err(WriteError::Body)?;
            total = total.saturating_add(chunk.len() as u64);
            if total > most {
                return Err(match declared.length {
                    Some(declared) => Error::WrongLength { declared, received: total },
                    None => Error::TooLarge,
                }
                .into());
            }
            while !chunk.is_empty() {
                if gathered.is_full() {
                    // More follows, so the last segment is not in it.
                    (writer, gathered) = writer.write(gathered).await?;
                }
                gathered.fill(&mut chunk);
            }
        }
        if let Some(declared) = declared.length.filter(|declared| *declared != total) {
            return Err(Error::WrongLength { declared, received: total }.into());
        }
        let (sink, _) = writer.idle().await?;
        let received = blocking(move || sink.finish(gathered)).await?;
        declared.check(&received)?;
        Ok(received)
    }

    /// Hashes and seals a block.
    fn seal(&mut self, block: &mut Block, last: bool) {
        let mut segments = block.segments();
        while let Some(framed) = segments.next() {
            let data = self.seal.data(framed);
            self.size += data.len() as u64;
            self.md5.update(data);
            self.hashers.iter_mut().for_each(|it| it.update(data));
            self.seal.close(self.number, last && segments.len() == 0, framed);
            // No file is that long: 2^32 segments are 256 TiB.
            self.number = self.number.saturating_add(1);
        }
    }

    fn write(&mut self, block: &Block) -> Result<(), Error> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(self.files.new_data(&self.id)?),
        };
        file.write(block.framed())
    }

    /// Takes in the last block.
    fn finish(mut self, mut block: Block) -> Result<Received, Error> {
        block.end();
        self.seal(&mut block, true);
        let place = if self.inline && self.file.is_none() && self.size <= MAX_INLINE {
            Place::Inline(block.into_framed())
        } else {
            self.write(&block)?;
            let file = self.file.take().ok_or(Error::Stopped)?;
            file.sync_with_name()?;
            Place::File(file)
        };
        Ok(Received {
            id: self.id,
            size: self.size,
            md5: self.md5.finalize().into(),
            checksums: self.hashers.into_iter().map(Hasher::finish).collect(),
            place,
        })
    }
}

/// A sink at rest, or at work on a blocking thread; with the block that it has written last.
enum Writer {
    Idle(Box<Sink>, Option<Block>),
    Busy(JoinHandle<Result<(Box<Sink>, Block), Error>>),
}

impl Writer {
    async fn idle(self) -> Result<(Box<Sink>, Option<Block>), Error> {
        match self {
            Self::Idle(sink, block) => Ok((sink, block)),
            Self::Busy(work) => {
                let (sink, block) = work.await.unwrap_or(Err(Error::Stopped))?;
                Ok((sink, Some(block)))
            }
        }
    }

    /// Starts to write a block once the one before is written. Returns an empty one.
    async fn write(self, mut block: Block) -> Result<(Self, Block), Error> {
        let (mut sink, empty) = self.idle().await?;
        let empty = empty.unwrap_or_else(|| Block::new(&sink.seal));
        let work = tokio::task::spawn_blocking(move || {
            sink.seal(&mut block, false);
            sink.write(&block)?;
            block.clear();
            Ok((sink, block))
        });
        Ok((Self::Busy(work), empty))
    }
}
