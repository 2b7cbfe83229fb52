//! The first words of a connection, as proof that a server is ready.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::port::random;

const LIMIT: Duration = Duration::from_secs(2);
/// A new stream has to elect its leader first.
const STREAM_LIMIT: Duration = Duration::from_secs(5);

/// Whether a Postgres lets `user` into the database `postgres` without a password.
pub(crate) fn postgres_answers(port: u16, user: &str) -> bool {
    postgres_greets(port, user).unwrap_or(false)
}

/// Whether the NATS server of that name greets with `INFO`.
pub(crate) fn nats_answers(port: u16, name: &str) -> bool {
    let greeting = connect(port).and_then(|stream| {
        let mut line = String::new();
        BufReader::new(stream.take(64 * 1024)).read_line(&mut line)?;
        Ok(line)
    });
    greeting.is_ok_and(|line| {
        line.starts_with("INFO {") && line.contains(&format!("\"server_name\":\"{name}\""))
    })
}

/// Whether the cluster that listens here makes a stream of which so many nodes have a copy; it is
/// removed again. That takes a leader of the cluster which has heard of all these nodes.
pub(crate) fn nats_replicates(port: u16, copies: usize) -> bool {
    // A name of its own: what is left of a try that was given up would be in the way otherwise.
    let stream = format!("devservers-{:016x}", random());
    let made = Conversation::with(port).and_then(|mut nats| {
        let configuration = format!(
            "{{\"name\":\"{stream}\",\"subjects\":[\"{stream}\"],\"storage\":\"memory\",\
             \"num_replicas\":{copies}}}"
        );
        let made = nats.ask(&format!("$JS.API.STREAM.CREATE.{stream}"), &configuration)?;
        nats.ask(&format!("$JS.API.STREAM.DELETE.{stream}"), "")?;
        Ok(!made.contains("\"error\""))
    });
    made.unwrap_or(false)
}

/// Whether the NATS server that is monitored here has everything that it should have of its cluster:
/// it answers 200 to nobody before. <https://docs.nats.io/running-a-nats-service/nats_admin/monitoring>
pub(crate) fn nats_is_healthy(port: u16) -> bool {
    let answer = connect(port).and_then(|mut stream| {
        stream.set_read_timeout(Some(STREAM_LIMIT))?;
        stream.write_all(b"GET /healthz HTTP/1.0\r\n\r\n")?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        Ok(line)
    });
    answer.is_ok_and(|line| line.split_whitespace().nth(1) == Some("200"))
}

/// The little of NATS' protocol that it takes to ask something.
/// <https://docs.nats.io/reference/reference-protocols/nats-protocol>
struct Conversation {
    lines: BufReader<TcpStream>,
    inbox: String,
}

impl Conversation {
    fn with(port: u16) -> io::Result<Self> {
        let stream = connect(port)?;
        stream.set_read_timeout(Some(STREAM_LIMIT))?;
        let inbox = format!("_INBOX.{:016x}", random());
        let mut new = Self { lines: BufReader::new(stream), inbox };
        let hello = format!("CONNECT {{\"verbose\":false}}\r\nSUB {} 1\r\n", new.inbox);
        new.say(hello.as_bytes())?;
        Ok(new)
    }

    /// Publishes a request; the first answer to it.
    fn ask(&mut self, subject: &str, body: &str) -> io::Result<String> {
        let request = format!("PUB {subject} {} {}\r\n{body}\r\n", self.inbox, body.len());
        self.say(request.as_bytes())?;
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line)? == 0 || line.starts_with("-ERR") {
                return Err(io::Error::other("the server ends the conversation"));
            }
            if line.starts_with("PING") {
                self.say(b"PONG\r\n")?;
            } else if line.starts_with("MSG") {
                let length = line.split_whitespace().last().and_then(|word| word.parse().ok());
                let mut answer = vec![0; length.ok_or(io::ErrorKind::InvalidData)?];
                self.lines.read_exact(&mut answer)?;
                return String::from_utf8(answer).map_err(io::Error::other);
            }
        }
    }

    fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.lines.get_mut().write_all(bytes)
    }
}

/// Protocol 3.0: a startup message, then messages of a tag, a length and a body until
/// `ReadyForQuery` (tag `Z`). <https://www.postgresql.org/docs/current/protocol-flow.html>
fn postgres_greets(port: u16, user: &str) -> io::Result<bool> {
    let parameters = format!("user\0{user}\0database\0postgres\0\0");
    let mut message = Vec::new();
    message.extend(u32::try_from(8 + parameters.len()).map_err(io::Error::other)?.to_be_bytes());
    message.extend(196_608_u32.to_be_bytes());
    message.extend(parameters.as_bytes());

    let mut stream = connect(port)?;
    stream.write_all(&message)?;
    loop {
        let mut head = [0; 5];
        stream.read_exact(&mut head)?;
        let [tag, length @ ..] = head;
        match tag {
            b'Z' => {
                stream.write_all(&[b'X', 0, 0, 0, 4])?; // Terminate
                return Ok(true);
            }
            b'E' => return Ok(false), // still starting up, for example
            _ => {
                let body = u64::from(u32::from_be_bytes(length)).saturating_sub(4);
                io::copy(&mut (&mut stream).take(body), &mut io::sink())?;
            }
        }
    }
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    Ok(stream)
}
