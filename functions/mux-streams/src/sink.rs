//! The loopback server that ffmpeg writes to: as much of FTP as FFmpeg's client needs to store one file (RFC 959; RFC 2428, section 3).
//!
//! FTP is the only protocol in which FFmpeg can write over a connection and go back: it ends the transfer and starts another one at a
//! position. Over a pipe or HTTP, an MP4 would have no index, and a WebM no duration.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use crate::assembly::{Assembly, AssemblyError};
use crate::parts::PartStore;

/// The maximum length of a command. FFmpeg's are below 100 bytes.
const MAX_COMMAND: u64 = 4096;
const BUFFER: usize = 256 * 1024;

/// The reason why the output ends early.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The loopback server failed, or ffmpeg broke off.
    #[error("the loopback server of the output failed")]
    Server(#[from] io::Error),
    /// What ffmpeg wrote cannot be stored.
    #[error(transparent)]
    Assembly(#[from] AssemblyError),
}

/// A listening server that does not respond yet.
#[derive(Debug)]
pub(crate) struct Sink {
    listener: TcpListener,
    address: SocketAddr,
    token: String,
}

impl Sink {
    /// Listens on a free loopback port. Only who has the random password may write.
    pub(crate) async fn bind() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, token: media_process::token()? })
    }

    pub(crate) fn url(&self) -> String {
        format!("ftp://mux:{}@{}/joined", self.token, self.address)
    }

    /// Receives one file: returns after the client has logged in and closed its connection.
    pub(crate) async fn receive<S: PartStore>(self, assembly: &mut Assembly<S>) -> Result<(), SinkError> {
        loop {
            let (stream, _) = self.listener.accept().await?;
            if let Some(session) = Session::log_in(stream, &self.token).await? {
                return session.run(assembly).await;
            }
        }
    }
}

/// A control connection.
struct Session {
    commands: BufReader<OwnedReadHalf>,
    replies: OwnedWriteHalf,
    /// The listener of the next transfer.
    passive: Option<TcpListener>,
    /// Where the next transfer begins.
    position: u64,
}

impl Session {
    /// Returns `None` if the client does not know the password.
    async fn log_in(stream: TcpStream, token: &str) -> io::Result<Option<Self>> {
        let (commands, replies) = stream.into_split();
        let mut session = Self { commands: BufReader::new(commands), replies, passive: None, position: 0 };
        session.reply("220 ready").await?;
        while let Some(line) = session.command().await? {
            match line.split_once(' ') {
                Some(("USER", _)) => session.reply("331 password").await?,
                Some(("PASS", password)) if password == token => {
                    session.reply("230 welcome").await?;
                    return Ok(Some(session));
                }
                _ => {
                    session.reply("530 no").await?;
                    return Ok(None);
                }
            }
        }
        Ok(None)
    }

    async fn run<S: PartStore>(mut self, assembly: &mut Assembly<S>) -> Result<(), SinkError> {
        while let Some(line) = self.command().await? {
            let (verb, argument) = line.split_once(' ').unwrap_or((&line, ""));
            match verb {
                "TYPE" => self.reply("200 binary").await?,
                "FEAT" => self.reply("211 none").await?,
                "PWD" => self.reply("257 \"/\"").await?,
                "REST" => {
                    self.position = argument.parse().map_err(io::Error::other)?;
                    self.reply("350 position").await?;
                }
                "EPSV" => self.listen().await?,
                "STOR" => self.store(assembly).await?,
                // The end of the transfer has been read before this command.
                "ABOR" => self.reply("226 ended").await?,
                _ => self.reply("502 unknown").await?,
            }
        }
        Ok(())
    }

    async fn listen(&mut self) -> io::Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        self.passive = Some(listener);
        self.reply(&format!("229 passive (|||{port}|)")).await
    }

    /// Receives one transfer to its end.
    async fn store<S: PartStore>(&mut self, assembly: &mut Assembly<S>) -> Result<(), SinkError> {
        let Some(listener) = self.passive.take() else {
            return Ok(self.reply("425 no connection").await?);
        };
        self.reply("150 go").await?;
        let (mut data, _) = listener.accept().await?;
        let mut at = std::mem::take(&mut self.position);
        let mut buffer = vec![0; BUFFER];
        loop {
            let count = data.read(&mut buffer).await?;
            if count == 0 {
                return Ok(());
            }
            assembly.write(at, &buffer[..count]).await?;
            at += count as u64;
        }
    }

    /// Returns the next command, or `None` at the end of the connection.
    async fn command(&mut self) -> io::Result<Option<String>> {
        let mut line = String::new();
        let read = (&mut self.commands).take(MAX_COMMAND).read_line(&mut line).await;
        match read {
            Ok(0) => Ok(None),
            Ok(_) => Ok(Some(line.trim_end().to_owned())),
            // FFmpeg closes without reading the last reply.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn reply(&mut self, text: &str) -> io::Result<()> {
        self.replies.write_all(format!("{text}\r\n").as_bytes()).await
    }
}
