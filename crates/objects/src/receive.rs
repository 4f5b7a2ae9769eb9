//! Taking in a body: hashed, framed, perhaps encrypted, and written, in blocks on blocking threads.
//!
//! While one block is being written the next is gathered, so a stream has two blocks of 128 KiB, a segment
//! and what is about to be written in memory: about half a MiB.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use md5::{Digest, Md5};
use tokio::task::JoinHandle;

use crate::bucket::blocking;
use crate::checksum::Hasher;
use crate::files::{Files, NewFile};
use crate::frame::{Framer, Seal};
use crate::ids::FileId;
use crate::objects::Tools;
use crate::seal::DataKey;
use crate::{Algorithm, Checksum, Declared, Error, MAX_SINGLE, WriteError};

/// What is handed to a blocking thread at once.
pub(crate) const BLOCK: usize = 128 * 1024;
/// Objects up to this size stand behind their record.
pub(crate) const MAX_INLINE: u64 = 32 * 1024;

/// Where a body goes.
pub(crate) struct Sink {
    files: Arc<Files>,
    id: FileId,
    framer: Framer,
    /// Framed and not yet written.
    out: Vec<u8>,
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
            framer: Framer::new(seal),
            out: Vec::new(),
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
        let mut writer = Writer::Idle(Box::new(self));
        let mut gathered = Vec::new();
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
                let now = chunk.split_to(chunk.len().min(BLOCK - gathered.len()));
                gathered.extend_from_slice(&now);
                if gathered.len() == BLOCK {
                    writer = writer
                        .write(std::mem::replace(&mut gathered, Vec::with_capacity(BLOCK)))
                        .await?;
                }
            }
        }
        if let Some(declared) = declared.length.filter(|declared| *declared != total) {
            return Err(Error::WrongLength { declared, received: total }.into());
        }
        let mut sink = writer.idle().await?;
        let received = blocking(move || {
            sink.write(&gathered)?;
            sink.finish()
        })
        .await?;
        declared.check(&received)?;
        Ok(received)
    }

    fn write(&mut self, data: &[u8]) -> Result<(), Error> {
        self.size += data.len() as u64;
        self.md5.update(data);
        self.hashers.iter_mut().for_each(|it| it.update(data));
        self.framer.push(data, &mut self.out);
        if self.out.len() >= BLOCK { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Error> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(self.files.new_data(&self.id)?),
        };
        file.write(&self.out)?;
        self.out.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<Received, Error> {
        let framer = std::mem::replace(&mut self.framer, Framer::new(Seal::check(&self.id)));
        framer.finish(&mut self.out);
        let place = if self.inline && self.file.is_none() && self.size <= MAX_INLINE {
            Place::Inline(std::mem::take(&mut self.out))
        } else {
            self.flush()?;
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

/// A sink at rest, or at work on a blocking thread.
enum Writer {
    Idle(Box<Sink>),
    Busy(JoinHandle<Result<Box<Sink>, Error>>),
}

impl Writer {
    async fn idle(self) -> Result<Box<Sink>, Error> {
        match self {
            Self::Idle(sink) => Ok(sink),
            Self::Busy(work) => work.await.unwrap_or(Err(Error::Stopped)),
        }
    }

    /// Starts to write a block once the one before is written.
    async fn write(self, block: Vec<u8>) -> Result<Self, Error> {
        let mut sink = self.idle().await?;
        Ok(Self::Busy(tokio::task::spawn_blocking(move || {
            sink.write(&block)?;
            Ok(sink)
        })))
    }
}
